import { describe, expect, it } from '@jest/globals';
import { type Message, MessageType, makeEntry } from '@drakkar/raftio';
import { Solo, emptyInit, membershipOf } from './testing/solo.js';

const TIMEOUT = 10;

/** A leader that has proposed `sizeBytes`; its heartbeats are answered. */
function leading(sizeBytes = 1): Solo {
  const solo = new Solo({ checkQuorum: true });
  solo.lead();
  solo.raft.propose([makeEntry({ cmd: new Uint8Array(sizeBytes) })]);
  solo.drain();
  return solo;
}

/** Time passes while the others answer heartbeats and, if they are told to, entries. */
function pass(solo: Solo, ticks: number, onTick: (tick: number) => void = () => undefined): Message[] {
  const messages: Message[] = [];
  for (let i = 0; i < ticks && solo.raft.isLeader; i++) {
    solo.tick();
    for (const nodeID of [2, 3]) solo.step(nodeID, MessageType.HeartbeatResp);
    onTick(i);
    messages.push(...solo.drain().messages);
  }
  return messages;
}

function reasonsOf(solo: Solo, act: () => void): string[] {
  const before = solo.reports.length;
  act();
  return solo.reports.slice(before).flatMap((report) => ('reason' in report ? [report.reason] : []));
}

describe('a leader whose entries do not get through', () => {
  it('leaves office, though a quorum answers its heartbeats, and reports why', () => {
    const solo = leading();
    expect(reasonsOf(solo, () => pass(solo, 15 * TIMEOUT))).toEqual([]);
    expect(reasonsOf(solo, () => pass(solo, 2 * TIMEOUT))).toEqual(['noProgress']);
    expect(solo.raft.isLeader).toBe(false);
  });

  it('stays while there is nothing to commit', () => {
    const solo = new Solo({ checkQuorum: true });
    solo.lead();
    pass(solo, 100 * TIMEOUT);
    expect(solo.raft.isLeader).toBe(true);
  });

  it('stays while a quorum goes on taking entries, however slowly', () => {
    const solo = leading();
    pass(solo, 100 * TIMEOUT, (tick) => {
      if (tick % (12 * TIMEOUT) > 0) return;
      const { commit } = solo.raft.status();
      solo.raft.propose([makeEntry({ cmd: new Uint8Array(1) })]);
      solo.ack(2, commit + 1);
    });
    expect(solo.raft.isLeader).toBe(true);
  });

  it('gives large entries the time that a slow way takes', () => {
    const solo = leading(8 << 20);
    pass(solo, 70 * TIMEOUT);
    expect(solo.raft.isLeader).toBe(true);
    pass(solo, 30 * TIMEOUT);
    expect(solo.raft.isLeader).toBe(false);
  });

  it('waits for a snapshot that is on its way to a voting member', () => {
    const init = emptyInit();
    const membership = membershipOf([1, 2, 3]);
    Object.assign(init, { snapshotIndex: 50, snapshotTerm: 1, firstIndex: 51, lastIndex: 50, applied: 50 });
    init.state = { term: 1, vote: 0, commit: 50 };
    const solo = new Solo({ checkQuorum: true }, { ...init, membership });
    solo.raft.snapshotCreated({ filepath: '', fileSize: 1, index: 50, term: 1, membership, files: [] });
    solo.elect(2);
    solo.step(2, MessageType.ReplicateResp, { reject: true, logIndex: 50, hint: 0 });
    const messages = pass(solo, 5 * TIMEOUT);
    expect(messages.some(({ type }) => type === MessageType.InstallSnapshot)).toBe(true);
    pass(solo, 100 * TIMEOUT);
    expect(solo.raft.isLeader).toBe(true);
  });

  it('leaves the next campaigns to others, and stands again when nobody else has won', () => {
    const solo = leading();
    pass(solo, 17 * TIMEOUT);
    const { term } = solo.raft;
    solo.tick(7 * TIMEOUT);
    expect(solo.raft.term).toBe(term);
    solo.tick(13 * TIMEOUT);
    expect(solo.raft.term).toBeGreaterThan(term);
  });

  it('is as patient as at first once it has committed something', () => {
    const solo = leading();
    pass(solo, 17 * TIMEOUT);
    solo.elect(2);
    solo.ack(2);
    pass(solo, TIMEOUT);
    solo.raft.propose([makeEntry({ cmd: new Uint8Array(1) })]);
    solo.drain();
    pass(solo, 18 * TIMEOUT);
    expect(solo.raft.isLeader).toBe(false);
  });

  it('is more patient the next time, until something is committed', () => {
    const solo = leading();
    pass(solo, 17 * TIMEOUT);
    solo.elect(2);
    expect(solo.raft.isLeader).toBe(true);
    pass(solo, 30 * TIMEOUT);
    expect(solo.raft.isLeader).toBe(true);
    pass(solo, 4 * TIMEOUT);
    expect(solo.raft.isLeader).toBe(false);
  });
});
