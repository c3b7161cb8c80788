import { DrillStuckError, type Theatre } from './theatre.js';

const ROUNDS = 5;

export const sameDrawsSetting = {
  hostCount: 2,
  groups: [{ voterCount: 1 }],
  scenario: { hasSameDraws: true },
};

/**
 * Two hosts draw the same numbers, as machines do that were copied while they ran: their proposals go by the same keys.
 * Each client must be given the answer to its own.
 */
export async function drillSameDraws(theatre: Theatre): Promise<void> {
  const { world, cluster } = theatre;
  const { clusterID } = theatre.group.scenario;
  const leader = await theatre.leader();
  const other = cluster.hosts.find((host) => host !== leader);
  if (other === undefined) throw new DrillStuckError('another host');
  const nodeID = 2;
  await theatre.whenReady(leader, (nodeHost) =>
    nodeHost.syncRequestAddObserver(clusterID, nodeID, other.address, 0, { timeoutMs: 5_000 }),
  );
  const { scenario: group } = theatre.group;
  other.addReplica({ group, nodeID, initialMembers: new Map(), isObserver: true });
  await theatre.until('a second member', () => (theatre.progress(other)?.leaderID ?? 0) !== 0);
  for (let i = 0; i < ROUNDS; i++) {
    await Promise.allSettled([theatre.write(other), theatre.write(leader)]);
    await theatre.sleep(100);
  }
  world.coverage.count('drill: same draws');
}
