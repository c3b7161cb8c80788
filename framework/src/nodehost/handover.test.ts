import { describe, expect, it } from '@jest/globals';
import { emptyMembership } from '@drakkar/raftio';
import type { Replica } from '../engine/replica.js';
import type { RaftStatus, RemoteStatus } from '../raft/index.js';
import { ManualClock } from '../runtime/testing/manual-clock.js';
import { Handovers, successorOf } from './handover.js';

type Remote = [nodeID: number, status: RemoteStatus, match: number, active: boolean];

function statusWith(remotes: Remote[], observers: number[] = []): RaftStatus {
  const membership = emptyMembership();
  const entries = remotes.map(([nodeID, status, match, active]) => {
    const members = observers.includes(nodeID) ? membership.observers : membership.addresses;
    members.set(nodeID, `host-${nodeID}:1`);
    return [nodeID, { status, match, next: match + 1, active, inflightBytes: 0 }] as const;
  });
  return { membership, remotes: new Map(entries) } as unknown as RaftStatus;
}

describe('successorOf', () => {
  it.each<[string, Remote[], number[], number | undefined]>([
    ['nobody when the leader is alone', [], [], undefined],
    [
      'who lacks least',
      [
        [2, 'replicate', 5, true],
        [3, 'replicate', 9, true],
      ],
      [],
      3,
    ],
    [
      'who was heard of, of equals',
      [
        [2, 'replicate', 9, false],
        [3, 'replicate', 9, true],
      ],
      [],
      3,
    ],
    ['who was not heard of since the last check, but keeps up', [[2, 'replicate', 9, false]], [], 2],
    ['nobody who is gone', [[2, 'probe', 9, false]], [], undefined],
    [
      'who is there rather than who is gone and has more',
      [
        [2, 'probe', 9, false],
        [3, 'probe', 5, true],
      ],
      [],
      3,
    ],
    [
      'no observer',
      [
        [2, 'replicate', 9, true],
        [3, 'replicate', 5, true],
      ],
      [2],
      3,
    ],
  ])('takes %s', (_name, remotes, observers, expected) => {
    expect(successorOf(statusWith(remotes, observers))).toBe(expected);
  });
});

describe('Handovers', () => {
  function setUp(isLeader: boolean) {
    const clock = new ManualClock();
    const handovers = new Handovers(clock, 10);
    const asked: number[] = [];
    const replica = {
      nodeID: 1,
      leader: { leaderID: 1, term: 1 },
      raft: { isLeader, status: () => statusWith([[2, 'replicate', 9, true]]) },
      transferLeader: (target: number) => void asked.push(target),
    };
    let done = false;
    const handOver = (): void =>
      void handovers.handOver(replica as unknown as Replica, 1000).then(() => (done = true));
    const learn = (leaderID: number): void => {
      replica.leader = { leaderID, term: 2 };
      handovers.leaderChanged(replica as unknown as Replica);
    };
    const isDone = async (): Promise<boolean> => {
      for (let i = 0; i < 5; i++) await Promise.resolve();
      return done;
    };
    return { clock, handovers, replica: replica as unknown as Replica, asked, handOver, learn, isDone };
  }

  it('waits until another leads, not only until this one does not, and for those who do not know it yet', async () => {
    const { clock, asked, handOver, learn, isDone } = setUp(true);
    handOver();
    expect(asked).toEqual([2]);
    learn(0);
    expect(await isDone()).toBe(false);
    learn(2);
    expect(await isDone()).toBe(false);
    learn(3);
    clock.advance(19);
    expect(await isDone()).toBe(false);
    clock.advance(1);
    expect(await isDone()).toBe(true);
  });

  it('waits for so long, and no longer', async () => {
    const { clock, handOver, isDone } = setUp(true);
    handOver();
    clock.advance(999);
    expect(await isDone()).toBe(false);
    clock.advance(1);
    expect(await isDone()).toBe(true);
  });

  it('does not wait for a replica that is gone, nor for one that does not lead', async () => {
    const failing = setUp(true);
    failing.handOver();
    failing.handovers.gone(failing.replica);
    expect(await failing.isDone()).toBe(true);
    const lingering = setUp(true);
    lingering.handOver();
    lingering.learn(2);
    expect(await lingering.isDone()).toBe(false);
    lingering.handovers.gone(lingering.replica);
    expect(await lingering.isDone()).toBe(true);
    const follower = setUp(false);
    follower.handOver();
    expect(await follower.isDone()).toBe(true);
    expect(follower.asked).toEqual([]);
  });
});
