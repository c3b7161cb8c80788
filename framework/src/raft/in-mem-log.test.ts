import { describe, expect, it } from '@jest/globals';
import { type Entry, decodeEntries, encodeEntries, makeEntry } from '@drakkar/raftio';
import { InMemLog } from './in-mem-log.js';
import { MemoryBudget } from './memory.js';
import { SeededRandom } from './testing/random.js';

const sizeOf = (entry: Entry): number => 128 + entry.cmdLength;
const sum = (entries: readonly Entry[]): number => entries.reduce((total, each) => total + sizeOf(each), 0);

/** What an in-memory log is to do, with nothing in it to be fast. */
class PlainLog {
  entries: Entry[] = [];
  pinnedFrom = 1;

  constructor(public first = 1) {}

  get end(): number {
    return this.first + this.entries.length;
  }

  get pinned(): Entry[] {
    return this.entries.filter(({ index }) => index >= this.pinnedFrom);
  }

  evict(capBytes: number, retainedBytes: number, freeTo: number, excessBytes: number): void {
    const before = sum(this.entries);
    for (;;) {
      const [entry] = this.entries;
      if (entry === undefined || entry.index >= this.pinnedFrom) return;
      const held = sum(this.entries);
      const isForced = held > capBytes || before - held < excessBytes;
      if (!isForced && !(held > retainedBytes && entry.index <= freeTo)) return;
      this.entries.shift();
      this.first += 1;
    }
  }
}

function expectSame(log: InMemLog, plain: PlainLog): void {
  expect([log.first, log.length, log.sizeBytes, log.pinnedBytes]).toEqual([
    plain.first,
    plain.entries.length,
    sum(plain.entries),
    sum(plain.pinned),
  ]);
}

describe('InMemLog', () => {
  it.each([1, 2])('agrees with a plain list of entries, whatever is done to it (seed %i)', (seed) => {
    const random = new SeededRandom(seed);
    const account = new MemoryBudget(2 ** 30).open();
    const log = new InMemLog(1, account);
    const plain = new PlainLog();
    for (let step = 0; step < 500; step++) {
      const what = random.nextInt(100);
      if (what < 45) {
        // Now and then so many that slots are moved down.
        const count = what === 0 ? 1_500 : random.nextInt(12);
        for (let i = 0; i < count; i++) {
          const cmd = new Uint8Array(random.nextInt(4) === 0 ? random.nextInt(300) : 0);
          const made = makeEntry({ term: 1, index: plain.end, cmd });
          // As it comes from another host: its command is a part of something larger.
          const [entry = made] = cmd.length > 100 ? decodeEntries(encodeEntries([made])) : [];
          log.push(entry);
          plain.entries.push(entry);
        }
      } else if (what < 70) {
        const to = plain.pinnedFrom - 2 + random.nextInt(plain.end - plain.pinnedFrom + 4);
        log.unpinTo(to);
        plain.pinnedFrom = Math.max(plain.pinnedFrom, Math.min(to + 1, plain.end));
      } else if (what < 78) {
        const from = plain.pinnedFrom + random.nextInt(plain.end - plain.pinnedFrom + 1);
        log.truncateFrom(from);
        plain.entries.length = Math.min(plain.entries.length, from - plain.first);
      } else if (what < 97) {
        const held = sum(plain.entries);
        const [capBytes, retainedBytes] = [random.nextInt(2 * held + 2), random.nextInt(held + 2)];
        const [freeTo, excessBytes] = [
          random.nextInt(plain.end + 5),
          random.nextInt(3) * random.nextInt(held + 2),
        ];
        const before = plain.entries.length;
        plain.evict(capBytes, retainedBytes, freeTo, excessBytes);
        const hasEvicted = log.evict({ capBytes, retainedBytes, freeTo, excessBytes });
        expect(hasEvicted).toBe(plain.entries.length < before);
      } else {
        const first = plain.end + random.nextInt(5);
        log.reset(first);
        Object.assign(plain, { entries: [], first, pinnedFrom: first });
      }
      expectSame(log, plain);
      log.account();
      expect([account.pinnedBytes, account.retainedBytes]).toEqual([
        log.pinnedBytes,
        log.sizeBytes - log.pinnedBytes,
      ]);
      const low = plain.first + random.nextInt(plain.entries.length + 1);
      const high = low + random.nextInt(plain.end - low + 1);
      const wanted = plain.entries.slice(low - plain.first, high - plain.first);
      const slice = log.slice(low, high);
      expect([slice.length, slice.every((entry, i) => entry === wanted[i])]).toEqual([high - low, true]);
      if (slice.length > 0) expect(log.at(low)).toBe(slice[0]);
    }
  });
});
