import { describe, expect, it } from '@jest/globals';
import { LogGrowth } from './log-growth.js';

const MIB = 1024 * 1024;
const none = { entries: 0, sizeBytes: 0 };

describe('LogGrowth', () => {
  it('lets every log grow while the disk has room', () => {
    const growth = new LogGrowth(10, 0);
    growth.failed(MIB);
    expect(growth.isStuck('ample', { entries: 1_000, sizeBytes: 100 * MIB })).toBe(false);
  });

  it('stops the log whose snapshot had no room, until one was taken', () => {
    const growth = new LogGrowth(10, 0);
    expect(growth.isStuck('low', none)).toBe(false);
    growth.failed(MIB);
    expect(growth.isStuck('low', none)).toBe(true);
    growth.succeeded();
    expect(growth.isStuck('low', none)).toBe(false);
    expect(growth.isRetryDue(1e9)).toBe(false);
  });

  it('stops the log whose snapshot is overdue, for whatever reason', () => {
    const growth = new LogGrowth(10, 0);
    expect(growth.isStuck('low', { entries: 20, sizeBytes: 0 })).toBe(false);
    expect(growth.isStuck('low', { entries: 21, sizeBytes: 0 })).toBe(true);
  });

  it('stops every log that is long when room is short', () => {
    for (const intervalEntries of [0, 10_000]) {
      const growth = new LogGrowth(intervalEntries, 0);
      const behind = { entries: 1_000, sizeBytes: 2 * MIB };
      expect(growth.isStuck('low', behind)).toBe(false);
      expect(growth.isStuck('short', behind)).toBe(true);
      expect(growth.isStuck('short', { entries: 1_000, sizeBytes: MIB })).toBe(false);
    }
  });

  it('tries again after pauses that double, and asks for more room than was too small', () => {
    const growth = new LogGrowth(10, 0);
    let nowMs = 0;
    const pausesMs: number[] = [];
    for (let i = 0; i < 8; i++) {
      growth.failed(i === 0 ? 1_000 : undefined);
      growth.paused(nowMs);
      const sinceMs = nowMs;
      while (!growth.isRetryDue(nowMs)) nowMs += 500;
      pausesMs.push(nowMs - sinceMs);
    }
    expect(pausesMs).toEqual([2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 64_000, 64_000]);
    // What was too small is forgotten bit by bit: the state may have shrunk.
    expect(growth.tooSmallBytes).toBeLessThan(200);
  });

  it('does not have members of a group try at the same time', () => {
    const [one, other] = [new LogGrowth(10, 0), new LogGrowth(10, 0.8)];
    for (const each of [one, other]) {
      each.failed(undefined);
      each.paused(0);
    }
    expect([one, other].map((each) => each.isRetryDue(1_700))).toEqual([false, true]);
  });
});
