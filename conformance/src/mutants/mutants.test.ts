import { describe, expect, it } from '@jest/globals';
import { ASSEMBLY_CASES } from '../assembly/suite.js';
import { LOGDB_CASES, runLogDB } from '../logdb/suite.js';
import { memoryLogDBHarness } from '../reference/memory-logdb-harness.js';
import { RPC_CASES } from '../rpc/suite.js';
import { MUTANTS } from './all.js';
import { runMutant } from './mutant.js';

// That each is caught is shown by `npm run conformance`, which `npm test` runs.
describe('deliberately wrong adapters', () => {
  it('are many, and have different names', () => {
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
    expect(MUTANTS.length).toBeGreaterThan(60);
  });

  it('name cases that there are', () => {
    const known = new Set([...LOGDB_CASES, ...RPC_CASES, ...ASSEMBLY_CASES].map(({ id }) => id));
    const named = MUTANTS.flatMap(({ caughtBy }) => caughtBy);
    expect(named.filter((id) => !known.has(id))).toEqual([]);
    expect(MUTANTS.filter(({ caughtBy }) => caughtBy.length === 0)).toEqual([]);
  });

  it('are not taken for caught when the suite sees nothing wrong', async () => {
    const sound = {
      name: 'sound',
      caughtBy: ['LDB-BOOT-2'],
      run: () => runLogDB(memoryLogDBHarness(), { only: ['LDB-BOOT-2'] }),
    };
    expect(await runMutant(sound)).toMatchObject({ caught: false, failed: [] });
  });

  it('are not taken for caught when they fail more than a handful of cases', async () => {
    const broken = memoryLogDBHarness(() => {
      throw new Error('does not open');
    });
    const mutant = {
      name: 'broken',
      caughtBy: ['LDB-BOOT-2'],
      run: () => runLogDB(broken),
    };
    const { caught, failed } = await runMutant(mutant);
    expect(caught).toBe(false);
    expect(failed).toContain('LDB-BOOT-2');
  });
});
