import type { SnapshotFile, Uint64 } from '@drakkar/raftio';

/** Where a state machine writes its snapshot; `write` resolves when there is room for more. */
export interface SnapshotWriter {
  write(data: Uint8Array): Promise<void>;
}

/** Collects files that belong to a snapshot but are too large to be copied into it. */
export interface ISnapshotFileCollection {
  /** @param fileID unique in the snapshot; `path` must exist, and must not be changed afterwards. */
  addFile(fileID: number, path: string, metadata: Uint8Array): void;
}

/**
 * What an application implements. `update` is called for one command at a time, in log order, on every replica: it
 * must be deterministic. `lookup` may be called between updates, never during one. Methods may return promises; a
 * method that can return its value at once should, for it is faster. A method that throws stops this replica.
 */
export interface IStateMachine {
  /** Applies a command. The result, an unsigned 64-bit integer, is what the proposer receives. */
  update(cmd: Uint8Array): Uint64 | Promise<Uint64>;
  /** Answers a query without changing anything. */
  lookup(query: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** Writes the whole state. Not run at the same time as `update`. When `signal` aborts: stop and throw. */
  saveSnapshot(
    writer: SnapshotWriter,
    files: ISnapshotFileCollection,
    signal: AbortSignal,
  ): void | Promise<void>;
  /** Replaces the whole state by what a `saveSnapshot` wrote. */
  recoverFromSnapshot(
    reader: AsyncIterable<Uint8Array>,
    files: readonly SnapshotFile[],
    signal: AbortSignal,
  ): void | Promise<void>;
  /** Called once, last. */
  close(): void | Promise<void>;
  /** A hash of the state: equal on any two replicas that have applied the same commands. */
  getHash(): Uint64 | Promise<Uint64>;
}

/** Makes the state machine of one replica, empty. */
export type CreateStateMachine = (
  clusterID: number,
  nodeID: number,
) => IStateMachine | Promise<IStateMachine>;
