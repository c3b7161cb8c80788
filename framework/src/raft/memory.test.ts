import { describe, expect, it } from '@jest/globals';
import { MessageType, makeEntry } from '@drakkar/raftio';
import { MemoryBudget } from './memory.js';
import { Solo } from './testing/solo.js';

const { Replicate } = MessageType;
const ENTRY_BYTES = 1024;
const entry = (): ReturnType<typeof makeEntry> => makeEntry({ cmd: new Uint8Array(ENTRY_BYTES - 128) });

/** A leader whose entries nobody acknowledges. */
function leader(budget: MemoryBudget): Solo {
  const solo = new Solo({ memory: budget.open() });
  solo.lead();
  return solo;
}

/** Entries that it takes until it is busy. */
function fill(solo: Solo, max = 1_000): number {
  let count = 0;
  for (; count < max && !solo.raft.isBusy; count++) {
    solo.raft.propose([entry()]);
    solo.drain();
  }
  return count;
}

describe('the memory of a host', () => {
  it('is bounded over all its groups, and leaves each its share', () => {
    const budget = new MemoryBudget(100 * ENTRY_BYTES);
    const groups = Array.from({ length: 5 }, () => leader(budget));
    const counts = groups.map((group) => fill(group));
    expect(counts[0]).toBeGreaterThanOrEqual(75);
    expect(counts[0]).toBeLessThanOrEqual(76);
    // Those that come later have a fifth of the last quarter each.
    for (const count of counts.slice(1)) expect(count).toBeGreaterThanOrEqual(5);
    expect(budget.pinnedBytes).toBeLessThanOrEqual(budget.maxBytes);
  });

  it('takes one entry of a group without any, however large', () => {
    const budget = new MemoryBudget(ENTRY_BYTES);
    const [first, second] = [leader(budget), leader(budget)];
    fill(first);
    expect(first.raft.isBusy).toBe(true);
    expect(second.raft.isBusy).toBe(false);
    second.raft.propose([entry()]);
    expect(second.drain().updates.flatMap(({ proposalsWithoutRoom }) => proposalsWithoutRoom)).toEqual([]);
    expect(second.raft.isBusy).toBe(true);
    const { lastIndex } = second.raft.status();
    second.step(2, MessageType.Propose, { term: 0, entries: [entry()] });
    second.drain();
    expect(second.raft.status().lastIndex).toBe(lastIndex);
  });

  it('is there again when entries are applied, and when a replica has gone', () => {
    const budget = new MemoryBudget(20 * ENTRY_BYTES);
    const memory = budget.open();
    const solo = new Solo({ memory });
    solo.lead();
    const other = leader(budget);
    fill(solo);
    expect(solo.raft.isBusy).toBe(true);
    solo.ack(2);
    solo.drain();
    expect(solo.raft.isBusy).toBe(false);
    fill(solo);
    memory.close();
    memory.close();
    solo.ack(2);
    solo.drain();
    expect(budget.pinnedBytes).toBe(0);
    expect(fill(other)).toBeGreaterThanOrEqual(15);
  });

  it('is shared among the replicas that there are, however many have come and gone', () => {
    const budget = new MemoryBudget(1000);
    const { shareBytes } = budget;
    const accounts = Array.from({ length: 5 }, () => budget.open());
    expect(budget.shareBytes).toBe(shareBytes / 5);
    for (const account of accounts.slice(1)) account.close();
    expect(budget.shareBytes).toBe(shareBytes);
  });

  it('is not looked for where nothing can be released', () => {
    const budget = new MemoryBudget(1000);
    const account = budget.open();
    account.pin(5000);
    expect([budget.isOver, account.hostExcessBytes]).toEqual([false, 0]);
    account.add(-300, 300);
    expect([budget.isOver, account.hostExcessBytes]).toEqual([true, 300]);
  });

  it('counts forwarded proposals while leadership is on its way, and bounds them', () => {
    const budget = new MemoryBudget(10 * ENTRY_BYTES);
    const solo = leader(budget);
    const before = budget.pinnedBytes;
    solo.raft.requestLeaderTransfer(2);
    for (let i = 0; i < 20; i++) solo.step(3, MessageType.Propose, { term: 0, entries: [entry()] });
    expect(budget.pinnedBytes).toBeGreaterThan(before + 7 * ENTRY_BYTES);
    expect(budget.pinnedBytes).toBeLessThanOrEqual(before + 9 * ENTRY_BYTES);
    solo.step(2, MessageType.Heartbeat, { term: solo.raft.term + 1 }); // it leads, and they are passed on
    solo.drain();
    expect(budget.pinnedBytes).toBe(before);
  });

  it('is not spent on entries for members that are behind', () => {
    const budget = new MemoryBudget(20 * ENTRY_BYTES);
    const solo = leader(budget);
    const other = leader(budget);
    for (let i = 0; i < 100; i++) {
      solo.raft.propose([entry()]);
      solo.drain();
      solo.ack(2); // and 3 has none of them
      solo.drain();
    }
    expect(solo.raft.status().inMemBytes).toBeLessThanOrEqual(budget.maxBytes);
    expect(fill(other, 15)).toBe(15);
    expect(budget.isOver).toBe(true);
    solo.raft.shedMemory();
    expect(budget.isOver).toBe(false);
    expect(solo.raft.status().inMemBytes).toBeLessThanOrEqual(5 * ENTRY_BYTES);
  });

  it('has a follower refuse entries that it has no room for, until it has applied', () => {
    const budget = new MemoryBudget(4 * ENTRY_BYTES);
    const solo = new Solo({ memory: budget.open() });
    fill(leader(budget));
    const replicate = (index: number): void => {
      const next = entry();
      next.place(1, index);
      const fields = { term: 1, logIndex: index - 1, logTerm: index > 1 ? 1 : 0, commit: index };
      solo.step(2, Replicate, { ...fields, entries: [next] });
      const update = solo.raft.getUpdate();
      if (update.mustSave) solo.raft.saved(update);
      solo.raft.getUpdate(); // hands out what is to be applied
    };
    replicate(1);
    replicate(2);
    expect(solo.raft.status().lastIndex).toBe(1);
    solo.raft.applied(1);
    replicate(2);
    expect(solo.raft.status().lastIndex).toBe(2);
  });
});
