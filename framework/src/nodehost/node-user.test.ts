import { describe, expect, it } from '@jest/globals';
import type { Entry } from '@drakkar/raftio';
import { newNoOPSession } from '../client/session.js';
import type { Replica } from '../engine/replica.js';
import { PendingProposals } from '../requests/pending-proposals.js';
import { EntryPayloads } from '../rsm/index.js';
import { SeededRandom } from '../runtime/random.js';
import { NodeUser } from './node-user.js';

const CLUSTER = 7;

function setUp(): { user: NodeUser; proposed: Entry[] } {
  const proposed: Entry[] = [];
  const replica = {
    clusterID: CLUSTER,
    nodeID: 1,
    stopped: false,
    nowMs: 0,
    proposals: new PendingProposals(CLUSTER, 1),
    admits: () => true,
    payloads: new EntryPayloads('none', undefined),
    propose: (entry: Entry) => void proposed.push(entry),
  };
  return { user: new NodeUser(replica as unknown as Replica, 10), proposed };
}

describe('NodeUser', () => {
  it('proposes the command as it was at the call, whatever the caller does with its buffer afterwards', () => {
    const { user, proposed } = setUp();
    const buffer = Buffer.from('first');
    user.propose(newNoOPSession(CLUSTER, new SeededRandom(1)), buffer);
    buffer.write('other');
    expect(Buffer.from(proposed[0]?.cmd ?? []).toString()).toBe('first');
  });
});
