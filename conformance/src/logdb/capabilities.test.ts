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
