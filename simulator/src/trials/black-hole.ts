import { tell } from '../cluster/world.js';
import { type Stage, electionsMs, leaderOf, stagedMembers, until, writeSome } from './stage.js';

const MIN_PATIENCE_MS = 15_000;
/** A leader leaves after sixteen without progress; then comes an election. */
const PATIENCE_ELECTIONS = 40;
const PAUSE_MS = 50;
/** Heartbeats, answers and votes are smaller, an entry with a command is larger. */
const LIMIT_BYTES = 100;

/**
 * What is large does not get from the leader to the others, and is lost without a word, as where a link takes smaller
 * packets than both ends believe. Heartbeats and their answers pass. Another one, whose links are good, is to lead
 * within a bound.
 */
export async function tryBlackHole(stage: Stage): Promise<void> {
  const { world, cluster, dice, prober, liveness } = stage;
  const group = dice.shuffled(cluster.groups).find(({ view }) => (view.newest?.addresses.size ?? 0) > 2);
  if (group === undefined) return;
  const { clusterID } = group.scenario;
  if (!(await writeSome(stage, group, 1)))
    return liveness.fail(`group ${clusterID} commits nothing before entries are lost`);
  const leader = await leaderOf(stage, group);
  if (leader === undefined) return liveness.fail(`group ${clusterID} has no leader`);
  const { host } = leader;
  tell(world, 'trial', `what is large and comes from ${host.name} is lost`);
  for (const { address } of cluster.hosts) world.network.losesLarge(host.address, address, LIMIT_BYTES);
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
  if (await until(stage, isReplaced, limitMs)) world.coverage.count('black hole');
  else
    liveness.fail(
      `group ${clusterID}: node ${leader.nodeID} leads on though none of its entries gets through`,
    );
  isOver = true;
  await Promise.all(load);
  world.network.heal();
}
