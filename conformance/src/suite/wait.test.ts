import { describe, expect, it } from '@jest/globals';
import { Watched, patient } from './wait.js';

describe('patient', () => {
  it.each([
    ['an idle machine', 0, 1],
    ['one whose cores are busy', 2, 1],
    ['one with three times the work', 6, 3],
    ['one that does hardly anything', 1_000, 10],
  ])('gives %s the time that it needs', (_machine, load, factor) => {
    expect(patient(5_000, load, 2)).toBe(5_000 * factor);
  });
});

describe('a watched promise', () => {
  it('is looked at once more when the time is over, so that what was due before is seen', async () => {
    const due = new Promise((resolve) => setTimeout(resolve, 20));
    const pending = new Watched(due).staysPending(50, 'a promise that is due');
    // The process has no turn until both times are over.
    const end = performance.now() + 100;
    while (performance.now() < end);
    await expect(pending).rejects.toThrow(/resolved/);
  });
});
