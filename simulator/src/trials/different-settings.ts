import type { GroupState } from '../cluster/cluster.js';
import { tell } from '../cluster/world.js';
import { type Stage, type StagedMember, leaderOf, stagedMembers, until, writeSome } from './stage.js';

const WRITES = 5;

/**
 * A replica is restarted with a setting that decides how entries apply, and others have it otherwise. It must be
 * refused, and the others must go on; with the right setting it is one of them again.
 */
export async function tryDifferentSettings(stage: Stage): Promise<void> {
  const { world, cluster, dice, liveness, prober } = stage;
  const group = dice.shuffled(cluster.groups).find(({ view }) => (view.newest?.addresses.size ?? 0) > 2);
  if (group === undefined) return;
  const { clusterID, orderedConfigChange } = group.scenario;
  const leader = await leaderOf(stage, group);
  const others = stagedMembers(stage, group).filter(({ nodeID }) => nodeID !== leader?.nodeID);
  const differing = dice.pick(others);
  tell(world, 'trial', `group ${clusterID}: node ${differing.nodeID} gets another orderedConfigChange`);
  prober.avoids = differing.host;
  await restartWith(group, differing, !orderedConfigChange);
  const isRefused = (): boolean => differing.host.refusalOf(clusterID) !== undefined;
  if (!(await until(stage, isRefused)))
    liveness.fail(`group ${clusterID}: node ${differing.nodeID} is not refused, though its settings differ`);
  else if (!(await writeSome(stage, group, WRITES)))
    liveness.fail(`group ${clusterID}: nothing is committed while node ${differing.nodeID} differs`);
  else world.coverage.count('replica refused');
  await restartWith(group, differing, orderedConfigChange);
  prober.avoids = undefined;
}

async function restartWith(
  { scenario: { clusterID } }: GroupState,
  { host }: StagedMember,
  orderedConfigChange: boolean,
): Promise<void> {
  const plan = host.replicas.get(clusterID);
  if (plan === undefined) return;
  await host.stopReplica(clusterID);
  host.replicas.set(clusterID, { ...plan, group: { ...plan.group, orderedConfigChange } });
  await host.startReplica(clusterID);
}
