import { LOGDB_CASES, runLogDB } from '../logdb/suite.js';
import { memoryLogDBHarness } from '../reference/memory-logdb-harness.js';
import { READING_BUGS } from './logdb-reading.js';
import { STORING_BUGS } from './logdb-storing.js';
import type { Mutant } from './mutant.js';

export const LOGDB_MUTANTS: readonly Mutant[] = [...STORING_BUGS, ...READING_BUGS].map(
  ({ name, caughtBy, open }) => ({
    name: `logdb: ${name}`,
    caughtBy,
    cases: LOGDB_CASES.map(({ id }) => id),
    run: (only) => runLogDB(memoryLogDBHarness(open, name), { only }),
  }),
);
