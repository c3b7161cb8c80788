import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { NodeHost } from '@drakkar/framework';
import { hasErrorCode } from '@drakkar/raftio';
import type { IdleCommands, Usage } from './commands.js';
import { KVStateMachine, type NodePlan, encodePut, groupConfig, serveParent } from '@drakkar/proving';

/** One process of the test of idle groups. */
const STARTS_AT_A_TIME = 32;
const VALUE = new Uint8Array(16);
const WRITE_TIMEOUT_MS = 5_000;

const plan = JSON.parse(process.argv[2] as string) as NodePlan;
const host = await NodeHost.create(plan.configPath);

/** Does `work` for 1 to `count`, not all at once. */
async function each(count: number, work: (n: number) => Promise<void>): Promise<void> {
  let next = 1;
  const worker = async (): Promise<void> => {
    while (next <= count) await work(next++);
  };
  await Promise.all(Array.from({ length: STARTS_AT_A_TIME }, worker));
}

async function startGroup(clusterID: number): Promise<void> {
  const config = { ...groupConfig(plan.nodeID), clusterID, quiesce: true, snapshotEntries: 100_000 };
  await host.startCluster(new Map(plan.members), false, () => new KVStateMachine(), config);
}

async function writeOnce(): Promise<number> {
  const { replicas } = host.getNodeHostInfo();
  const led = replicas.filter(({ progress }) => progress?.role === 'leader');
  let written = 0;
  await each(led.length, async (n) => {
    const clusterID = led[n - 1]?.clusterID ?? 0;
    const session = host.getNoOPSession(clusterID);
    try {
      await host.syncPropose(session, encodePut('k', VALUE), { timeoutMs: WRITE_TIMEOUT_MS });
      written += 1;
    } catch (error) {
      // The lead may have moved meanwhile: another process writes, or the parent asks again.
      if (!hasErrorCode(error, 'ERR_CLUSTER_NOT_READY') && !hasErrorCode(error, 'ERR_TIMEOUT')) throw error;
    }
  });
  return written;
}

function collect(): null {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return null;
}

function usage(): Usage {
  const { user, system } = process.cpuUsage();
  return { cpuMicros: user + system, rssBytes: process.memoryUsage.rss() };
}

serveParent<IdleCommands>({
  startGroups: async ({ groups }) => {
    await each(groups, startGroup);
    return null;
  },
  writeOnce,
  count: () => {
    const { replicas } = host.getNodeHostInfo();
    const running = replicas.flatMap(({ progress }) => (progress === undefined ? [] : [progress]));
    return {
      led: running.filter(({ leaderID }) => leaderID !== 0).length,
      asleep: running.filter(({ quiesced }) => quiesced).length,
    };
  },
  collect,
  usage,
  shutdown: async () => {
    await host.stop();
    return null;
  },
});
