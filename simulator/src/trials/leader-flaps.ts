import type { GroupState } from '../cluster/cluster.js';
import { tell } from '../cluster/world.js';
import {
  type Stage,
  type StagedMember,
  cutOff,
  electionsMs,
  heal,
  leaderOf,
  stagedMembers,
  until,
  writeSome,
} from './stage.js';

const STREAM_BYTES_PER_MS = 0.5;
const MESSAGE_BYTES_PER_MS = 500;
/** After so many no leader has the first of them in its memory. */
const FORGETTING_WRITES = 80;
const START_LIMIT_MS = 20_000;
const LOAD_PAUSE_MS = 100;

/**
 * A leader loses and regains leadership while it streams a snapshot that lasts longer than many heartbeats: the
 * follower must have it after a few streams, also when the group writes on.
 */
export async function tryLeaderFlaps(stage: Stage): Promise<void> {
  const { world, dice, cluster, liveness } = stage;
  const group = dice.shuffled(cluster.groups).find(({ view }) => (view.newest?.addresses.size ?? 0) > 2);
  if (group === undefined) return;
  const { clusterID } = group.scenario;
  const leader = await leaderOf(stage, group);
  const members = stagedMembers(stage, group);
  const behind = dice.pick(members.filter(({ nodeID }) => nodeID !== leader?.nodeID));
  const other = members.find(
    ({ nodeID, isVoter }) => isVoter && nodeID !== leader?.nodeID && nodeID !== behind.nodeID,
  );
  if (leader === undefined || other === undefined) return;
  tell(world, 'trial', `group ${clusterID}: node ${behind.nodeID} will need a snapshot`);
  await leaveBehind(stage, group, behind);
  const before = world.traffic.streamCount(clusterID, behind.nodeID);
  world.network.links = { messageBytesPerMs: MESSAGE_BYTES_PER_MS, streamBytesPerMs: STREAM_BYTES_PER_MS };
  heal(stage);
  const hasBegun = (): boolean => world.traffic.streamCount(clusterID, behind.nodeID) > before;
  const load = { isOver: !dice.chance(0.5) };
  const loading = writeOn(stage, group, load);
  if (await until(stage, hasBegun, START_LIMIT_MS)) {
    world.coverage.count('leader flapped');
    await handOver(stage, group, leader, other);
    await handOver(stage, group, other, leader);
  }
  if (!(await liveness.answers(stage.prober, group, behind.nodeID)))
    liveness.fail(`group ${clusterID}: node ${behind.nodeID} does not catch up by a snapshot`);
  load.isOver = true;
  await loading;
  world.network.links = world.scenario.links;
}

/** What the follower needs goes from the logs of all others. */
async function leaveBehind(stage: Stage, group: GroupState, behind: StagedMember): Promise<void> {
  const { clusterID, compactionOverhead } = group.scenario;
  const { requests, prober, world } = stage;
  await cutOff(stage, behind.host);
  prober.avoids = behind.host;
  await writeSome(stage, group, compactionOverhead + FORGETTING_WRITES);
  for (const { host } of stagedMembers(stage, group)) {
    if (host !== behind.host) requests.snapshot(host, clusterID);
  }
  await world.scheduler.sleep(electionsMs(stage, group, 2));
  prober.avoids = undefined;
}

async function writeOn(
  { prober, world }: Stage,
  group: GroupState,
  load: { isOver: boolean },
): Promise<void> {
  const client = prober.companion('load');
  while (!load.isOver) {
    await client.writeOnce(group);
    await world.scheduler.sleep(LOAD_PAUSE_MS);
  }
}

async function handOver(
  stage: Stage,
  group: GroupState,
  from: StagedMember,
  to: StagedMember,
): Promise<void> {
  const { clusterID } = group.scenario;
  const ask = (): boolean => {
    if (to.host.leads(clusterID)) return true;
    if (!from.host.leads(clusterID)) return false;
    try {
      from.host.nodeHost?.requestLeaderTransfer(clusterID, to.nodeID);
    } catch {
      // One is under way.
    }
    return false;
  };
  await until(stage, ask, electionsMs(stage, group, 10));
}
