import { describe, expect, it } from '@jest/globals';
import { type Entry, EntryType, makeEntry } from '@drakkar/raftio';
import { InMemLog } from './in-mem-log.js';
import { Inflights } from './inflights.js';
import { RaftLog } from './log.js';
import { TermRuns } from './term-runs.js';
import { SeededRandom } from './testing/random.js';
import { emptyInit, initWithTerms } from './testing/solo.js';
import type { RaftInit } from './types.js';

/** Entries from `first` on, of these terms; each accounts for 128 bytes. */
function entries(first: number, ...terms: number[]): Entry[] {
  return terms.map((term, i) => makeEntry({ term, index: first + i }));
}

describe('TermRuns', () => {
  it('agrees with a plain list of terms, whatever is done to it', () => {
    const random = new SeededRandom(3);
    for (let round = 0; round < 50; round++) {
      const runs = new TermRuns(0, 0);
      let terms = [0];
      let base = 0;
      for (let step = 0; step < 60; step++) {
        const last = terms.length - 1;
        if (random.chance(70)) {
          terms.push((terms[last] ?? 0) + (random.chance(30) ? 1 + random.nextInt(3) : 0));
          runs.append(last + 1, terms[last + 1] ?? 0);
        } else if (last > base && random.chance(50)) {
          const from = base + 1 + random.nextInt(last - base);
          terms = terms.slice(0, from);
          runs.truncateFrom(from);
        } else {
          base += random.nextInt(last - base + 1);
          runs.trimTo(base);
        }
        expect(runs.base).toBe(base);
        for (let index = base; index < terms.length; index++) expect(runs.termAt(index)).toBe(terms[index]);
        if (base > 0) expect(runs.termAt(base - 1)).toBe(-1);
        const asked = base + random.nextInt(terms.length - base);
        const limit = random.nextInt(10);
        let expected = asked;
        while (expected > base && (terms[expected] ?? 0) > limit) expected -= 1;
        expect(runs.lastAtOrBelow(asked, limit)).toBe(expected);
      }
    }
  });

  it('refuses a term that goes back', () => {
    const runs = new TermRuns(0, 0);
    runs.append(1, 5);
    expect(() => {
      runs.append(2, 4);
    }).toThrow(/went back/);
  });
});

describe('InMemLog', () => {
  it('counts bytes, and evicts only what is not pinned', () => {
    const log = new InMemLog(1);
    for (const entry of entries(1, 1, 1, 1, 1)) log.push(entry);
    expect(log.sizeBytes).toBe(4 * 128);
    const all = { capBytes: 0, retainedBytes: 0, freeTo: 0, excessBytes: 0 };
    expect(log.evict(all)).toBe(false);
    log.unpinTo(2);
    expect(log.pinnedBytes).toBe(2 * 128);
    expect([log.evict(all), log.evict(all)]).toEqual([true, false]);
    expect(log.first).toBe(3);
    expect(log.slice(3, 5).map(({ index }) => index)).toEqual([3, 4]);
    log.truncateFrom(4);
    expect(log.sizeBytes).toBe(128);
    expect(() => log.at(2)).toThrow(/not in memory/);
    expect(() => log.slice(3, 5)).toThrow(/not in memory/);
  });

  it.each([
    ['above the cap', { capBytes: 6 * 128 }, 4],
    ['that all have, but for a tail', { retainedBytes: 5 * 128, freeTo: 100 }, 5],
    ['that all have, and no other', { retainedBytes: 0, freeTo: 2 }, 2],
    ['that the host has no room for', { excessBytes: 3 * 128 - 1 }, 3],
  ])('releases entries %s', (_what, rule, gone) => {
    const log = new InMemLog(1);
    for (const entry of entries(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)) log.push(entry);
    log.unpinTo(10);
    log.evict({ capBytes: 1e6, retainedBytes: 1e6, freeTo: 0, excessBytes: 0, ...rule });
    expect(log.first).toBe(gone + 1);
    expect([log.sizeBytes, log.pinnedBytes]).toEqual([(10 - gone) * 128, 0]);
  });

  it('cuts a slice by size, but gives at least one entry', () => {
    const log = new InMemLog(1);
    for (const entry of entries(1, 1, 1, 1)) log.push(entry);
    expect(log.endWithin(1, 4, 256)).toBe(3);
    expect(log.endWithin(1, 4, 1)).toBe(2);
    expect(log.endWithin(1, 4, 10_000)).toBe(4);
  });

  it('keeps its entries when it moves them down', () => {
    const log = new InMemLog(1);
    let next = 1;
    for (let round = 0; round < 5000; round++) {
      for (let i = 0; i < 3; i++) log.push(makeEntry({ term: 1, index: next++ }));
      log.unpinTo(next - 2);
      log.evict({ capBytes: 5 * 128, retainedBytes: 5 * 128, freeTo: 0, excessBytes: 0 });
      expect(log.at(log.first).index).toBe(log.first);
    }
    expect(log.length).toBe(5);
    expect(log.sizeBytes).toBe(5 * 128);
  });

  it('refuses gaps, and the truncation of what was applied', () => {
    const log = new InMemLog(1);
    log.push(makeEntry({ term: 1, index: 1 }));
    expect(() => {
      log.push(makeEntry({ term: 1, index: 3 }));
    }).toThrow(/gap/);
    log.unpinTo(1);
    expect(() => {
      log.truncateFrom(1);
    }).toThrow(/applied/);
  });
});

describe('Inflights', () => {
  it('is first in, first out, through growth and wrap-around', () => {
    const inflights = new Inflights();
    let freed = 0;
    for (let index = 1; index <= 200; index++) {
      inflights.add(index, 10);
      if (index % 3 === 0) {
        freed += 2;
        inflights.freeTo(freed);
      }
      expect(inflights.count).toBe(index - freed);
      expect(inflights.sizeBytes).toBe(10 * (index - freed));
    }
    inflights.freeFirst();
    expect(inflights.count).toBe(200 - freed - 1);
    inflights.clear();
    expect([inflights.count, inflights.sizeBytes]).toEqual([0, 0]);
  });
});

describe('what is found on disk', () => {
  const state = { term: 9, vote: 0, commit: 0 };

  function load(init: Partial<RaftInit>): RaftLog {
    return new RaftLog({ ...emptyInit(), state, ...init }, 1 << 20);
  }

  it('a log alone', () => {
    const log = load(initWithTerms(entries(1, 1, 1, 2), { term: 2, vote: 0, commit: 2 }));
    expect([log.firstIndex, log.lastIndex, log.lastTerm, log.commit, log.stable]).toEqual([1, 3, 2, 2, 3]);
    expect([0, 1, 2, 3, 4].map((index) => log.term(index))).toEqual([0, 1, 1, 2, -1]);
  });

  const snapshotAt5 = { snapshotIndex: 5, snapshotTerm: 3, applied: 5 };

  it('a snapshot alone', () => {
    const log = load({ ...snapshotAt5, firstIndex: 6, lastIndex: 5 });
    expect([log.firstIndex, log.lastIndex, log.lastTerm, log.commit]).toEqual([6, 5, 3, 5]);
  });

  it('a log that goes on after the snapshot, with entries kept below it', () => {
    const tail = entries(6, 3, 4);
    const termRuns = [
      { index: 3, term: 3 },
      { index: 7, term: 4 },
    ];
    const log = load({ ...snapshotAt5, firstIndex: 3, lastIndex: 7, termRuns, tail });
    expect([log.firstIndex, log.lastIndex, log.lastTerm, log.term(5), log.term(3)]).toEqual([3, 7, 4, 3, 3]);
  });

  it('a log that ends below the snapshot: only the snapshot counts', () => {
    const log = load({ ...snapshotAt5, firstIndex: 1, lastIndex: 4, termRuns: [{ index: 1, term: 2 }] });
    expect([log.firstIndex, log.lastIndex, log.lastTerm]).toEqual([6, 5, 3]);
  });

  it('an old tail above a snapshot from the leader is dropped', () => {
    const tail = entries(6, 2, 2);
    const log = load({
      ...snapshotAt5,
      firstIndex: 1,
      lastIndex: 7,
      termRuns: [{ index: 1, term: 2 }],
      tail,
    });
    expect([log.firstIndex, log.lastIndex, log.lastTerm, log.mem.length]).toEqual([6, 5, 3, 0]);
  });

  it('entries appended after a snapshot from the leader count, whatever old ones lie below it', () => {
    const tail = entries(6, 3, 7);
    const termRuns = [
      { index: 1, term: 2 },
      { index: 4, term: 5 },
      { index: 6, term: 3 },
      { index: 7, term: 7 },
    ];
    const log = load({ ...snapshotAt5, firstIndex: 1, lastIndex: 7, termRuns, tail });
    expect([log.firstIndex, log.lastIndex, log.lastTerm, log.term(5), log.term(4)]).toEqual([6, 7, 7, 3, -1]);
  });

  const damaged: [string, Partial<RaftInit>, RegExp][] = [
    ['a gap after the snapshot', { ...snapshotAt5, firstIndex: 7, lastIndex: 7 }, /gap/],
    ['a commit index above the end', { state: { term: 9, vote: 0, commit: 3 } }, /ends before the commit/],
    [
      'applied more than is committed',
      { ...initWithTerms(entries(1, 1), state), applied: 1 },
      /applied index/,
    ],
    [
      'a tail that begins too late',
      { ...initWithTerms(entries(1, 1, 1), state), tail: entries(2, 1) },
      /tail/,
    ],
    ['no terms', { ...initWithTerms(entries(1, 1), state), termRuns: [] }, /term runs/],
  ];
  for (const [what, init, message] of damaged) {
    it(`refuses ${what}`, () => {
      expect(() => load(init)).toThrow(message);
    });
  }
});

describe('RaftLog', () => {
  it('refuses to change what is committed', () => {
    const log = new RaftLog(initWithTerms(entries(1, 1, 1), { term: 1, vote: 0, commit: 1 }), 1 << 20);
    expect(() => {
      log.merge(entries(1, 2));
    }).toThrow(/committed entry would change/);
    log.merge(entries(2, 2, 2));
    expect([log.lastIndex, log.lastTerm, log.stable]).toEqual([3, 2, 1]);
  });

  it('keeps an entry that matches, even when the message ends before the log does', () => {
    const log = new RaftLog(initWithTerms(entries(1, 1, 1, 1), { term: 1, vote: 0, commit: 0 }), 1 << 20);
    log.merge(entries(1, 1, 1));
    expect([log.lastIndex, log.stable]).toEqual([3, 3]);
  });

  it('knows the config changes that are not applied', () => {
    const init = initWithTerms(entries(1, 1), { term: 1, vote: 0, commit: 1 });
    const log = new RaftLog(init, 1 << 20);
    log.push(makeEntry({ term: 1, index: 2, type: EntryType.ConfigChangeEntry }));
    log.push(makeEntry({ term: 1, index: 3, type: EntryType.ConfigChangeEntry }));
    expect(log.unappliedConfigChanges).toEqual([2, 3]);
    log.merge(entries(3, 2));
    expect(log.unappliedConfigChanges).toEqual([2]);
  });

  it('evicts above the cap only what is durable and applied, and reports when that is not enough', () => {
    const log = new RaftLog(emptyInit(), 10 * 128);
    for (const entry of entries(1, ...new Array<number>(20).fill(1))) log.push(entry);
    expect(log.isOverCap).toBe(true);
    log.evict(20);
    expect(log.mem.length).toBe(20);
    log.commitTo(20);
    log.stable = 20;
    log.applyHanded = 20;
    log.appliedTo(15);
    log.evict(0);
    expect(log.mem.length).toBe(10);
    expect(log.isOverCap).toBe(false);
    log.evict(20);
    expect(log.mem.first).toBe(16);
  });
});
