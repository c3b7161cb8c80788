import { describe, expect, it } from '@jest/globals';
import { defaultMemoryBytes } from './memory.js';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;

describe('what a host may hold in memory by default', () => {
  it('follows the heap, or the memory of the process, whichever is less', () => {
    expect(defaultMemoryBytes(4 * GIB, 64 * GIB)).toBe(2 * GIB);
    expect(defaultMemoryBytes(4 * GIB, 2 * GIB)).toBe(512 * MIB);
  });

  it('is enough for the largest commands on the smallest machine', () => {
    expect(defaultMemoryBytes(64 * MIB, 64 * MIB)).toBe(128 * MIB);
    expect(defaultMemoryBytes()).toBeGreaterThanOrEqual(128 * MIB);
  });
});
