import type { Theatre } from './theatre.js';

/** Long enough for an election. */
const STALL_MS = 6_000;

export const lateSaveSetting = {
  hostCount: 5,
  groups: [{ checkQuorum: false }],
};

/**
 * A follower's disk stands still while its leader, which is cut off from all others, is replaced: of the entries that
 * wait for their save some are replaced before it. Neither may they be saved, nor acknowledged to their sender.
 */
export async function drillLateSave(theatre: Theatre): Promise<void> {
  const { cluster, dice, world } = theatre;
  const leader = await theatre.leader();
  const followers = cluster.hosts.filter((host) => host !== leader);
  const late = dice.pick(followers);
  const others = followers.filter((host) => host !== late);
  late.disk.stalledUntilMs = world.scheduler.nowMs + STALL_MS;
  // Its save is under way, so what comes next waits for another one.
  const first = theatre.write(leader);
  const before = theatre.progress(leader)?.term ?? 0;
  await first;
  theatre.cut(leader, others);
  for (let i = 0; i < dice.between(1, 3); i++) void theatre.write(leader).catch(() => undefined);
  const isReplaced = (): boolean =>
    others.some((host) => host.leads(theatre.group.scenario.clusterID)) &&
    (theatre.progress(late)?.term ?? 0) > before;
  await theatre.until('another leader', isReplaced);
  await theatre.sleep(STALL_MS);
  world.network.heal();
  await theatre.leader();
  world.coverage.count('drill: late save');
}
