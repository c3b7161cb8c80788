import type { GroupState } from '../cluster/cluster.js';
import { tell } from '../cluster/world.js';
import { type Stage, type StagedMember, leaderOf, stagedMembers, until, writeSome } from './stage.js';

const WRITES = 5;

/**
 * A replica is restarted with a setting that decides how entries apply, and others have it otherwise in their
 * configuration. The group has it in its log, so the replica must go on with that, from the beginning of its log on,
 * and be one of the members as before.
 */
export async function tryDifferentSettings(stage: Stage): Promise<void> {
  const { world, cluster, dice, liveness } = stage;
  const group = dice.shuffled(cluster.groups).find(({ view }) => (view.newest?.addresses.size ?? 0) > 1);
  if (group === undefined) return;
  const { clusterID, orderedConfigChange } = group.scenario;
  await leaderOf(stage, group);
  const members = stagedMembers(stage, group);
  const isRaised = (): boolean =>
    members.every(({ host }) => (host.progressOf(clusterID)?.featureLevel ?? 0) > 0);
  if (!(await until(stage, isRaised)))
    return liveness.fail(`group ${clusterID}: its members do not reach feature level 1`);
  const differing = dice.pick(members);
  const settings = JSON.stringify(differing.host.progressOf(clusterID)?.settings);
  tell(world, 'trial', `group ${clusterID}: node ${differing.nodeID} gets another orderedConfigChange`);
  await restartWith(group, differing, !orderedConfigChange);
  const isAsBefore = (): boolean => {
    const progress = differing.host.progressOf(clusterID);
    return JSON.stringify(progress?.settings) === settings && progress?.agreement?.refusal === undefined;
  };
  if (!(await until(stage, isAsBefore)))
    liveness.fail(`group ${clusterID}: node ${differing.nodeID} does not go on with the group's settings`);
  else if (!(await writeSome(stage, group, WRITES)))
    liveness.fail(
      `group ${clusterID}: nothing is committed while node ${differing.nodeID} is configured otherwise`,
    );
  else if (!(await liveness.answers(stage.prober, group, differing.nodeID)))
    liveness.fail(`group ${clusterID}: node ${differing.nodeID} is configured otherwise and answers no read`);
  await restartWith(group, differing, orderedConfigChange);
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
