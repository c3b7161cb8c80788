import { describe, expect, it } from '@jest/globals';
import { MessageType } from '@drakkar/raftio';
import { Solo, emptyInit } from './testing/solo.js';

const TIMEOUT = 10;

describe('a replica whose state is known to be wrong', () => {
  it('leaves office, reports why, and leaves the next campaigns to others', () => {
    const solo = new Solo();
    solo.lead();
    const { term } = solo.raft;
    solo.raft.setUnfit(true);
    solo.tick();
    solo.drain();
    expect(solo.raft.isLeader).toBe(false);
    expect(solo.reports).toContainEqual({ type: 'steppedDown', term, reason: 'stateDiverged' });
    solo.tick(7 * TIMEOUT);
    expect(solo.raft.term).toBe(term);
  });

  it('votes for others', () => {
    const solo = new Solo();
    solo.raft.setUnfit(true);
    solo.step(2, MessageType.RequestVote, { term: 1 });
    expect(solo.drain().messages).toContainEqual(
      expect.objectContaining({ type: MessageType.RequestVoteResp, reject: false }),
    );
  });

  it('leads when nobody else has won for long, and then stays', () => {
    const solo = new Solo();
    solo.raft.setUnfit(true);
    solo.elect(2);
    expect(solo.raft.isLeader).toBe(true);
    for (const nodeID of [2, 3]) solo.ack(nodeID);
    solo.raft.setUnfit(true);
    for (let i = 0; i < 5 * TIMEOUT; i++) {
      solo.tick();
      solo.step(2, MessageType.HeartbeatResp);
      solo.drain();
    }
    expect(solo.raft.isLeader).toBe(true);
  });

  it('stays in office where there is nobody else', () => {
    const solo = new Solo({}, emptyInit([1]));
    solo.elect();
    solo.raft.setUnfit(true);
    solo.tick(TIMEOUT);
    expect(solo.raft.isLeader).toBe(true);
  });

  it('leads as before when it is right again', () => {
    const solo = new Solo();
    solo.raft.setUnfit(true);
    solo.raft.setUnfit(false);
    solo.lead();
    expect(solo.raft.isLeader).toBe(true);
  });
});
