import { describe, expect, it } from '@jest/globals';
import { type Entry, EntryType, Feature, type Message, MessageType, makeEntry } from '@drakkar/raftio';
import { BUSY_HINT } from './replication.js';
import { Solo, ofType } from './testing/solo.js';

const { Replicate, ReplicateResp, Propose } = MessageType;

const command = (index = 0, term = 1): Entry => {
  const entry = makeEntry({ key: 7, clientID: 1, cmd: new Uint8Array(100) });
  if (index > 0) entry.place(term, index);
  return entry;
};
const empty = (index: number, term: number): Entry => {
  const entry = makeEntry({});
  entry.place(term, index);
  return entry;
};

describe('a leader whose log must not grow', () => {
  it('drops proposals, its own and forwarded ones, and takes them again', () => {
    const solo = new Solo();
    solo.lead();
    const { lastIndex } = solo.raft.status();
    solo.raft.setLogStuck(true);
    expect(solo.raft.isBusy).toBe(true);
    solo.raft.propose([command()]);
    solo.step(2, Propose, { term: 0, entries: [command()] });
    const dropped = solo.drain().updates.flatMap(({ proposalsWithoutRoom }) => proposalsWithoutRoom);
    expect([dropped.length, solo.raft.status().lastIndex]).toEqual([1, lastIndex]);
    solo.raft.setLogStuck(false);
    solo.raft.propose([command()]);
    solo.drain();
    expect([solo.raft.isBusy, solo.raft.status().lastIndex]).toEqual([false, lastIndex + 1]);
  });

  it('takes a membership change all the same, which may be what helps', () => {
    const solo = new Solo();
    solo.lead();
    const { lastIndex } = solo.raft.status();
    solo.raft.setLogStuck(true);
    solo.raft.propose([makeEntry({ type: EntryType.ConfigChangeEntry, key: 9, cmd: new Uint8Array(0) })]);
    const { updates } = solo.drain();
    expect(updates.flatMap(({ proposalsWithoutRoom }) => proposalsWithoutRoom)).toEqual([]);
    expect(solo.raft.status().lastIndex).toBeGreaterThanOrEqual(lastIndex);
  });
});

/** A follower whose log must not grow, with the empty entry of the leader's first term. */
function follower(): Solo {
  const solo = new Solo({ featuresOf: () => Feature.BusyResponses });
  solo.step(2, Replicate, { term: 1, commit: 1, entries: [empty(1, 1)] });
  solo.drain();
  solo.raft.setLogStuck(true);
  return solo;
}

function answerTo(solo: Solo, from: number, fields: Partial<Message>): { reject: boolean; isBusy: boolean } {
  solo.step(from, Replicate, { commit: 1, ...fields });
  const [answer] = ofType(solo.drain().messages, ReplicateResp);
  return { reject: answer?.reject === true, isBusy: answer?.hintHigh === BUSY_HINT };
}

describe('a follower whose log must not grow', () => {
  it('refuses commands as one without room does, and is not sent them again and again', () => {
    const solo = follower();
    const behind = { term: 1, logIndex: 1, logTerm: 1 };
    const refused = { reject: true, isBusy: true };
    expect(answerTo(solo, 2, { ...behind, entries: [command(2)] })).toEqual(refused);
    expect(answerTo(solo, 2, behind)).toEqual({ reject: false, isBusy: true });
    expect(solo.raft.status().lastIndex).toBe(1);
    solo.raft.setLogStuck(false);
    expect(answerTo(solo, 2, behind)).toEqual({ reject: false, isBusy: false });
    answerTo(solo, 2, { ...behind, entries: [command(2)] });
    expect(solo.raft.status().lastIndex).toBe(2);
  });

  it('takes what a new leader needs to be one', () => {
    const solo = follower();
    answerTo(solo, 2, { term: 1, logIndex: 1, logTerm: 1, entries: [command(2)] });
    const behind = { term: 2, logIndex: 1, logTerm: 1 };
    expect(answerTo(solo, 3, behind)).toEqual({ reject: false, isBusy: false });
    answerTo(solo, 3, { ...behind, entries: [empty(2, 2)] });
    expect(solo.raft.status().lastIndex).toBe(2);
  });

  it('acknowledges commands that it has', () => {
    const solo = new Solo({ featuresOf: () => Feature.BusyResponses });
    solo.step(2, Replicate, { term: 1, commit: 0, entries: [empty(1, 1), command(2)] });
    solo.drain();
    solo.raft.setLogStuck(true);
    const again = { term: 1, logIndex: 1, logTerm: 1, entries: [command(2)] };
    expect(answerTo(solo, 2, again)).toEqual({ reject: false, isBusy: false });
  });
});
