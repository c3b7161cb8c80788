import { describe, expect, it } from '@jest/globals';
import type { Fault } from './cluster/fault-plan.js';
import { shrinkPlan } from './shrink.js';

const plan: Fault[] = Array.from({ length: 40 }, (_, choice) => ({ atMs: choice, kind: 'heal', choice }));
const has = (faults: readonly Fault[], choice: number): boolean =>
  faults.some((fault) => fault.choice === choice);

describe('shrinkPlan', () => {
  it('leaves what is needed for the failure, and nothing else', async () => {
    const needed = [3, 17, 18, 39];
    const small = await shrinkPlan(
      plan,
      async (faults) => needed.every((choice) => has(faults, choice)),
      () => false,
    );
    expect(small.map(({ choice }) => choice)).toEqual(needed);
  });

  it('gives what it has when time is up', async () => {
    let calls = 0;
    const small = await shrinkPlan(
      plan,
      async (faults) => has(faults, 0),
      () => ++calls > 1,
    );
    expect(has(small, 0)).toBe(true);
    expect(small.length).toBeGreaterThan(1);
    expect(small.length).toBeLessThanOrEqual(plan.length);
  });
});
