import type { GroupState } from '../cluster/cluster.js';
import { tell } from '../cluster/world.js';
import { type Stage, type StagedMember, cutOff, heal, stagedMembers, until, writeSome } from './stage.js';

const WRITES_BETWEEN = 3;
const WANTED_VOTERS = 3;
/** What becomes of the member that is away. */
const FATES = ['cut off', 'down'] as const;

/**
 * Every other member of a group is replaced while one is away. When it comes back it knows none of those that there
 * are; it must catch up all the same. One that was removed meanwhile, of whose fellows one is left, must learn that.
 */
export async function tryMembersReplaced(stage: Stage): Promise<void> {
  await replaceWhileAway(stage, stage.dice.pick(FATES));
}

/** The one that is away is removed, too. */
export async function tryRemovedWhileAway(stage: Stage): Promise<void> {
  await replaceWhileAway(stage, 'removed');
}

async function replaceWhileAway(stage: Stage, fate: (typeof FATES)[number] | 'removed'): Promise<void> {
  const { world, cluster, dice } = stage;
  const group = dice.pick(cluster.groups);
  const away = dice.pick(stagedMembers(stage, group));
  await shrink(stage, group, away);
  if (!canReplace(stage, group, away)) return;
  const { clusterID } = group.scenario;
  tell(world, 'trial', `group ${clusterID}: node ${away.nodeID} at ${away.host.name} is away: ${fate}`);
  if (fate === 'down') cluster.hold(away.host);
  else await cutOff(stage, away.host);
  stage.prober.avoids = away.host;
  const isDone = await replaceOthers(stage, group, away, fate === 'removed');
  stage.prober.avoids = undefined;
  heal(stage);
  if (fate === 'down') cluster.release(away.host);
  if (!isDone) return stage.liveness.fail(`group ${clusterID}: its members could not be replaced`);
  if (fate === 'removed') {
    const isTold = (): boolean => away.host.hasLearntRemoval(clusterID, away.nodeID);
    // One that sleeps finds out as soon as it is used.
    await stage.prober.read(group, away.host);
    if (!(await until(stage, isTold)))
      stage.liveness.fail(`group ${clusterID}: node ${away.nodeID} never learns that it was removed`);
    cluster.retireLater(clusterID, away.nodeID);
  } else if (!(await stage.liveness.answers(stage.prober, group, away.nodeID))) {
    stage.liveness.fail(`group ${clusterID}: node ${away.nodeID} was away and answers no read`);
  }
  if (world.oracle.violation === undefined)
    world.coverage.count(fate === 'removed' ? 'removal learnt' : 'members replaced');
}

/** Members beyond three leave, and their hosts with them. */
async function shrink(stage: Stage, group: GroupState, away: StagedMember): Promise<void> {
  const { cluster, admins } = stage;
  const { clusterID } = group.scenario;
  const admin = admins[cluster.groups.indexOf(group)];
  for (const { nodeID, isVoter } of stagedMembers(stage, group)) {
    const voterCount = group.view.newest?.addresses.size ?? 0;
    const isNeeded = nodeID === away.nodeID || (isVoter && voterCount <= WANTED_VOTERS);
    if (isNeeded) continue;
    await admin?.perform({ kind: 'remove', nodeID, address: '' });
    await until(stage, () => cluster.hostOf(clusterID, nodeID) === undefined);
  }
}

/** Each of the others needs a host to go to, and the group its quorum all the time. */
function canReplace(
  { cluster }: Stage,
  { scenario: { clusterID }, view }: GroupState,
  away: StagedMember,
): boolean {
  const free = cluster.hosts.filter((host) => !host.replicas.has(clusterID)).length;
  const voters = [...(view.newest?.addresses.keys() ?? [])];
  const others = voters.filter((nodeID) => nodeID !== away.nodeID).length;
  return others > 0 && others <= free && others > voters.length / 2;
}

async function replaceOthers(
  stage: Stage,
  group: GroupState,
  away: StagedMember,
  removesIt: boolean,
): Promise<boolean> {
  const { cluster, admins } = stage;
  const { clusterID } = group.scenario;
  const admin = admins[cluster.groups.indexOf(group)];
  const others = stagedMembers(stage, group).filter(({ nodeID }) => nodeID !== away.nodeID);
  if (removesIt) {
    const change = { kind: 'remove', nodeID: away.nodeID, address: '' } as const;
    // A leader that was elected just now may not have heard the others yet.
    await admin?.perform(change, { keeps: true, isForced: true });
  }
  // One that was removed learns it from a member that it knows.
  const replaced = removesIt ? others.slice(1) : others;
  for (const { nodeID, isVoter } of replaced) {
    const free = cluster.hosts.find((host) => !host.replicas.has(clusterID) && host !== away.host);
    if (isVoter && free !== undefined) {
      const change = { kind: 'add', nodeID: group.nextNodeID++, address: free.address } as const;
      // With one away and one not started yet the leader sees a quorum at risk; its operator knows better.
      await admin?.perform(change, { isForced: true });
      if (!(await writeSome(stage, group, WRITES_BETWEEN))) return false;
    }
    await admin?.perform({ kind: 'remove', nodeID, address: '' });
    if (!(await writeSome(stage, group, WRITES_BETWEEN))) return false;
  }
  return true;
}
