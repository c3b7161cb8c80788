import type { GroupState } from '../cluster/cluster.js';
import { tell } from '../cluster/world.js';
import type { Client } from '../workload/client.js';
import { type Stage, electionsMs, leaderOf, stagedMembers, writeSome } from './stage.js';

const MIB = 1024 * 1024;
/** Of one command; for groups whose election timeout is a second or more it is twice that. */
const COMMAND_BYTES = MIB;
const LONG_ELECTION_MS = 1_000;
/** So long one command is on its way, unless the links would be too slow for the other group: longer than elections wait. */
const TRANSMISSION_ELECTIONS = 3;
/** With less a leader gives up, since what it sends does not get through; see progress.ts of the core. */
const LEAST_BYTES_PER_ELECTION = MIB / 4;
const WRITERS = 2;
const WRITES_EACH = 2;
const MAX_ATTEMPTS = 10;
/** Of the neighbour, between two answers. */
const MAX_PAUSE_ELECTIONS = 6;
const MIN_MAX_PAUSE_MS = 3_000;
const PAUSE_MS = 20;
const WATCH_MS = 100;
const STREAM_BYTES_PER_MS = 100_000;

/**
 * A group writes commands that each take longer on the links than an election timeout. All of them are committed, no
 * group loses its leader for it, and another group, whose members share the links, answers as ever.
 */
export async function tryBulkNeighbour(stage: Stage): Promise<void> {
  const { world, cluster, dice, liveness, prober } = stage;
  const [bulk, neighbour] = dice.shuffled(cluster.groups.filter((group) => canTakePart(group)));
  if (bulk === undefined || neighbour === undefined) return;
  for (const group of [bulk, neighbour]) {
    await leaderOf(stage, group);
    if (!(await writeSome(stage, group, 1))) return liveness.fail('nothing is committed before a bulk load');
  }
  const timeouts = [bulk, neighbour].map((group) => electionsMs(stage, group, 1));
  const electionMs = Math.max(...timeouts);
  const sizeBytes = electionMs >= LONG_ELECTION_MS ? 2 * COMMAND_BYTES : COMMAND_BYTES;
  const messageBytesPerMs = Math.max(
    sizeBytes / (TRANSMISSION_ELECTIONS * electionMs),
    LEAST_BYTES_PER_ELECTION / Math.min(...timeouts),
  );
  const { clusterID } = bulk.scenario;
  tell(
    world,
    'trial',
    `group ${clusterID} writes ${sizeBytes} bytes at a time, at ${Math.round(messageBytesPerMs)} bytes per ms`,
  );
  world.network.links = { messageBytesPerMs, streamBytesPerMs: STREAM_BYTES_PER_MS, isShared: true };
  let isOver = false;
  const watching = watchLeaders(stage, [bulk, neighbour], () => isOver);
  const asking = askOn(stage, neighbour, () => isOver);
  const writers = Array.from({ length: WRITERS }, (_, i) => prober.companion(`bulk ${i}`));
  const written = await Promise.all(writers.map((client) => writeLarge(stage, client, bulk, sizeBytes)));
  isOver = true;
  const longestMs = await asking;
  await watching;
  if (world.oracle.violation !== undefined) return;
  world.network.links = world.scenario.links;
  const maxPauseMs = Math.max(MIN_MAX_PAUSE_MS, MAX_PAUSE_ELECTIONS * electionMs);
  const pauseOf = `group ${neighbour.scenario.clusterID} gives no answer for ${Math.round(longestMs)} ms`;
  if (written.includes(false))
    liveness.fail(`group ${clusterID}: a command of ${sizeBytes} bytes is not committed`);
  else if (longestMs > maxPauseMs) liveness.fail(`${pauseOf} while group ${clusterID} writes large commands`);
  world.coverage.count('neighbour of a bulk load');
}

/** Resolves to whether all were acknowledged. To open a session takes its time, too, behind the command of another. */
async function writeLarge(
  stage: Stage,
  client: Client,
  group: GroupState,
  sizeBytes: number,
): Promise<boolean> {
  let left = WRITES_EACH;
  for (
    let attempts = 0;
    left > 0 && attempts < MAX_ATTEMPTS && stage.world.oracle.violation === undefined;
    attempts++
  ) {
    if (await client.writeLarge(group, sizeBytes)) left -= 1;
  }
  return left === 0;
}

/** A leader is needed that sends to others, and room in its log. */
function canTakePart({ scenario, view }: GroupState): boolean {
  return scenario.maxInMemLogSize === 0 && (view.newest?.addresses.size ?? 0) > 1;
}

function leadershipOf(stage: Stage, group: GroupState): string {
  const { clusterID } = group.scenario;
  const leader = stagedMembers(stage, group).find(({ host }) => host.leads(clusterID));
  return `node ${leader?.nodeID} in term ${leader?.host.progressOf(clusterID)?.term}`;
}

/** Nothing else happens, so that each group keeps the leader that it has, and its term. */
async function watchLeaders(
  stage: Stage,
  groups: readonly GroupState[],
  isOver: () => boolean,
): Promise<void> {
  const { scheduler, oracle } = stage.world;
  const before = groups.map((group) => leadershipOf(stage, group));
  while (!isOver() && oracle.violation === undefined) {
    for (const [i, group] of groups.entries()) {
      const now = leadershipOf(stage, group);
      if (now === before[i]) continue;
      const what = `group ${group.scenario.clusterID} changes its leader beside a bulk load`;
      stage.liveness.fail(`${what}: ${before[i]}, then ${now}`);
    }
    await scheduler.sleep(WATCH_MS);
  }
}

/** Resolves to the longest time without an answer. */
async function askOn(stage: Stage, group: GroupState, isOver: () => boolean): Promise<number> {
  const { scheduler, oracle } = stage.world;
  const client = stage.prober.companion('neighbour');
  let answeredAtMs = scheduler.nowMs;
  let longestMs = 0;
  while (!isOver() && oracle.violation === undefined) {
    const isAnswered = await client.writeOnce(group);
    longestMs = Math.max(longestMs, scheduler.nowMs - answeredAtMs);
    if (isAnswered) answeredAtMs = scheduler.nowMs;
    await scheduler.sleep(PAUSE_MS);
  }
  return longestMs;
}
