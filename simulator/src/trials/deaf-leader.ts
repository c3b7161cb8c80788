import { tell } from '../cluster/world.js';
import { type Stage, electionsMs, leaderOf, stagedMembers, writeSome } from './stage.js';

/** Until the others must have another leader: a leader may take four election timeouts to notice, then comes an election. */
const PATIENCE_ELECTIONS = 25;
const PAUSE_MS = 100;

/**
 * A leader that is heard by the others, or by one of them, and hears no quorum. A majority is connected, so it must be
 * able to commit, also without check quorum, whatever other options the group has.
 */
export async function tryDeafLeader(stage: Stage): Promise<void> {
  const { world, cluster, dice } = stage;
  const [group] = cluster.groups;
  if (group === undefined) return;
  if (!(await writeSome(stage, group, 1)))
    return stage.liveness.fail('nothing is committed before a leader goes deaf');
  const leader = await leaderOf(stage, group);
  const voters = stagedMembers(stage, group).filter(({ isVoter }) => isVoter);
  const others = voters.filter(({ nodeID }) => nodeID !== leader?.nodeID);
  const majority = Math.floor(voters.length / 2) + 1;
  if (leader === undefined || others.length < majority) return;
  // Of four voters, one that hears the leader, both ways, is one that the majority needs.
  const friend = voters.length === 4 && dice.chance(0.5) ? dice.pick(others) : undefined;
  tell(
    world,
    'trial',
    `group ${group.scenario.clusterID}: ${leader.host.name} hears ${friend?.host.name ?? 'nobody'}`,
  );
  // Single messages get lost, not connections: a host that can not be answered is not taken for one that is gone.
  const isFriend = (nodeID: number): boolean => nodeID === friend?.nodeID;
  world.network.swallows = ({ clusterID, from, to }) => {
    if (clusterID !== group.scenario.clusterID) return false;
    if (to === leader.nodeID) return !isFriend(from);
    return friend !== undefined && from === leader.nodeID && !isFriend(to);
  };
  stage.prober.avoids = leader.host;
  const untilMs = world.scheduler.nowMs + electionsMs(stage, group, PATIENCE_ELECTIONS);
  let isDone = false;
  while (!isDone && world.scheduler.nowMs < untilMs) {
    isDone = await stage.prober.writeOnce(group);
    if (!isDone) await world.scheduler.sleep(PAUSE_MS);
  }
  if (isDone) world.coverage.count('majority without a deaf leader');
  else
    stage.liveness.fail(
      `group ${group.scenario.clusterID}: a connected majority commits nothing while ${leader.host.name} is deaf`,
    );
  stage.prober.avoids = undefined;
  world.network.swallows = undefined;
}
