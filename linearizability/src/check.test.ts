import { describe, expect, it } from '@jest/globals';
import { checkLinearizableRegister } from './check.js';
import type { RegisterOperation } from './history.js';
import { atomicHistory, isLinearizableByTrial, mutate, seededRandom } from './testing/histories.js';

/**
 * Histories as text: `w1 0-5` puts 1 between instants 0 and 5, `r1` saw 1, `r-` saw nothing, `d` deletes, an
 * instant `?` never came. An optional `key:` before.
 */
function parse(text: string): RegisterOperation[] {
  return text.split(',').map((part) => {
    const match = /^(?:(\w+):)?([wrd])(\d+|-)? (\d+)-(\d+|\?)$/.exec(part.trim());
    if (match === null) throw new Error(`not an operation: ${part}`);
    const [, key = 'x', letter, value = '-', invokedAt, returnedAt] = match;
    return {
      key,
      kind: letter === 'w' ? 'put' : letter === 'r' ? 'get' : 'delete',
      value: value === '-' ? undefined : Number(value),
      invokedAt: Number(invokedAt),
      returnedAt: returnedAt === '?' ? undefined : Number(returnedAt),
    };
  });
}

const GOOD: [name: string, history: string][] = [
  ['one write', 'w1 0-1'],
  ['a read of what was never written', 'r- 0-1'],
  ['a read after a write', 'w1 0-1, r1 2-3'],
  ['a read before a write', 'r- 0-1, w1 2-3'],
  ['a read during a write, before it', 'w1 0-9, r- 1-2'],
  ['a read during a write, after it', 'w1 0-9, r1 1-2'],
  ['reads during a write that change over once', 'w1 0-9, r- 1-2, r1 3-4, r1 5-6'],
  ['overlapping writes, either last', 'w1 0-5, w2 0-5, r1 6-7'],
  ['overlapping writes, the other last', 'w1 0-5, w2 0-5, r2 6-7'],
  ['overlapping writes seen in turn', 'w1 0-9, w2 0-9, r2 1-2, r1 3-4'],
  ['a return at the instant of an invocation is concurrent', 'w1 0-2, r- 2-3'],
  ['a delete', 'w1 0-1, d 2-3, r- 4-5'],
  ['a delete that overlaps a write', 'w1 0-5, d 0-5, r1 6-7'],
  ['a write of unknown outcome that took effect', 'w1 0-?, r1 5-6'],
  ['a write of unknown outcome that never took effect', 'w1 0-1, w2 2-?, r1 5-6, r1 8-9'],
  ['a write of unknown outcome that took effect late', 'w1 0-1, w2 2-?, r1 5-6, r2 8-9'],
  ['a delete of unknown outcome that took effect late', 'w1 0-1, d 2-?, r1 5-6, r- 8-9'],
  ['two unknown writes in either order', 'w1 0-?, w2 1-?, r2 3-4, r1 5-6'],
  ['a read that never returned', 'w1 0-1, r 2-?, r1 3-4'],
  ['keys are independent', 'a:w1 0-1, b:r- 2-3, a:r1 2-3'],
  ['three readers of three overlapping writes', 'w1 0-9, w2 0-9, w3 0-9, r3 1-2, r1 3-4, r2 5-6, r2 10-11'],
];

const BAD: [name: string, history: string, smallest: number][] = [
  ['a read of nothing after a write', 'w1 0-1, r- 2-3', 2],
  ['a read of a value never written', 'w1 0-1, r7 2-3', 1],
  ['a read before the write was invoked', 'r1 0-1, w1 2-3', 2],
  ['a stale read', 'w1 0-1, w2 2-3, r1 4-5', 3],
  ['a stale read among good ones', 'w1 0-1, r1 2-3, w2 4-5, r2 6-7, r1 8-9', 3],
  ['reads that go back during a write', 'w1 0-1, w2 2-9, r2 3-4, r1 5-6', 4],
  ['two readers that disagree on the order', 'w1 0-1, w2 0-1, r1 2-3, r2 4-5', 4],
  ['a write that vanished', 'w1 0-1, w2 2-3, w3 4-5, r2 6-7', 3],
  ['a read of what a delete had removed', 'w1 0-1, d 2-3, r1 4-5', 3],
  ['a read of nothing between a write and a delete', 'w1 0-1, r- 2-3, d 4-5', 3],
  ['an unknown write that took effect and was undone', 'w1 0-1, w2 2-?, r2 5-6, r1 8-9', 4],
  ['an unknown write seen before it was invoked', 'r1 0-1, w1 2-?', 2],
  ['an unknown write overwritten and back again', 'w1 0-?, w2 3-4, r2 5-6, r1 7-8, r2 9-10', 4],
  ['an unknown delete that came and went', 'w1 0-1, d 2-?, r- 5-6, r1 8-9', 4],
  ['one bad key among good ones', 'a:w1 0-1, b:w5 0-1, a:r1 2-3, b:r- 4-5', 2],
  ['new then old by two readers', 'w1 0-1, w2 2-9, r2 3-5, r1 6-8', 4],
  ['three overlapping writes seen twice over', 'w1 0-9, w2 0-9, r1 1-2, r2 3-4, r1 5-6', 5],
  ['a lost update behind a later read', 'w1 0-1, w2 2-3, r- 2-3', 2],
];

describe('checkLinearizableRegister', () => {
  it.each(GOOD)('accepts %s', (_, text) => {
    const history = parse(text);
    expect(isLinearizableByTrial(history)).toBe(true);
    expect(checkLinearizableRegister(history)).toMatchObject({
      verdict: 'ok',
      operationCount: history.length,
    });
  });

  it.each(BAD)('rejects %s', (_, text, smallest) => {
    const history = parse(text);
    expect(isLinearizableByTrial(history)).toBe(false);
    const result = checkLinearizableRegister(history);
    if (result.verdict !== 'violation') throw new Error(`accepted: ${result.verdict}`);
    expect(result.operations.length).toBeLessThanOrEqual(smallest);
    expect(isLinearizableByTrial(result.operations)).toBe(false);
  });

  it('starts from the initial value that it is given', () => {
    expect(checkLinearizableRegister(parse('r4 0-1'), { initial: 4 }).verdict).toBe('ok');
    expect(checkLinearizableRegister(parse('r- 0-1'), { initial: 4 }).verdict).toBe('violation');
  });

  it('names key, client and values of a violation', () => {
    const history = parse('k:w1 0-1, k:w2 2-3, k:r1 4-5').map((operation) => ({
      ...operation,
      client: 'c7',
    }));
    expect(checkLinearizableRegister(history)).toMatchObject({ verdict: 'violation', key: 'k' });
    const { message } = checkLinearizableRegister(history) as { message: string };
    expect(message).toContain('key k');
    expect(message).toContain('client c7  get  k = 1  [4.000, 5.000]');
  });

  it('agrees with trying every order, on small random histories of few values', () => {
    let good = 0;
    for (let seed = 1; seed <= 1_500; seed += 1) {
      const random = seededRandom(seed);
      const history = mutate(
        atomicHistory(random, { length: 6, clients: 3, values: 3, unknownOneIn: 8 }),
        random,
      );
      const expected = isLinearizableByTrial(history);
      good += Number(expected);
      expect({ seed, verdict: checkLinearizableRegister(history).verdict }).toEqual({
        seed,
        verdict: expected ? 'ok' : 'violation',
      });
    }
    expect(good).toBeGreaterThan(200);
    expect(good).toBeLessThan(1_300);
  });

  it('accepts long histories of an atomic register, and finds one stale read in them', () => {
    for (let seed = 1; seed <= 8; seed += 1) {
      const random = seededRandom(seed);
      const history = atomicHistory(random, { length: 2_000, clients: 6, unknownOneIn: 50 });
      expect(checkLinearizableRegister(history).verdict).toBe('ok');
      // A write of unknown outcome might still take effect; what was surely overwritten can't come back.
      const puts = history.filter(({ kind, returnedAt }) => kind === 'put' && returnedAt !== undefined);
      const { value } = puts[Math.floor(puts.length / 2)] as RegisterOperation;
      const end = Math.max(...history.map(({ returnedAt }) => returnedAt ?? 0));
      const bad = [
        ...history,
        { key: 'x', kind: 'put' as const, value: -1, invokedAt: end + 1, returnedAt: end + 2 },
        { key: 'x', kind: 'get' as const, value, invokedAt: end + 3, returnedAt: end + 4 },
      ];
      const result = checkLinearizableRegister(bad);
      if (result.verdict !== 'violation') throw new Error(`seed ${seed} accepted`);
      expect(result.operations.length).toBeLessThan(12);
    }
  });

  it('gives up, and reports it, when time is over or too much is open at once', () => {
    const open = Array.from({ length: 40 }, (_, i) => `w${i} 0-100`).join(', ');
    expect(checkLinearizableRegister(parse(open))).toMatchObject({ verdict: 'undecided', key: 'x' });
    const hard = `${Array.from({ length: 25 }, (_, i) => `w${i} 0-100`).join(', ')}, r99 1-99`;
    expect(checkLinearizableRegister(parse(hard), { timeLimitMs: 50 })).toMatchObject({
      verdict: 'undecided',
      reason: 'out of time',
    });
  });
});
