import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { KeyKind, keyAfter, kindEnd, makeHeadKey, makeKey, parseKey } from './keys.js';
import { decodeHead, encodeHead, seal, sealBytes, unseal } from './records.js';
import { type Runs, runAbove, saveRun, trimRuns } from './runs.js';

const id = fc.oneof(
  fc.maxSafeNat(),
  fc.constantFrom(0, 1, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER),
);
const compare = (a: number[], b: number[]): number => {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : Math.sign((a[at] ?? 0) - (b[at] ?? 0));
};

describe('keys', () => {
  it('sort as their numbers do, and give them back', () => {
    fc.assert(
      fc.property(fc.tuple(id, id, id), fc.tuple(id, id, id), (a, b) => {
        const [keyA, keyB] = [makeKey(KeyKind.log, ...a), makeKey(KeyKind.log, ...b)];
        expect(Buffer.compare(keyA, keyB)).toBe(compare(a, b));
        expect(parseKey(keyA)).toEqual({ clusterID: a[0], nodeID: a[1], index: a[2] });
      }),
    );
  });

  it('put the head behind every entry of its replica and before the next replica', () => {
    const last = makeKey(KeyKind.log, 1, 1, Number.MAX_SAFE_INTEGER);
    const head = makeHeadKey(1, 1);
    const ordered = [last, keyAfter(last), head, keyAfter(head), makeKey(KeyKind.log, 1, 2, 0)];
    const sorted = [...ordered].reverse().sort((a, b) => Buffer.compare(a, b));
    expect(sorted).toEqual(ordered);
    expect(Buffer.compare(head, kindEnd(KeyKind.log))).toBe(-1);
  });
});

describe('records', () => {
  const key = makeKey(KeyKind.snapshot, 3, 4, 5);

  it('are refused when any bit of key, checksum or content has changed', () => {
    const value = sealBytes(key, Uint8Array.of(1, 2, 3));
    expect([...unseal(key, value)]).toEqual([1, 2, 3]);
    for (let bit = 0; bit < value.length * 8; bit++) {
      const changed = value.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => unseal(key, changed)).toThrow('cluster 3, node 4');
    }
    expect(() => unseal(makeKey(KeyKind.snapshot, 3, 4, 6), value)).toThrow('checksum');
    expect(() => unseal(key, value.subarray(0, 3))).toThrow('cut short');
  });

  it('hold state and runs in a head', () => {
    const max = Number.MAX_SAFE_INTEGER;
    const head = {
      state: { term: max, vote: 2, commit: max - 1 },
      runs: [
        { first: 1, last: 2 },
        { first: max - 1, last: max },
      ],
    };
    const headKey = makeHeadKey(1, 2);
    const value = encodeHead(headKey, head);
    expect(decodeHead(headKey, value)).toEqual(head);
    const short = seal(headKey, value.slice(0, value.length - 16));
    expect(() => decodeHead(headKey, short)).toThrow('length');
  });
});

describe('runs', () => {
  it('are a set of indexes', () => {
    const index = fc.integer({ min: 1, max: 25 });
    const save = fc.record({ first: index, count: fc.integer({ min: 1, max: 5 }) });
    fc.assert(
      fc.property(fc.array(fc.oneof(save, index)), (steps) => {
        const runs: Runs = [];
        let set = new Set<number>();
        for (const step of steps) {
          if (typeof step === 'number') {
            trimRuns(runs, step);
            set = new Set([...set].filter((one) => one > step));
            continue;
          }
          const last = step.first + step.count - 1;
          saveRun(runs, step.first, last);
          set = new Set([...set].filter((one) => one < step.first));
          for (let one = step.first; one <= last; one++) set.add(one);
        }
        const listed = runs.flatMap(({ first, last }) =>
          Array.from({ length: last - first + 1 }, (_, i) => first + i),
        );
        expect(listed).toEqual([...set].sort((a, b) => a - b));
        for (let at = 0; at < 32; at++) {
          const above = [...set].filter((one) => one > at);
          expect(runAbove(runs, at)?.first).toBe(above.length === 0 ? undefined : Math.min(...above));
        }
        // Adjacent runs would make the log look as if it had a gap.
        expect(runs.some((run, i) => run.first === (runs[i - 1]?.last ?? -1) + 1)).toBe(false);
      }),
    );
  });
});
