import { describe, expect, it } from '@jest/globals';
import { MessageType } from '@drakkar/raftio';
import { Solo, emptyInit, ofType } from './testing/solo.js';

describe('elections', () => {
  it('a yes to an earlier pre-vote does not count for a later one', () => {
    const solo = new Solo({ preVote: true });
    const askedFor = (): number[] => {
      for (let i = 0; i < 40; i++) {
        solo.tick();
        const asked = ofType(solo.drain().messages, MessageType.RequestPreVote);
        if (asked.length > 0) return asked.map(({ term }) => term);
      }
      return [];
    };
    expect(askedFor()).toEqual([1, 1]);
    solo.step(2, MessageType.Heartbeat, { term: 1 });
    expect(askedFor()).toEqual([2, 2]);
    solo.step(3, MessageType.RequestPreVoteResp, { term: 1 });
    expect(ofType(solo.drain().messages, MessageType.RequestVote)).toEqual([]);
    solo.step(3, MessageType.RequestPreVoteResp, { term: 2 });
    expect(ofType(solo.drain().messages, MessageType.RequestVote)).toHaveLength(2);
  });

  it('an observer that answers does not keep a leader without a quorum in office', () => {
    const solo = new Solo({ checkQuorum: true }, emptyInit([1, 2, 3], [4]));
    solo.lead();
    expect(solo.raft.isLeader).toBe(true);
    for (let i = 0; i < 21; i++) {
      solo.tick();
      if (solo.raft.isLeader) solo.step(4, MessageType.HeartbeatResp);
    }
    expect(solo.raft.isLeader).toBe(false);
  });

  describe('while a message of the leader is on its way', () => {
    /** Ticks until it stands for election, when more of the message comes with each tick. */
    function patience(solo: Solo, term: number): number {
      for (let ticks = 1; ticks < 200; ticks++) {
        solo.raft.reportArrival(term);
        solo.tick();
        if (solo.raft.leaderID === 0) return ticks;
      }
      return Infinity;
    }

    function following(): Solo {
      const solo = new Solo();
      solo.step(2, MessageType.Heartbeat, { term: 3 });
      solo.drain();
      return solo;
    }

    it('waits as a follower, but no longer than a few election timeouts', () => {
      const ticks = patience(following(), 3);
      expect(ticks).toBeGreaterThanOrEqual(40);
      expect(ticks).toBeLessThanOrEqual(61);
    });

    it('waits as long again after a whole message', () => {
      const solo = following();
      for (let i = 0; i < 30; i++) {
        solo.raft.reportArrival(3);
        solo.tick();
      }
      solo.step(2, MessageType.Heartbeat, { term: 3 });
      expect(patience(solo, 3)).toBeGreaterThanOrEqual(40);
    });

    it('ignores a message of another term', () => {
      for (const term of [2, 4]) expect(patience(following(), term)).toBeLessThanOrEqual(20);
    });

    it('does not wait without a leader', () => {
      const solo = new Solo();
      for (let i = 0; i < 20; i++) {
        solo.raft.reportArrival(0);
        solo.tick();
      }
      expect(ofType(solo.drain().messages, MessageType.RequestVote)).not.toEqual([]);
    });
  });
});
