import { describe, expect, it } from '@jest/globals';
import { patient } from './wait.js';

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
