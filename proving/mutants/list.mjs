import { claimsMutants } from './claims.mjs';
import { engineMutants } from './engine.mjs';
import { raftMutants } from './raft.mjs';
import { stateMutants } from './state.mjs';
import { storageMutants } from './storage.mjs';
import { streamMutants } from './streams.mjs';
import { walMutants } from './wal.mjs';

/**
 * Deliberately wrong changes to the project, each a small one that could be made by mistake: the place that is like the
 * pattern `find` (see pattern.mjs), of which the function or class `in` of `file` has exactly one, becomes `replace`.
 * `what` says what is wrong then. Each must be caught by some check; one that is not shows what the checks do not see.
 * Not in the list: changes that make nothing wrong, since another rule stands behind. `unseen` says, of one that lives of
 * whole clusters do not show, why: a second rule makes it harmless there, or they do not get there.
 */
export const MUTANTS = [
  ...raftMutants.map((mutant) => ({ area: 'raft', ...mutant })),
  ...claimsMutants.map((mutant) => ({ area: 'claims', ...mutant })),
  ...engineMutants.map((mutant) => ({ area: 'engine', ...mutant })),
  ...stateMutants.map((mutant) => ({ area: 'state', ...mutant })),
  ...storageMutants.map((mutant) => ({ area: 'storage', ...mutant })),
  ...streamMutants.map((mutant) => ({ area: 'streams', ...mutant })),
  ...walMutants.map((mutant) => ({ area: 'wal', ...mutant })),
];

/** Tests that are asked, in this order, what they say of a mutant in a file. */
const TESTS_OF = {
  'logdb-wal/src': ['logdb-wal/src'],
  'framework/src/raft': ['framework/src/raft'],
  'framework/src/agreement': ['framework/src/agreement'],
  'framework/src/engine': [
    'framework/src/engine',
    'integration/test/replication',
    'integration/test/snapshot',
  ],
  'framework/src/requests': ['framework/src/requests'],
  'framework/src/nodehost': ['framework/src/nodehost', 'integration/test/membership'],
  'framework/src/rsm': ['framework/src/rsm'],
  'framework/src/snapshot': ['framework/src/snapshot'],
  'framework/src/transport': ['framework/src/transport'],
  'raftio/src/kv': ['raftio/src/kv'],
  'raftio/src/raftpb': ['raftio/src/raftpb'],
  'raftio/src/transport': ['raftio/src/transport'],
  'transport-ws/src': ['transport-ws/src'],
};

/**
 * Paths of the jest tests that a mutant is shown to: its own, if it names some.
 *
 * @throws Error for a file that no tests are known for
 */
export function testsFor({ file, tests }) {
  if (tests !== undefined) return tests;
  const folder = Object.keys(TESTS_OF).find((each) => file.startsWith(`${each}/`));
  if (folder === undefined) throw new Error(`no tests are named for ${file}`);
  return TESTS_OF[folder];
}
