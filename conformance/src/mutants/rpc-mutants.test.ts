import { beforeAll, describe, expect, it } from '@jest/globals';
import { RPC_MUTANTS } from './rpc-mutants.js';
import { MOST_CASES, type MutantResult, runMutants } from './mutant.js';

const results = new Map<string, MutantResult>();

beforeAll(async () => {
  for (const result of await runMutants(RPC_MUTANTS)) results.set(result.name, result);
}, 240_000);

describe('deliberately wrong transports', () => {
  it('are many and have different names', () => {
    expect(results.size).toBe(RPC_MUTANTS.length);
    expect(results.size).toBeGreaterThan(30);
  });

  it.each(RPC_MUTANTS)('$name: caught by $caughtBy, and by few others', ({ name, caughtBy }) => {
    const { failed } = results.get(name) as MutantResult;
    expect(failed).toEqual(expect.arrayContaining([...caughtBy]));
    expect(failed.length).toBeLessThanOrEqual(MOST_CASES);
  });
});
