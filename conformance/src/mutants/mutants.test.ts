import { describe, expect, it } from '@jest/globals';
import { ASSEMBLY_CASES } from '../assembly/suite.js';
import { LOGDB_CASES, runLogDB } from '../logdb/suite.js';
import { memoryLogDBHarness } from '../reference/memory-logdb-harness.js';
import { RPC_CASES } from '../rpc/suite.js';
import { MUTANTS } from './all.js';
import { runMutants } from './mutant.js';

// That each is caught is shown by `npm run conformance`, which `npm test` runs.
describe('deliberately wrong adapters', () => {
  it('are many, and have different names', () => {
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
    expect(MUTANTS.length).toBeGreaterThan(60);
  });

  it('name cases that there are and that they are asked', () => {
    const known = new Set([...LOGDB_CASES, ...RPC_CASES, ...ASSEMBLY_CASES].map(({ id }) => id));
    const asked = MUTANTS.flatMap(({ cases }) => cases);
    expect(asked.filter((id) => !known.has(id))).toEqual([]);
    expect(MUTANTS.filter(({ caughtBy, cases }) => !caughtBy.every((id) => cases.includes(id)))).toEqual([]);
    expect(MUTANTS.filter(({ caughtBy }) => caughtBy.length === 0)).toEqual([]);
  });

  it('are not taken for caught when the suite sees nothing wrong', async () => {
    const sound = {
      name: 'sound',
      caughtBy: ['LDB-BOOT-2'],
      cases: LOGDB_CASES.map(({ id }) => id).filter((id) => /-(BOOT|TAIL|SNAP)-/.test(id)),
      run: (only: readonly string[]) => runLogDB(memoryLogDBHarness(), { only }),
    };
    expect(await runMutants([sound])).toMatchObject([{ caught: false, failed: [] }]);
  });

  it('are not taken for caught when they fail more than a handful of cases', async () => {
    const broken = memoryLogDBHarness(() => {
      throw new Error('does not open');
    });
    const mutant = {
      name: 'broken',
      caughtBy: ['LDB-BOOT-2'],
      cases: LOGDB_CASES.map(({ id }) => id),
      run: (only: readonly string[]) => runLogDB(broken, { only }),
    };
    const [result] = await runMutants([mutant]);
    expect(result?.caught).toBe(false);
    expect(result?.failed).toContain('LDB-BOOT-2');
  });

  it('are asked again, but for the named cases, when so many fail that it may be for lateness', async () => {
    const ids = LOGDB_CASES.map(({ id }) => id).slice(0, 12);
    const [named = '', ...others] = ids;
    const asked: string[] = [];
    const sound = memoryLogDBHarness();
    const late = memoryLogDBHarness();
    late.setup = () => Promise.reject(new Error('too late'));
    const lateOnce = {
      name: 'late once',
      caughtBy: [named],
      cases: ids,
      run: ([id = '']: readonly string[]) => {
        const isFirst = !asked.includes(id);
        asked.push(id);
        return runLogDB(isFirst ? late : sound, { only: [id] });
      },
    };
    expect(await runMutants([lateOnce])).toMatchObject([{ caught: true, failed: [named] }]);
    expect(asked.toSorted()).toEqual([...ids, ...others].toSorted());
  });
});
