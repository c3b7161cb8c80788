import type { Theatre } from './theatre.js';

const ELECTION_TICKS = 10;
const TICK_MS = 50;
const IDLE_ELECTIONS = 14;

export const hangingMachinesSetting = {
  hostCount: 3,
  groups: [{ quiesce: true, checkQuorum: false, electionRTT: ELECTION_TICKS }],
};

/**
 * All state machines of a group that may sleep hang at the same command, and nobody asks for anything any more. Nobody
 * may go to sleep over that; when the processes run again the command is applied everywhere.
 */
export async function drillHangingMachines(theatre: Theatre): Promise<void> {
  const { cluster, world, dice } = theatre;
  const { clusterID } = theatre.group.scenario;
  const leader = await theatre.leader();
  await theatre.writes(leader, dice.between(1, 3));
  for (const host of cluster.hosts) host.stickMachine(clusterID);
  const before = theatre.progress(leader)?.commit ?? 0;
  void theatre.write(dice.pick(cluster.hosts)).catch(() => undefined);
  const isCommitted = (): boolean => (theatre.progress(leader)?.commit ?? 0) > before;
  await theatre.until('a commit', isCommitted);
  await theatre.sleep(IDLE_ELECTIONS * ELECTION_TICKS * TICK_MS);
  for (const host of cluster.hosts) host.crash(false);
  await theatre.until('a restart', () => cluster.hosts.every((host) => host.isUp));
  await theatre.leader();
  const isApplied = (): boolean =>
    cluster.hosts.every((host) => (theatre.progress(host)?.applied ?? 0) > before);
  await theatre.until('the command', isApplied);
  world.coverage.count('drill: hanging machines');
}
