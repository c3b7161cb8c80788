import { LOGDB_CASES, runLogDB } from '../logdb/suite.js';
import { memoryLogDBHarness } from '../reference/memory-logdb-harness.js';
import { MORE_BUGS } from './logdb-more.js';
import { READING_BUGS } from './logdb-reading.js';
import { STORING_BUGS } from './logdb-storing.js';
import type { Mutant } from './mutant.js';

/** Asked only of the bugs that they are named for: they take long, and are about nothing that the others touch. */
const APART = [
  'LDB-SAVE-10',
  'LDB-SAVE-11',
  'LDB-SAVE-12',
  'LDB-TAIL-8',
  'LDB-COMPACT-2',
  'LDB-COMPACT-3',
  'LDB-COMPACT-4',
  'LDB-CONC-4',
  'LDB-CLOSE-5',
  'LDB-CLOSE-6',
  'LDB-MODEL-3',
  'LDB-CRASH-5',
  'LDB-MEMORY-1',
];

/** Asked of bugs that spoil what many cases stand on, besides the cases that are named. */
const SOUND = ['LDB-OPEN-1', 'LDB-BOOT-1', 'LDB-SAVE-4', 'LDB-CLOSE-1'];

export function namedCases(caughtBy: readonly string[]): string[] {
  return [...new Set([...caughtBy, ...SOUND])];
}

/** The cases that a bug in memory is asked. */
function casesFor(caughtBy: readonly string[]): string[] {
  return LOGDB_CASES.map(({ id }) => id).filter((id) => caughtBy.includes(id) || !APART.includes(id));
}

export const LOGDB_MUTANTS: readonly Mutant[] = [...STORING_BUGS, ...READING_BUGS, ...MORE_BUGS].map(
  ({ name, caughtBy, open }) => ({
    name: `logdb: ${name}`,
    caughtBy,
    cases: MORE_BUGS.some((each) => each.name === name) ? namedCases(caughtBy) : casesFor(caughtBy),
    run: (only, seed = 1) => runLogDB({ ...memoryLogDBHarness(open, name), seed }, { only }),
  }),
);
