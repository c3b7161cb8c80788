import type { Theatre } from './theatre.js';

const ROUNDS = 3;
/** A save takes longer than a message, and by far not as long as an election. */
const SLOWNESS = 20;
const timeoutMs = 2_000;

export const handOverSetting = { hostCount: 4, groups: [{ voterCount: 3 }] };

/**
 * A leader hands over as soon as a membership change is committed: its successor, whose disk is slow, is told to stand
 * for election before it may apply that change.
 */
export async function drillHandOver(theatre: Theatre): Promise<void> {
  const { cluster, dice, world } = theatre;
  const { clusterID } = theatre.group.scenario;
  for (let round = 0; round < ROUNDS; round++) {
    // While a leader waits for the successor of the round before, it takes no write.
    const writer = await theatre.leader();
    await theatre.whenReady(writer, () => theatre.write(writer));
    const leader = await theatre.leader();
    const successor = dice.pick(
      cluster.hosts.filter((host) => host !== leader && host.replicas.has(clusterID)),
    );
    const target = successor.replicas.get(clusterID)?.nodeID ?? 0;
    const before = theatre.progress(leader);
    successor.disk.slowness = SLOWNESS;
    const change = theatre
      .whenReady(leader, (nodeHost) =>
        nodeHost.syncRequestAddObserver(clusterID, 20 + round, theatre.host(4).address, 0, { timeoutMs }),
      )
      .catch(() => undefined);
    const knows = (): boolean => (theatre.progress(successor)?.commit ?? 0) > (before?.commit ?? 0);
    await theatre.until('a committed change', knows, 0.2);
    await theatre.inHost(leader, () => leader.nodeHost?.requestLeaderTransfer(clusterID, target));
    await change;
    await theatre.sleep(dice.between(100, 600));
    successor.disk.slowness = 1;
  }
  await theatre.leader();
  world.coverage.count('drill: hand-over');
}
