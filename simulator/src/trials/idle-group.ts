import { MessageType } from '@drakkar/raftio';
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

const ASLEEP_ELECTIONS = 30;
const MISSED_WRITES = 3;

/** What happens while the group sleeps, or as it falls asleep. */
const EVENTS = [
  'nothing',
  'leader dies',
  'replica restarts',
  'host restarts',
  'late start',
  'lost message',
  'cut off',
] as const;

/**
 * A group that nobody uses falls asleep. Whatever becomes of its members meanwhile, each of those that are left is to
 * answer a read, though nobody has used the group at another member.
 */
export async function tryIdleGroup(stage: Stage): Promise<void> {
  const { world, cluster, dice } = stage;
  const group = cluster.groups.find(({ scenario }) => scenario.quiesce);
  if (group === undefined) return;
  const { clusterID } = group.scenario;
  const event = dice.pick(EVENTS);
  const isObserved = dice.chance(0.7);
  if (isObserved || event === 'late start') await addObserver(stage, group, event === 'late start');
  if (!(await writeSome(stage, group, 1))) return stage.liveness.fail('nothing is committed before a sleep');
  const leader = await leaderOf(stage, group);
  const members = stagedMembers(stage, group);
  const others = members.filter(({ nodeID }) => nodeID !== leader?.nodeID);
  if (leader === undefined || others.length === 0) return;
  const observers = others.filter(({ isVoter }) => !isVoter);
  const late = others.find(({ host }) => event === 'late start' && host.progressOf(clusterID) === undefined);
  const asked = late ?? dice.pick(observers.length > 0 && dice.chance(0.7) ? observers : others);
  tell(world, 'trial', `idle group ${clusterID}: ${event}; node ${asked.nodeID} will be asked`);
  if (event === 'lost message') {
    world.network.swallows = ({ type, to }) => type === MessageType.Quiesce && to === asked.nodeID;
  }
  await fallAsleep(stage, group);
  world.network.swallows = undefined;
  await happen(stage, group, event, { leader, asked, others });
  if (!(await stage.liveness.answers(stage.prober, group, asked.nodeID))) {
    stage.liveness.fail(
      `group ${clusterID}: after a sleep and ${event} node ${asked.nodeID} answers no read`,
    );
  } else {
    world.coverage.count('asked after sleep');
  }
  for (const host of [...cluster.held]) cluster.release(host);
}

async function addObserver(
  { cluster, admins, dice, world }: Stage,
  group: GroupState,
  isLate: boolean,
): Promise<void> {
  const { clusterID } = group.scenario;
  const free = cluster.hosts.filter((host) => !host.replicas.has(clusterID));
  if (free.length === 0) return;
  const { address } = dice.pick(free);
  const admin = admins[cluster.groups.indexOf(group)];
  await admin?.perform({ kind: 'addObserver', nodeID: group.nextNodeID++, address }, { isLate });
  await world.scheduler.sleep(1_000);
}

/** Until every replica sleeps, or for long enough. */
async function fallAsleep(stage: Stage, group: GroupState): Promise<void> {
  const { clusterID } = group.scenario;
  const isAsleep = (): boolean =>
    stagedMembers(stage, group).every(({ host }) => host.progressOf(clusterID)?.quiesced !== false);
  await until(stage, isAsleep, electionsMs(stage, group, ASLEEP_ELECTIONS));
}

interface Cast {
  leader: StagedMember;
  asked: StagedMember;
  others: readonly StagedMember[];
}

async function happen(
  stage: Stage,
  group: GroupState,
  event: (typeof EVENTS)[number],
  { leader, asked }: Cast,
): Promise<void> {
  const { world, cluster } = stage;
  const { clusterID } = group.scenario;
  if (event === 'leader dies') {
    const isHeld = (nodeID: number): boolean => cluster.hostOf(clusterID, nodeID) === leader.host;
    if (group.view.survives(isHeld) && asked.host !== leader.host) cluster.hold(leader.host);
  } else if (event === 'replica restarts') {
    await asked.host.stopReplica(clusterID);
    await world.scheduler.sleep(electionsMs(stage, group, 2));
    await asked.host.startReplica(clusterID);
  } else if (event === 'host restarts') {
    asked.host.crash(false);
    await until(stage, () => asked.host.progressOf(clusterID) !== undefined);
  } else if (event === 'late start') {
    await asked.host.startReplica(clusterID);
  } else if (event === 'cut off') {
    const isAway = (nodeID: number): boolean => nodeID === asked.nodeID;
    if (!group.view.survives(isAway)) return;
    await cutOff(stage, asked.host);
    stage.prober.avoids = asked.host;
    await writeSome(stage, group, MISSED_WRITES);
    await fallAsleep(stage, group);
    stage.prober.avoids = undefined;
    heal(stage);
    await catchUp(stage, group, asked);
  }
}

/** A member that was cut off learns what it has missed, though nobody uses the group any more. */
async function catchUp(stage: Stage, group: GroupState, { host, nodeID }: StagedMember): Promise<void> {
  const { clusterID } = group.scenario;
  const isEqual = (): boolean =>
    new Set(stagedMembers(stage, group).map((member) => member.host.fingerprint(clusterID))).size === 1;
  if (await until(stage, isEqual)) return;
  stage.liveness.fail(
    `group ${clusterID}: node ${nodeID} at ${host.name} was cut off while all slept and stays behind`,
  );
}
