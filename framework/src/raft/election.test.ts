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
});
