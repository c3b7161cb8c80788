import { ErrConnectFailed, encodedMessageBatchSize } from '@drakkar/raftio';
import { ASSEMBLY_CASES, runAssembly } from '../assembly/suite.js';
import { memoryAssemblyHarness } from '../reference/memory-assembly.js';
import { MemoryLogDB, type ReplicaRecord } from '../reference/memory-logdb.js';
import type { OpenMemoryLogDB } from '../reference/memory-logdb-harness.js';
import type { MakeMemoryRPC } from '../reference/memory-rpc-harness.js';
import { splitAddress } from '../rpc/address.js';
import { wrapSnapshotConnection } from '../faults/wrap.js';
import type { Mutant } from './mutant.js';
import { bug, receivingBug, streamBug } from './rpc-bug.js';

interface AssemblyBug {
  name: string;
  caughtBy: readonly string[];
  open?: OpenMemoryLogDB;
  make?: MakeMemoryRPC;
}

/** Something happens to what is stored, between two openings. */
function forgets(forget: (record: ReplicaRecord) => void): OpenMemoryLogDB {
  return (place) => {
    for (const record of place.records.values()) forget(record);
    return new MemoryLogDB(place);
  };
}

const LARGE_BYTES = 512 * 1024;
/** The hub gives out addresses one port after the other. */
const THIRD_PORT = 20_003;

const BUGS: readonly AssemblyBug[] = [
  {
    name: 'the last entry is gone after a restart',
    caughtBy: ['ASM-RESTART-1'],
    open: forgets(({ log, state }) => {
      log.pop();
      if (state !== undefined) state.commit = Math.min(state.commit, log.at(-1)?.index ?? 0);
    }),
  },
  {
    name: 'the records of snapshots are gone after a restart',
    caughtBy: ['ASM-SNAP-2'],
    open: forgets(({ snapshots }) => {
      snapshots.clear();
    }),
  },
  receivingBug('large batches are lost', ['ASM-SERVE-3'], (handler) => (batch, peer) => {
    if (encodedMessageBatchSize(batch) < LARGE_BYTES) handler(batch, peer);
  }),
  streamBug('only the first two chunks of a snapshot are sent', ['ASM-SNAP-1'], (inner) =>
    wrapSnapshotConnection(inner, {
      sendSnapshotChunk: async (chunk) => {
        if (chunk.chunkID < 2) await inner.sendSnapshotChunk(chunk);
      },
    }),
  ),
  bug('hosts that come later are not found', ['ASM-MEMBER-1'], (inner) => ({
    getConnection: (target, signal) =>
      splitAddress(target).port > THIRD_PORT
        ? Promise.reject(new ErrConnectFailed(`who is ${target}?`))
        : inner.getConnection(target, signal),
  })),
];

export const ASSEMBLY_MUTANTS: readonly Mutant[] = BUGS.map(({ name, caughtBy, open, make }) => ({
  name: `assembly: ${name}`,
  caughtBy,
  cases: ASSEMBLY_CASES.map(({ id }) => id),
  run: (only) => runAssembly(memoryAssemblyHarness(open, make), { only }),
}));
