import { tell } from '../cluster/world.js';
import { type Stage, electionsMs, leaderOf, stagedMembers, until } from './stage.js';

const MIN_PATIENCE_MS = 15_000;
const PATIENCE_ELECTIONS = 40;
const STUCK_MS = 3_600_000;
const PAUSE_MS = 50;

/**
 * The leader's state machine, or its disk, does not answer any more, and all others are well: another one is to lead
 * within a bound.
 */
export async function tryStuckLeader(stage: Stage): Promise<void> {
  const { world, cluster, dice, prober, liveness } = stage;
  const group = dice.shuffled(cluster.groups).find(({ view }) => (view.newest?.addresses.size ?? 0) > 2);
  if (group === undefined) return;
  const { clusterID } = group.scenario;
  const leader = await leaderOf(stage, group);
  if (leader === undefined) return liveness.fail(`group ${clusterID} has no leader`);
  const { host } = leader;
  const isDisk = dice.chance(0.3);
  tell(world, 'trial', `the ${isDisk ? 'disk' : 'state machine'} of ${host.name} is stuck`);
  if (isDisk) host.disk.stalledUntilMs = world.scheduler.nowMs + STUCK_MS;
  else host.stickMachine(clusterID);
  let isOver = false;
  const load = Array.from({ length: 3 }, async (_, i) => {
    const client = prober.companion(`load ${i}`);
    client.avoids = host;
    while (!isOver) {
      await client.writeOnce(group);
      await world.scheduler.sleep(PAUSE_MS);
    }
  });
  const isReplaced = (): boolean =>
    stagedMembers(stage, group).some((member) => member.host !== host && member.host.leads(clusterID));
  const limitMs = Math.max(MIN_PATIENCE_MS, electionsMs(stage, group, PATIENCE_ELECTIONS));
  if (await until(stage, isReplaced, limitMs)) world.coverage.count(isDisk ? 'disk stuck' : 'machine stuck');
  else
    liveness.fail(
      `group ${clusterID}: node ${leader.nodeID} leads on though its ${isDisk ? 'disk' : 'state machine'} is stuck`,
    );
  isOver = true;
  await Promise.all(load);
  host.crash(false);
  host.disk.repair();
}
