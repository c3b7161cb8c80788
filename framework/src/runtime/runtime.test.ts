import { afterEach, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import { SystemClock } from './clock.js';
import { SeededRandom, SystemRandom } from './random.js';

afterEach(() => void jest.useRealTimers());

describe('SystemClock', () => {
  it('never goes back', () => {
    const clock = new SystemClock();
    let last = clock.nowMs();
    for (let i = 0; i < 1000; i++) {
      const now = clock.nowMs();
      expect(now).toBeGreaterThanOrEqual(last);
      last = now;
    }
    expect(Math.abs(clock.wallTimeMs() - Date.now())).toBeLessThan(1000);
  });

  it('calls back once, not early, and not when cancelled', async () => {
    const clock = new SystemClock();
    const calls: string[] = [];
    clock.setTimeout(() => calls.push('cancelled'), 1).cancel();
    const started = clock.nowMs();
    await new Promise<void>((resolve) => {
      clock.setTimeout(() => {
        calls.push('timeout');
        resolve();
      }, 20);
    });
    expect(clock.nowMs() - started).toBeGreaterThan(18);
    expect(calls).toEqual(['timeout']);
  });

  it('waits as long as asked, longer than a timer of Node.js can too', () => {
    jest.useFakeTimers();
    const clock = new SystemClock();
    const calls: string[] = [];
    const longestMs = 2 ** 31 - 1;
    clock.setTimeout(() => calls.push('long'), 2.5 * longestMs);
    const other = clock.setTimeout(() => calls.push('cancelled'), 1.5 * longestMs);
    jest.advanceTimersByTime(1.2 * longestMs);
    other.cancel();
    jest.advanceTimersByTime(1.2 * longestMs);
    expect(calls).toEqual([]);
    jest.advanceTimersByTime(0.2 * longestMs);
    expect(calls).toEqual(['long']);
  });

  it('repeats until cancelled, and defers', async () => {
    const clock = new SystemClock();
    let ticks = 0;
    await new Promise<void>((resolve) => {
      const timer = clock.setInterval(() => {
        ticks++;
        if (ticks === 3) {
          timer.cancel();
          clock.setTimeout(resolve, 10);
        }
      }, 1);
    });
    expect(ticks).toBe(3);
    let deferred = false;
    await new Promise<void>((resolve) => {
      clock.defer(() => {
        deferred = true;
        resolve();
      });
      expect(deferred).toBe(false);
    });
    expect(deferred).toBe(true);
  });
});

describe('SeededRandom', () => {
  const take = (seed: number, count: number): number[] => {
    const random = new SeededRandom(seed);
    return Array.from({ length: count }, () => random.nextInt(1_000_000));
  };

  it('gives the same for the same seed, permanently', () => {
    expect(take(42, 5)).toEqual(take(42, 5));
    // Failing here means that no recorded seed of a simulation can be replayed any more.
    expect(take(1, 4)).toMatchInlineSnapshot(`
      [
        228728,
        8760,
        953415,
        49072,
      ]
    `);
    expect(new SeededRandom(7).uint64()).toMatchInlineSnapshot(`7869987806938469657n`);
  });

  it('gives different sequences for seeds that differ in any bit', () => {
    const seeds = [0, 1, 2, 2 ** 31, 2 ** 32, 2 ** 32 + 1, 2 ** 52];
    expect(new Set(seeds.map((seed) => take(seed, 4).join())).size).toBe(seeds.length);
  });

  it('stays below the bound, and is spread evenly', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 0x1_0000_0000 }), (seed, bound) => {
        const value = new SeededRandom(seed).nextInt(bound);
        return Number.isInteger(value) && value >= 0 && value < bound;
      }),
    );
    const random = new SeededRandom(3);
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 100_000; i++) counts[random.nextInt(10)]! += 1;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });

  it.each([0, -1, 1.5, NaN, 2 ** 32 + 1])('refuses the bound %s', (bound) => {
    expect(() => new SeededRandom(1).nextInt(bound)).toThrow(RangeError);
  });
});

describe('SystemRandom', () => {
  it('does not repeat itself', () => {
    const ids = new Set(Array.from({ length: 1000 }, () => new SystemRandom().uint64()));
    expect(ids.size).toBe(1000);
    expect(new SystemRandom().bytes(16)).toHaveLength(16);
    expect(new SystemRandom().nextInt(1)).toBe(0);
  });
});
