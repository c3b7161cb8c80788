import { describe, expect, it } from '@jest/globals';
import type { ChaosCluster } from './cluster.js';
import type { Group } from './groups.js';
import { findStuckGroups } from './liveness.js';

type Call = ChaosCluster['call'];

const GROUPS: Group[] = [1, 2].map((clusterID) => ({
  clusterID,
  members: new Map(
    [1, 2].map((id) => [id, { clusterID, nodeID: id, members: [], join: false, isObserver: false }]),
  ),
  nextNodeID: 3,
}));
const REFUSED = { isGood: false, code: 'ERR_CLUSTER_NOT_READY', isOpen: false, message: 'no leader' };

/** Hosts that answer as told. */
function hosts(answer: (command: string, clusterID: number, hostID: number) => unknown): { call: Call } {
  const call = async (hostID: number, command: string, argument: unknown): Promise<unknown> =>
    answer(command, (argument as { clusterID: number }).clusterID, hostID);
  return { call: call as Call };
}

const good = (command: string): unknown =>
  command === 'propose' ? { isGood: true, value: 1 } : { isGood: true, value: '5' };

describe('findStuckGroups', () => {
  it('finds none when all write and read', async () => {
    expect(await findStuckGroups(hosts(good), GROUPS, 5, 1_000)).toEqual([]);
  });

  it('names a group that commits no write', async () => {
    const answer = (command: string, clusterID: number): unknown =>
      clusterID === 2 ? REFUSED : good(command);
    const stuck = await findStuckGroups(hosts(answer), GROUPS, 5, 250);
    expect(stuck).toEqual([
      expect.stringMatching(/^group 2: no write was committed; last, host \d said: no leader$/),
    ]);
  });

  it('names a member that answers no read, whatever the others do', async () => {
    const answer = (command: string, clusterID: number, hostID: number): unknown => {
      if (command === 'read' && clusterID === 1 && hostID === 2) throw new Error('no answer');
      return good(command);
    };
    const stuck = await findStuckGroups(hosts(answer), GROUPS, 5, 250);
    expect(stuck).toEqual(['group 1: no read through host 2 returned; last, host 2 said: no answer']);
  });

  it('names a member whose read does not see the write', async () => {
    const answer = (command: string, clusterID: number, hostID: number): unknown =>
      command === 'read' && clusterID === 1 && hostID === 1 ? { isGood: true, value: '4' } : good(command);
    expect(await findStuckGroups(hosts(answer), GROUPS, 5, 1_000)).toEqual([
      'group 1: a read through host 1 saw 4 instead of the acknowledged 5',
    ]);
  });
});
