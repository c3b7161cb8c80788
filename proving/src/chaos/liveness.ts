import { setTimeout as delay } from 'node:timers/promises';
import type { ChaosCluster } from './cluster.js';
import type { Group } from './groups.js';
import type { Answer } from './node-commands.js';
import type { ChaosCommand } from './state-machine.js';

const ATTEMPT_TIMEOUT_MS = 2_000;
const CALL_TIMEOUT_MS = ATTEMPT_TIMEOUT_MS + 1_000;
const RETRY_DELAY_MS = 100;
/** A client of no account. */
const PROBER = 0;
const PROBE_KEY = 'probe';

type Ask = Pick<ChaosCluster, 'call'>;

/**
 * With everything healed each group must commit a write, and a read through each of its members must return and see
 * it. Gives the groups, with the reason, that don't within the time.
 */
export async function findStuckGroups(
  cluster: Ask,
  groups: readonly Group[],
  value: number,
  deadlineMs: number,
  signal?: AbortSignal,
): Promise<string[]> {
  const endMs = performance.now() + deadlineMs;
  const isOver = (): boolean => performance.now() > endMs || signal?.aborted === true;
  const asked = groups.map(async (group) => {
    try {
      await probe(cluster, group, value, isOver);
      return [];
    } catch (error) {
      return [`group ${group.clusterID}: ${error instanceof Error ? error.message : String(error)}`];
    }
  });
  return (await Promise.all(asked)).flat();
}

async function probe(
  cluster: Ask,
  { clusterID, members }: Group,
  value: number,
  isOver: () => boolean,
): Promise<void> {
  const command: ChaosCommand = { op: 'put', key: PROBE_KEY, value, client: PROBER, seq: value };
  const request = { clusterID, timeoutMs: ATTEMPT_TIMEOUT_MS };
  const propose = { ...request, session: null, cmd: JSON.stringify(command), sizeBytes: 0 };
  const hostIDs = [...members.keys()];
  await untilGood('no write was committed', hostIDs, isOver, (hostID) =>
    cluster.call(hostID, 'propose', propose, CALL_TIMEOUT_MS),
  );
  await Promise.all(
    hostIDs.map(async (hostID) => {
      const seen = await untilGood(`no read through host ${hostID} returned`, [hostID], isOver, () =>
        cluster.call(hostID, 'read', { ...request, query: PROBE_KEY }, CALL_TIMEOUT_MS),
      );
      if (seen !== JSON.stringify(value)) {
        throw new Error(`a read through host ${hostID} saw ${seen} instead of the acknowledged ${value}`);
      }
    }),
  );
}

async function untilGood<T>(
  problem: string,
  hostIDs: readonly number[],
  isOver: () => boolean,
  ask: (hostID: number) => Promise<Answer<T>>,
): Promise<T> {
  for (let attempt = 0; ; attempt += 1) {
    const hostID = hostIDs[attempt % hostIDs.length] ?? 0;
    const answer = await ask(hostID).catch((error: unknown) => ({
      isGood: false as const,
      message: error instanceof Error ? error.message : String(error),
    }));
    if (answer.isGood) return answer.value;
    if (isOver()) throw new Error(`${problem}; last, host ${hostID} said: ${answer.message}`);
    await delay(RETRY_DELAY_MS);
  }
}
