import { describe, expect, it } from '@jest/globals';
import { findOveruse } from './resources.js';

const MIB = 1024 * 1024;
const WORK = { seconds: 60, hosts: 5, answers: 6_000, largeCommandBytes: 0, snapshotsInstalled: 10 };
const USAGE = {
  dials: 300,
  openFiles: 50,
  residentBytes: 180 * MIB,
  passedBytes: 50 * MIB,
  logLines: 600,
};

describe('findOveruse', () => {
  it('finds nothing in what a round takes', () => {
    expect(findOveruse(USAGE, WORK)).toEqual([]);
  });

  it.each([
    ['dials', { dials: 99 * 300 }],
    ['log lines', { logLines: 20_000 }],
    ['files open in one process', { openFiles: 1_500 }],
    ['resident bytes of one process', { residentBytes: 2_000 * MIB }],
    ['bytes between hosts', { passedBytes: 5_000 * MIB }],
  ])('names %s beyond their bound', (what, more) => {
    const found = findOveruse({ ...USAGE, ...more }, WORK);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${what}: \\d+, at most \\d+ for 6000 answers$`));
  });
});
