import { describe, expect, it } from '@jest/globals';
import { LogSizes } from './log-sizes.js';

const MIB = 1024 * 1024;

describe('LogSizes', () => {
  it('measures a piece of the log to within a step', () => {
    const sizes = new LogSizes();
    for (let index = 1; index <= 1000; index++) sizes.add(index, 100_000);
    for (const [low, high] of [
      [0, 1000],
      [200, 900],
      [500, 510],
      [999, 1000],
    ] as const) {
      const exact = (high - low) * 100_000;
      expect(Math.abs(sizes.between(low, high) - exact)).toBeLessThanOrEqual(2 * MIB);
    }
  });

  it('knows nothing of what it has not seen, and keeps a bounded number of marks', () => {
    const sizes = new LogSizes();
    expect(sizes.between(0, 10)).toBe(0);
    const count = 20_000;
    for (let index = 1; index <= count; index++) sizes.add(index, MIB);
    expect(sizes.between(0, count)).toBe(count * MIB);
    const half = sizes.between(count / 2, count);
    expect(Math.abs(half - (count / 2) * MIB)).toBeLessThan(64 * MIB);
  });
});
