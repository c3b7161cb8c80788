import { describe, expect, it } from '@jest/globals';
import { finishesWithin } from './finishes-within.js';
import { ManualClock } from './testing/manual-clock.js';

const never = (): Promise<void> => new Promise(() => undefined);

describe('finishesWithin', () => {
  it('reports whether the work was done in time, and leaves no timer', async () => {
    const clock = new ManualClock();
    expect(await finishesWithin(Promise.resolve(), 100, clock)).toBe(true);
    const late = finishesWithin(never(), 100, clock);
    clock.advance(99);
    expect(clock.timerCount).toBe(1);
    clock.advance(1);
    expect(await late).toBe(false);
    expect(clock.timerCount).toBe(0);
  });

  it('throws what the work throws', async () => {
    const clock = new ManualClock();
    const failing = Promise.reject(new Error('failed'));
    await expect(finishesWithin(failing, 100, clock)).rejects.toThrow('failed');
    expect(clock.timerCount).toBe(0);
  });

  it('sets no timer at all with 0', async () => {
    const clock = new ManualClock();
    let end = (): void => undefined;
    const done = finishesWithin(new Promise<void>((resolve) => (end = resolve)), 0, clock);
    expect(clock.timerCount).toBe(0);
    end();
    expect(await done).toBe(true);
  });
});
