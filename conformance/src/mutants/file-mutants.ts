import { fileURLToPath } from 'node:url';
import { harnessFromModule } from '../adapters/module-harness.js';
import type { LogDBHarness } from '../logdb/harness.js';
import { runLogDB } from '../logdb/suite.js';
import type { FileLogFault } from '../reference/file-log/faults.js';
import type { Mutant } from './mutant.js';

interface FileBug {
  name: string;
  caughtBy: readonly string[];
  fault: FileLogFault;
}

/** Bugs that only a log in files has. */
const BUGS: readonly FileBug[] = [
  {
    name: 'replicas of one call are synced one by one',
    caughtBy: ['LDB-CRASH-2'],
    fault: 'replicasOneByOne',
  },
  {
    name: 'an import removes first and adds afterwards',
    caughtBy: ['LDB-CRASH-4'],
    fault: 'importInTwoSteps',
  },
  {
    name: 'a removal is written with the next save',
    caughtBy: ['LDB-CRASH-4'],
    fault: 'removalWaitsForNextSave',
  },
  {
    name: 'the deletion of a record is written with the next save',
    caughtBy: ['LDB-CRASH-4'],
    fault: 'deletionWaitsForNextSave',
  },
  { name: 'large calls are written in two parts', caughtBy: ['LDB-CRASH-5'], fault: 'largeCallsInTwo' },
  {
    name: 'an overwritten tail is deleted by a record of its own',
    caughtBy: ['LDB-CRASH-3'],
    fault: 'tailDeletedApart',
  },
  {
    name: 'snapshot records of one call are synced one by one',
    caughtBy: ['LDB-CRASH-4'],
    fault: 'snapshotsOneByOne',
  },
  {
    name: 'a log that begins again is emptied before its entries are written',
    caughtBy: ['LDB-CRASH-4'],
    fault: 'restartBeforeEntries',
  },
  {
    name: 'bootstrap info is removed before it is written again',
    caughtBy: ['LDB-CRASH-4'],
    fault: 'bootstrapRemovedFirst',
  },
  {
    name: 'compaction drops replicas without entries in the segment',
    caughtBy: ['LDB-MODEL-3'],
    fault: 'compactionDropsIdle',
  },
  { name: 'compaction drops snapshot records', caughtBy: ['LDB-MODEL-3'], fault: 'compactionDropsSnapshots' },
  { name: 'compaction drops bootstrap info', caughtBy: ['LDB-MODEL-3'], fault: 'compactionDropsBootstrap' },
  {
    name: 'compaction carries entries that were overwritten meanwhile',
    caughtBy: ['LDB-MODEL-3'],
    fault: 'compactionCarriesStale',
  },
  {
    name: 'segments are opened in the order of their names as text',
    caughtBy: ['LDB-MODEL-3'],
    fault: 'segmentsInTextOrder',
  },
  {
    name: 'only the last sixteen segments are opened',
    caughtBy: ['LDB-SAVE-12'],
    fault: 'opensSixteenSegments',
  },
  {
    name: 'the newest of many segments is not opened',
    caughtBy: ['LDB-SAVE-12'],
    fault: 'lastSegmentForgotten',
  },
  {
    name: 'an overwrite deletes nothing in old segments',
    caughtBy: ['LDB-TAIL-8'],
    fault: 'tailOfOldSegmentKept',
  },
  { name: 'each read leaves a file open', caughtBy: ['LDB-CLOSE-6'], fault: 'handlePerRead' },
  { name: 'compacted segments stay open', caughtBy: ['LDB-CLOSE-6'], fault: 'handlesAfterCompaction' },
  { name: 'a call may have 16 MiB', caughtBy: ['LDB-SAVE-10'], fault: 'framesOf16MiB' },
  { name: 'entries of a call are counted in 16 bits', caughtBy: ['LDB-SAVE-11'], fault: 'countsOf16Bits' },
  { name: 'size limits are taken in 32 bits', caughtBy: ['LDB-ITER-8'], fault: 'limitsOf32Bits' },
  { name: 'size limits are taken in 31 bits', caughtBy: ['LDB-ITER-8'], fault: 'limitsOf31Bits' },
  { name: 'reads give what is in the cache', caughtBy: ['LDB-ARGS-4'], fault: 'servesCache' },
  { name: 'reads give views of one buffer', caughtBy: ['LDB-ARGS-3'], fault: 'readsSharedBuffer' },
  { name: 'close does not wait for reads', caughtBy: ['LDB-CLOSE-5'], fault: 'closeForgetsReads' },
  {
    name: 'compaction does not wait for reads',
    caughtBy: ['LDB-COMPACT-4'],
    fault: 'compactionForgetsReads',
  },
  { name: 'large saves are overtaken by small ones', caughtBy: ['LDB-CONC-4'], fault: 'largeSavesOvertaken' },
  { name: 'nothing is synced', caughtBy: ['LDB-SYNC-1'], fault: 'unsyncedIsAcknowledged' },
  { name: 'only saves of Raft state are synced', caughtBy: ['LDB-SYNC-1'], fault: 'syncOnlySaves' },
  { name: 'the sync comes before the write', caughtBy: ['LDB-SYNC-1'], fault: 'syncBeforeWrite' },
  { name: 'a sync that fails is passed over', caughtBy: ['LDB-FENCE-3'], fault: 'syncFailureIgnored' },
  { name: 'a write that fails is tried again', caughtBy: ['LDB-FENCE-1'], fault: 'writeRetried' },
  { name: 'a sync that fails is tried again', caughtBy: ['LDB-FENCE-3'], fault: 'syncRetried' },
  {
    name: 'what is appended follows on a torn tail',
    caughtBy: ['LDB-FENCE-2'],
    fault: 'appendsAfterTornTail',
  },
  {
    name: 'a state is stored only when it differs from the last one',
    caughtBy: ['LDB-NODE-4'],
    fault: 'stateOnlyWhenChanged',
  },
  {
    name: 'a compaction holds up all calls until it is done',
    caughtBy: ['LDB-COMPACT-3'],
    fault: 'compactionHoldsAll',
  },
  { name: 'there are no checksums', caughtBy: ['LDB-DAMAGE-1'], fault: 'noChecksum' },
  {
    name: 'checksums are looked at only at the opening',
    caughtBy: ['LDB-DAMAGE-2'],
    fault: 'checksumAtOpeningOnly',
  },
  { name: 'damage is taken for the end of the log', caughtBy: ['LDB-DAMAGE-1'], fault: 'damageEndsLog' },
  {
    name: 'all entries that were read stay in memory',
    caughtBy: ['LDB-MEMORY-1'],
    fault: 'keepsEntriesInMemory',
  },
  { name: 'arguments are kept permanently', caughtBy: ['LDB-MEMORY-1'], fault: 'keepsArguments' },
  {
    name: 'the first call of a group is acknowledged before the group is written',
    caughtBy: ['LDB-CRASH-2'],
    fault: 'acknowledgesFirstOfGroup',
  },
];

const MODULE = fileURLToPath(new URL('../reference/file-log/file-adapter.js', import.meta.url));

/** Asked of each besides the named cases, so that a mutant that is merely broken is not taken for caught. */
const SOUND = ['LDB-BOOT-2', 'LDB-SAVE-1', 'LDB-TAIL-2', 'LDB-REMOVE-1'];

async function harnessOf({ fault }: FileBug): Promise<LogDBHarness> {
  const made = await harnessFromModule(MODULE, { options: { faults: [fault] } });
  if (made.kind !== 'logdb') throw new Error('the reference on files is no LogDB');
  return made.harness;
}

export const FILE_MUTANTS: readonly Mutant[] = BUGS.map((each) => {
  let harness: Promise<LogDBHarness> | undefined;
  return {
    name: `logdb on files: ${each.name}`,
    caughtBy: each.caughtBy,
    cases: [...new Set([...each.caughtBy, ...SOUND])],
    run: async (only, seed = 1) => runLogDB({ ...(await (harness ??= harnessOf(each))), seed }, { only }),
  };
});
