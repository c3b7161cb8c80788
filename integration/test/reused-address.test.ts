import { afterEach, describe, expect, it } from '@jest/globals';
import { MessageType, makeMessage } from '@drakkar/raftio';
import { withSender } from './sender.js';
import { CLUSTER, TestCluster, Workshop, eventually, freeAddress, retrying } from './support.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

const TIMEOUT = { timeoutMs: 20_000 };

describe('the address of a member that was removed', () => {
  it('takes another member, whatever was said in the name of its host meanwhile', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const { host, address, nodeID } = await cluster.readyLeader();
    const reused = await freeAddress();
    await retrying(() => host.syncRequestAddObserver(CLUSTER, 4, reused, 0, TIMEOUT));
    await retrying(() => host.syncRequestDeleteNode(CLUSTER, 4, 0, TIMEOUT));
    let isHeard = false;
    cluster.loses = (to, batch) => {
      isHeard ||= to === nodeID && batch.sourceAddress === reused;
      return false;
    };
    // It announces no features, as a host of version 0.1, to which the leader would send nothing.
    await withSender(reused, address, async (send) => {
      const type = MessageType.HeartbeatResp;
      await send(makeMessage({ type, clusterID: CLUSTER, from: 4, to: nodeID, term: 1 }));
      await eventually('the message to arrive', () => isHeard || undefined);
      await retrying(() => host.syncRequestAddObserver(CLUSTER, 5, reused, 0, TIMEOUT));
    });
    const { observers } = await host.getClusterMembership(CLUSTER, TIMEOUT);
    expect([...observers.keys()]).toEqual([5]);
  });
});
