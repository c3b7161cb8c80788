import type { NodeHost } from '@drakkar/framework';
import type { VirtualHost } from '../cluster/virtual-host.js';
import type { Theatre } from './theatre.js';

const RULE = 'forbidden changes are refused';
const timeoutMs = 5_000;

export const forbiddenChangesSetting = {
  hostCount: 4,
  groups: [{ voterCount: 3, orderedConfigChange: true }, { voterCount: 1 }],
};

/** Membership changes that no group may make: of a removed node, of its last voter, or for a membership of before. */
export async function drillForbiddenChanges(theatre: Theatre): Promise<void> {
  const { cluster, world, dice } = theatre;
  const [ordered, single] = cluster.groups.map(({ scenario }) => scenario.clusterID) as [number, number];
  const leader = await theatre.leader(ordered);
  const alone = await theatre.leader(single);
  const refused = async (
    what: string,
    host: VirtualHost,
    request: (nodeHost: NodeHost) => Promise<void>,
  ): Promise<void> => {
    const isMade = await theatre.whenReady(host, request).then(
      () => true,
      () => false,
    );
    if (isMade) theatre.fail(RULE, what);
  };
  await refused('the last voter was removed', alone, (nodeHost) =>
    nodeHost.syncRequestDeleteNode(single, 1, 0, { timeoutMs }),
  );
  const stale = await leader.call((nodeHost) => nodeHost.getClusterMembership(ordered, { timeoutMs }));
  const gone = dice.pick([1, 2, 3].filter((nodeID) => cluster.hostOf(ordered, nodeID) !== leader));
  const { address } = cluster.hostOf(ordered, gone) ?? theatre.host(4);
  await theatre.whenReady(leader, (nodeHost) =>
    nodeHost.syncRequestDeleteNode(ordered, gone, stale.configChangeIndex, { timeoutMs }),
  );
  await refused('a change for a membership of before was made', leader, (nodeHost) =>
    nodeHost.syncRequestAddObserver(ordered, 9, theatre.host(4).address, stale.configChangeIndex, {
      timeoutMs,
    }),
  );
  await refused(`removed node ${gone} was added again`, leader, async (nodeHost) => {
    const { configChangeIndex } = await nodeHost.getClusterMembership(ordered, { timeoutMs });
    await nodeHost.syncRequestAddObserver(ordered, gone, address, configChangeIndex, { timeoutMs });
  });
  world.coverage.count('drill: forbidden changes');
}
