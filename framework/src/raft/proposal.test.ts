import { describe, expect, it } from '@jest/globals';
import {
  EntryType,
  Feature,
  type Message,
  MessageType,
  encodeConfigChange,
  makeEntry,
} from '@drakkar/raftio';
import { Solo, ofType } from './testing/solo.js';

/** A proposal that node 3 has forwarded. */
function forward(solo: Solo, key: number, from = 3): void {
  solo.step(from, MessageType.Propose, { term: 0, entries: [makeEntry({ key, clientID: 1 })] });
}

const keysOf = (messages: readonly Message[], type: MessageType): unknown[] =>
  ofType(messages, type).flatMap(({ entries }) => entries.map(({ key }) => key));

describe('proposals that were forwarded while leadership is on its way', () => {
  it('are held while it is being transferred, and appended when that is given up', () => {
    const solo = new Solo();
    solo.lead();
    solo.raft.requestLeaderTransfer(2);
    forward(solo, 7);
    solo.drain();
    const before = solo.raft.status().lastIndex;
    // Given up after one election timeout; the others are alive.
    for (let i = 0; i < 10; i++) {
      solo.tick();
      for (const nodeID of [2, 3]) solo.step(nodeID, MessageType.HeartbeatResp, { term: solo.raft.term });
    }
    solo.drain();
    expect(solo.raft.isLeader).toBe(true);
    expect(solo.raft.status().lastIndex).toBe(before + 1);
  });

  it('are passed on to the next leader, at once, for they promise nothing', () => {
    const solo = new Solo();
    solo.lead();
    solo.raft.requestLeaderTransfer(2);
    forward(solo, 7);
    solo.drain();
    const term = solo.raft.term + 1;
    solo.step(2, MessageType.Heartbeat, { term });
    const update = solo.raft.getUpdate();
    expect(keysOf(update.messages, MessageType.Propose)).toEqual([7]);
    expect(update.messages.find(({ type }) => type === MessageType.Propose)).toMatchObject({
      to: 2,
      term: 0,
    });
    expect(update.mustSave).toBe(true);
  });

  it('are passed on when they come late, but never back to where they came from', () => {
    const solo = new Solo();
    solo.step(2, MessageType.Heartbeat, { term: 5 });
    forward(solo, 8, 3);
    forward(solo, 9, 2);
    expect(keysOf(solo.drain().messages, MessageType.Propose)).toEqual([8]);
  });

  it('are answered, when the next leader has no room for them, to the member that forwarded them', () => {
    const solo = new Solo({ featuresOf: () => Feature.DroppedProposals });
    solo.lead();
    solo.raft.requestLeaderTransfer(2);
    forward(solo, 7);
    solo.drain();
    solo.step(2, MessageType.Heartbeat, { term: solo.raft.term + 1 });
    solo.drain();
    const dropped = [7, 8].map((key) => makeEntry({ key, clientID: 1 }));
    solo.step(2, MessageType.ProposalDropped, { term: 0, entries: dropped });
    const { messages, updates } = solo.drain();
    expect(ofType(messages, MessageType.ProposalDropped)).toMatchObject([{ to: 3, entries: [{ key: 7 }] }]);
    const here = updates.flatMap(({ droppedProposals }) => droppedProposals);
    expect(here.map(({ key }) => key)).toEqual([8]);
  });

  it('are given up when no leader is found, and when they come from an unknown host', () => {
    const solo = new Solo({ electionTimeoutTicks: 10 });
    forward(solo, 8, 3);
    forward(solo, 9, 9);
    solo.tick(25);
    solo.step(2, MessageType.Heartbeat, { term: 50 });
    expect(keysOf(solo.drain().messages, MessageType.Propose)).toEqual([]);
  });
});

describe('membership changes in a group that hosts of Dragonboat may be members of', () => {
  it.each([
    ['[::1]:70', false],
    ['', false],
    ['host', false],
    ['host:70', true],
  ])('get into the log, or not, with the address %j', (address, isTaken) => {
    const solo = new Solo({ isForDragonboat: true });
    solo.lead();
    solo.tick(10);
    for (const nodeID of [2, 3]) solo.step(nodeID, MessageType.HeartbeatResp, { term: solo.raft.term });
    solo.drain();
    const change = { configChangeID: 0, type: 2, nodeID: 4, address, initialize: false } as const;
    const cmd = encodeConfigChange(change);
    solo.step(3, MessageType.Propose, {
      term: 0,
      entries: [makeEntry({ type: EntryType.ConfigChangeEntry, key: 7, cmd })],
    });
    const { messages } = solo.drain();
    const appended = ofType(messages, MessageType.Replicate).flatMap(({ entries }) => entries);
    const types = new Set(appended.filter(({ key }) => key === 7).map(({ type }) => type));
    expect([...types]).toEqual([isTaken ? EntryType.ConfigChangeEntry : EntryType.ApplicationEntry]);
  });
});
