import {
  type Bootstrap,
  ConfigChangeType,
  type Entry,
  EntryType,
  ErrLogDBCorrupt,
  type ILogDB,
  type Snapshot,
  type State,
  emptyMembership,
  encodeConfigChange,
  entrySizeBytes,
  makeEntry,
} from '@drakkar/raftio';
import type { RaftInit, TermRun } from '../raft/index.js';
import type { ReplicatedStateMachine } from '../rsm/index.js';

/** The entries that record the initial members of a new group: the same on every one of them. */
export function bootstrapEntries(bootstrap: Bootstrap): Entry[] {
  const nodeIDs = [...bootstrap.addresses.keys()].sort((a, b) => a - b);
  return nodeIDs.map((nodeID, position) =>
    makeEntry({
      term: 1,
      index: position + 1,
      type: EntryType.ConfigChangeEntry,
      cmd: encodeConfigChange({
        configChangeID: 0,
        type: ConfigChangeType.AddNode,
        nodeID,
        address: bootstrap.addresses.get(nodeID) ?? '',
        initialize: true,
      }),
    }),
  );
}

/** Makes the first log of a group's initial member durable: its members, committed by definition. */
export async function saveInitialLog(
  logDB: ILogDB,
  clusterID: number,
  nodeID: number,
  bootstrap: Bootstrap,
): Promise<void> {
  const entriesToSave = bootstrapEntries(bootstrap);
  if (entriesToSave.length === 0) return;
  const state: State = { term: 1, vote: 0, commit: entriesToSave.length };
  await logDB.saveRaftState([{ clusterID, nodeID, state, entriesToSave, snapshot: undefined }]);
}

/** Keeps the last entries of a log being read, within a number of bytes, but always those above `keepAbove`. */
class Tail {
  entries: Entry[] = [];
  #sizeBytes = 0;
  readonly #capBytes: number;
  readonly #keepAbove: number;

  constructor(capBytes: number, keepAbove: number) {
    this.#capBytes = capBytes;
    this.#keepAbove = keepAbove;
  }

  add(entries: readonly Entry[]): void {
    for (const entry of entries) {
      this.entries.push(entry);
      this.#sizeBytes += entrySizeBytes(entry);
    }
    let drop = 0;
    for (const entry of this.entries) {
      if (this.#sizeBytes <= this.#capBytes || entry.index > this.#keepAbove) break;
      this.#sizeBytes -= entrySizeBytes(entry);
      drop++;
    }
    if (drop > 0) this.entries = this.entries.slice(drop);
  }
}

/**
 * Reads a replica's log at its start, behind the snapshot that the state machine was recovered from: what is
 * committed is applied, the terms are gathered as runs, the last entries
 * are kept for the core. Errors: `ErrLogDBCorrupt` when stored entries are missing, those of the LogDB and of the
 * state machine, and the reason of `signal`, which ends a long replay.
 */
export async function loadReplica(
  logDB: ILogDB,
  clusterID: number,
  nodeID: number,
  rsm: ReplicatedStateMachine,
  snapshot: Snapshot | undefined,
  limits: { maxInMemLogBytes: number; maxLogReadBytes: number },
  signal: AbortSignal,
): Promise<RaftInit> {
  const snapshotIndex = snapshot?.index ?? 0;
  const snapshotTerm = snapshot?.term ?? 0;
  const stored = await logDB.readRaftState(clusterID, nodeID, snapshotIndex);
  const state = stored?.state ?? { term: 0, vote: 0, commit: 0 };
  const entryCount = stored?.entryCount ?? 0;
  const firstIndex = entryCount > 0 && stored !== undefined ? stored.firstIndex : snapshotIndex + 1;
  const lastIndex = firstIndex + entryCount - 1;
  if (firstIndex > snapshotIndex + 1 || state.commit > lastIndex) {
    throw new ErrLogDBCorrupt(
      `group ${clusterID} node ${nodeID}: the log on disk has entries ${firstIndex} to ${lastIndex}, but the ` +
        `snapshot ends at ${snapshotIndex} and ${state.commit} is committed; restore the data directory, or remove ` +
        'this node from the group and add a new one under another node id',
    );
  }
  const tail = new Tail(limits.maxInMemLogBytes, state.commit);
  const termRuns: TermRun[] = snapshotIndex > 0 ? [{ index: snapshotIndex, term: snapshotTerm }] : [];
  for (let low = firstIndex; low <= lastIndex;) {
    const { entries } = await logDB.iterateEntries(
      clusterID,
      nodeID,
      low,
      lastIndex + 1,
      limits.maxLogReadBytes,
    );
    signal.throwIfAborted();
    const last = entries[entries.length - 1];
    if (last === undefined || entries[0]?.index !== low) {
      throw new ErrLogDBCorrupt(
        `group ${clusterID} node ${nodeID}: entry ${low} is missing from the log on disk`,
      );
    }
    addTermRuns(termRuns, entries);
    await applyCommitted(rsm, entries, state.commit);
    tail.add(entries);
    low = last.index + 1;
  }
  return {
    state,
    snapshotIndex,
    snapshotTerm,
    firstIndex,
    lastIndex,
    termRuns,
    tail: tail.entries,
    applied: Math.max(state.commit, snapshotIndex),
    membership: lastIndex === 0 ? emptyMembership() : rsm.getMembership(),
    level: rsm.level,
  };
}

function addTermRuns(runs: TermRun[], entries: readonly Entry[]): void {
  for (const { index, term } of entries) {
    const last = runs[runs.length - 1];
    if (last === undefined || last.term !== term) runs.push({ index, term });
  }
}

async function applyCommitted(
  rsm: ReplicatedStateMachine,
  entries: readonly Entry[],
  commit: number,
): Promise<void> {
  const committed = entries.filter((entry) => entry.index <= commit && entry.index > rsm.lastApplied);
  if (committed.length > 0) await rsm.apply(committed);
}
