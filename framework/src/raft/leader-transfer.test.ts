import { describe, expect, it } from '@jest/globals';
import { type Message, MessageType, makeEntry } from '@drakkar/raftio';
import { Solo, initWithTerms, ofType } from './testing/solo.js';

const ENTRIES = [1, 2].map((index) => makeEntry({ term: 1, index }));
const ELECTION_TICKS = 10;

function follower(): Solo {
  const solo = new Solo({}, initWithTerms(ENTRIES, { term: 1, vote: 0, commit: 2 }));
  solo.step(2, MessageType.Heartbeat, { term: 1, commit: 2 });
  solo.drain();
  return solo;
}

/** Whether the order to campaign is obeyed. */
function isObeyed(solo: Solo, from: number, fields: Partial<Message>): boolean {
  const { term } = solo.raft;
  solo.step(from, MessageType.TimeoutNow, fields);
  return solo.raft.term > term && ofType(solo.drain().messages, MessageType.RequestVote).length > 0;
}

/** A leader whose followers have everything. */
function leader(): Solo {
  const solo = new Solo();
  solo.lead();
  acknowledge(solo);
  return solo;
}

function acknowledge(solo: Solo): void {
  const { lastIndex } = solo.raft.status();
  for (const nodeID of [2, 3]) solo.step(nodeID, MessageType.ReplicateResp, { logIndex: lastIndex });
}

const ordersIn = (solo: Solo): number[] =>
  ofType(solo.drain().messages, MessageType.TimeoutNow).map(({ logIndex }) => logIndex);

describe('a late order to campaign', () => {
  it('is not obeyed when a heartbeat has said that the attempt is over', () => {
    const solo = follower();
    solo.step(2, MessageType.Heartbeat, { term: 1, commit: 2, logIndex: 1 });
    expect(isObeyed(solo, 2, { term: 1, logIndex: 1 })).toBe(false);
    expect(solo.raft.leaderID).toBe(2);
    expect(isObeyed(solo, 2, { term: 1, logIndex: 2 })).toBe(true);
  });

  it('is not obeyed from one that does not lead any more, or of an earlier term', () => {
    const solo = follower();
    expect(isObeyed(solo, 3, { term: 1, logIndex: 1 })).toBe(false);
    solo.step(3, MessageType.Heartbeat, { term: 2, commit: 2 });
    expect(isObeyed(solo, 2, { term: 1, logIndex: 1 })).toBe(false);
    expect(solo.raft.status()).toMatchObject({ leaderID: 3, term: 2 });
  });

  it('counts attempts of the present term alone', () => {
    const solo = follower();
    solo.step(2, MessageType.Heartbeat, { term: 1, commit: 2, logIndex: 4 });
    solo.step(3, MessageType.Heartbeat, { term: 2, commit: 2 });
    expect(isObeyed(solo, 3, { term: 2, logIndex: 1 })).toBe(true);
  });

  it('is obeyed when it names no attempt, as one of version 0.1', () => {
    const solo = follower();
    solo.step(2, MessageType.Heartbeat, { term: 1, commit: 2, logIndex: 1 });
    expect(isObeyed(solo, 2, { term: 1 })).toBe(true);
  });
});

describe('a leader that hands over', () => {
  it('numbers its attempts, and says in heartbeats which are over', () => {
    const solo = leader();
    solo.raft.requestLeaderTransfer(2);
    expect(ordersIn(solo)).toEqual([1]);
    const said = (): number[] =>
      ofType(solo.drain().messages, MessageType.Heartbeat).map(({ logIndex }) => logIndex);
    for (let i = 1; i < ELECTION_TICKS; i++) {
      solo.tick();
      expect(new Set(said())).toEqual(new Set(i % 2 === 0 ? [0] : []));
      solo.step(2, MessageType.HeartbeatResp);
      solo.drain();
    }
    solo.tick();
    expect(said()).toEqual([1, 1]);
    solo.raft.requestLeaderTransfer(3);
    expect(ordersIn(solo)).toEqual([2]);
  });
});
