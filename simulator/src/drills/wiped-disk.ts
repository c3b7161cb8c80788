import type { VirtualHost } from '../cluster/virtual-host.js';
import type { Theatre } from './theatre.js';

const RULE = 'no vote of a replica that has lost entries';
/** Until the loss is recorded, on a disk without faults. */
const RECORD_MS = 100;

export const wipedDiskSetting = { hostCount: 3, groups: [{ voterCount: 3 }] };

/**
 * A member's disk is exchanged, and it starts again under its id, which nobody may do. Its leader finds that out, and is
 * gone. The member is restarted, and asked for its vote by one that lacks what those two had acknowledged.
 */
export async function drillWipedDisk(theatre: Theatre): Promise<void> {
  const { cluster, dice, world } = theatre;
  const { clusterID } = theatre.group.scenario;
  await theatre.writes(await theatre.leader(), 1);
  const leader = await theatre.leader();
  const others = dice.shuffled(cluster.hosts.filter((host) => host !== leader));
  const [victim, behind] = others as [VirtualHost, VirtualHost];
  cluster.hold(behind);
  await theatre.writes(leader, dice.between(1, 6));
  cluster.hold(victim);
  theatre.oracle.see('lost', { clusterID, nodeID: victim.replicas.get(clusterID)?.nodeID ?? 0 });
  victim.disk.wipe();
  cluster.release(victim);
  await theatre.until('a refusal', () => victim.refusalOf(clusterID) !== undefined);
  cluster.hold(leader);
  await theatre.sleep(RECORD_MS);
  victim.crash(dice.chance(0.5));
  await theatre.until('a restart', () => theatre.progress(victim) !== undefined);
  cluster.release(behind);
  await theatre.until('a campaign', () => theatre.progress(behind)?.role === 'preCandidate', 5);
  await theatre.sleep(dice.between(1_000, 10_000));
  const leading = [victim, behind].find((host) => host.leads(clusterID));
  if (leading !== undefined)
    return theatre.fail(RULE, `${leading.name} leads, and may lack what ${leader.name} has acknowledged`);
  cluster.release(leader);
  await theatre.leader();
  // The next leader, which was elected without it, has given it everything.
  await theatre.until('the end of the refusal', () => victim.refusalOf(clusterID) === undefined);
  for (const host of cluster.hosts) await theatre.read(host);
  world.coverage.count('drill: wiped disk');
}
