import { describe, expect, it } from '@jest/globals';
import { memoryLogDBHarness } from '../reference/memory-logdb-harness.js';
import { runLogDB } from './suite.js';

describe('a LogDB that can do more than it declares', () => {
  it.each([
    ['exclusiveOpen', 'LDB-OPEN-2'],
    ['durable', 'LDB-CRASH-1'],
  ] as const)('is asked to declare %s', async (capability, id) => {
    const harness = memoryLogDBHarness();
    const capabilities = { ...harness.capabilities, [capability]: false };
    const { cases } = await runLogDB({ ...harness, capabilities }, { only: [id] });
    expect(cases).toHaveLength(1);
    expect(cases[0]?.error).toMatch(new RegExp(`declare \`${capability}\``));
  });
});

describe('a LogDB of version 0.1', () => {
  it('is not asked for what it does not know of, and reports why', async () => {
    const harness = memoryLogDBHarness();
    const { exclusiveOpen, durable, shrinksOnCompaction } = harness.capabilities;
    const capabilities = { exclusiveOpen, durable, shrinksOnCompaction };
    const { ok, cases } = await runLogDB({ ...harness, capabilities }, { only: ['LDB-DAMAGE-1'] });
    expect(ok).toBe(true);
    expect(cases).toMatchObject([{ status: 'not-applicable', reason: 'detectsDamage is not declared' }]);
  });
});
