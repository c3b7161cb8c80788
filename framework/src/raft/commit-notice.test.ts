import { describe, expect, it } from '@jest/globals';
import { type Message, MessageType, makeEntry } from '@drakkar/raftio';
import { Solo, ofType } from './testing/solo.js';

/** A leader with one proposal that is saved here and has just been acknowledged by a quorum. */
function committing(): Solo {
  const solo = new Solo();
  solo.lead();
  solo.raft.propose([makeEntry({ cmd: new Uint8Array(1) })]);
  solo.drain();
  solo.ack(2);
  return solo;
}

/** Takes one update, which needs no save. */
function turn(solo: Solo): Message[] {
  expect(solo.raft.hasUpdate()).toBe(true);
  const { messages, mustSave } = solo.raft.getUpdate();
  expect(mustSave).toBe(false);
  return ofType(messages, MessageType.Replicate);
}

describe('a leader that has committed', () => {
  it('hands out what is committed before it notifies the others', () => {
    const solo = committing();
    const { lastIndex } = solo.raft.status();
    const update = solo.raft.getUpdate();
    expect(update.entriesToApply.map(({ index }) => index)).toEqual([lastIndex]);
    expect(ofType(update.messages, MessageType.Replicate)).toEqual([]);
  });

  it('notifies the others by itself in the next turn, once', () => {
    const solo = committing();
    const { lastIndex } = solo.raft.status();
    turn(solo);
    expect(turn(solo).map(({ to, commit, entries }) => [to, commit, entries.length])).toEqual([
      [2, lastIndex, 0],
      [3, lastIndex, 0],
    ]);
    expect(solo.raft.hasUpdate()).toBe(false);
  });

  it('notifies the others with the entries that are proposed meanwhile, and not twice', () => {
    const solo = committing();
    const { lastIndex } = solo.raft.status();
    turn(solo);
    solo.raft.propose([makeEntry({ cmd: new Uint8Array(1) })]);
    const { messages } = solo.drain();
    expect(
      ofType(messages, MessageType.Replicate).map(({ to, commit, entries }) => [to, commit, entries.length]),
    ).toEqual([
      [2, lastIndex, 1],
      [3, lastIndex, 1],
    ]);
  });

  it('notifies nobody after it has lost the lead', () => {
    const solo = committing();
    turn(solo);
    solo.step(2, MessageType.Heartbeat, { term: solo.raft.term + 1 });
    expect(ofType(solo.drain().messages, MessageType.Replicate)).toEqual([]);
  });
});
