import type { VirtualHost } from '../cluster/virtual-host.js';
import { DrillStuckError, type Theatre } from './theatre.js';

const RULE = 'equal settings before they are in the log';
const WRITES = 5;

export const differentSettingsSetting = { hostCount: 4, groups: [{ voterCount: 3 }] };

/**
 * One of three hosts has another orderedConfigChange in its configuration when the group begins. Its level must not be
 * raised, the one that differs is refused, and the others go on. When it is as they are, the level is raised, and from
 * then on its configuration means nothing; nor does that of one that joins.
 */
export async function drillDifferentSettings(theatre: Theatre): Promise<void> {
  const { cluster, world } = theatre;
  const { clusterID } = theatre.group.scenario;
  const [first, second, third, fourth] = cluster.hosts;
  if (first === undefined || second === undefined || third === undefined || fourth === undefined)
    throw new DrillStuckError('four hosts');
  configure(third, clusterID, true);
  cluster.start();
  const leader = await theatre.leader(clusterID, [first, second]);
  await theatre.until('a refusal', () => third.refusalOf(clusterID) !== undefined);
  await theatre.writes(leader, WRITES);
  const levels = [first, second, third].map((host) => theatre.progress(host)?.featureLevel);
  if (levels.some((level) => level !== 0))
    return theatre.fail(RULE, `${third.name} differs, and the feature levels are ${levels.join(', ')}`);
  await restart(third, clusterID, false);
  await theatre.until('level 1', () => areAt(theatre, [first, second, third], 1));
  await restart(theatre.dice.pick([first, second, third]), clusterID, true);
  await theatre.whenReady(await theatre.leader(clusterID, [first, second, third]), (nodeHost) =>
    nodeHost.syncRequestAddNode(clusterID, 4, fourth.address, 0, { timeoutMs: 5_000 }),
  );
  const group = { ...theatre.group.scenario, orderedConfigChange: true };
  fourth.addReplica({ group, nodeID: 4, initialMembers: new Map(), isObserver: false });
  await theatre.until('a fourth member', () => areAt(theatre, cluster.hosts, 1));
  await theatre.writes(await theatre.leader(), WRITES);
  for (const host of cluster.hosts) {
    const { settings, agreement } = theatre.progress(host) ?? {};
    if (settings?.orderedConfigChange !== false || agreement?.refusal !== undefined)
      theatre.fail(RULE, `${host.name} has ${JSON.stringify(settings)}: ${String(agreement?.refusal)}`);
  }
  world.coverage.count('drill: different settings');
}

function areAt(theatre: Theatre, hosts: readonly VirtualHost[], level: number): boolean {
  return hosts.every((host) => theatre.progress(host)?.featureLevel === level);
}

function configure(host: VirtualHost, clusterID: number, orderedConfigChange: boolean): void {
  const plan = host.replicas.get(clusterID);
  if (plan === undefined) throw new DrillStuckError(`a replica at ${host.name}`);
  host.replicas.set(clusterID, { ...plan, group: { ...plan.group, orderedConfigChange } });
}

async function restart(host: VirtualHost, clusterID: number, orderedConfigChange: boolean): Promise<void> {
  await host.stopReplica(clusterID);
  configure(host, clusterID, orderedConfigChange);
  await host.startReplica(clusterID);
}
