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
 * What an application implements: the state that a group's log stands for. Every replica has an instance of its own
 * and calls it with the same commands in the same order, so `update` must be deterministic: no clock, no randomness,
 * no outside world, and no dependence on how often or when the other methods are called.
 *
 * Calls: `update` and `recoverFromSnapshot` run alone. `lookup`, `getHash` and `saveSnapshot` run between updates,
 * never during one, but may overlap with each other. `close` comes last. A method may return a promise, and is then
 * running until that settles; one that can return its value at once should, for it is faster, and a promise that
 * never settles holds up the replica permanently.
 *
 * Errors: when `update` or `recoverFromSnapshot` throws, rejects, or returns something else than it should, the
 * replica stops permanently, for its state is not known any more; so a command that the application refuses is to be
 * answered with a result, not with an error. What `lookup` throws goes to the caller. What `saveSnapshot` throws
 * fails that snapshot only.
 *
 * Durability: after a restart the replica begins with an empty instance, its newest snapshot and the log after it.
 * An implementation needs no storage of its own.
 */
export interface IStateMachine {
  /**
   * Applies a command. `cmd` is part of the log: it must not be changed, and an implementation that keeps more of it than the call
   * lasts should copy what is kept, since a view of it holds on to the whole block that it came in.
   *
   * @returns the result that the proposer receives, an unsigned 64-bit integer: a number up to
   *   `Number.MAX_SAFE_INTEGER`, or a bigint. It is remembered for the retries of a client session and must depend on
   *   the state and the command only.
   */
  update(cmd: Uint8Array): Uint64 | Promise<Uint64>;
  /** Answers a query without changing anything. */
  lookup(query: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** Writes the whole state. No entry is applied before it is done. When `signal` aborts: stop and throw. */
  saveSnapshot(
    writer: SnapshotWriter,
    files: ISnapshotFileCollection,
    signal: AbortSignal,
  ): void | Promise<void>;
  /** Replaces the whole state by what a `saveSnapshot` wrote, here or on another replica. */
  recoverFromSnapshot(
    reader: AsyncIterable<Uint8Array>,
    files: readonly SnapshotFile[],
    signal: AbortSignal,
  ): void | Promise<void>;
  /** Called once, last, also when the replica has failed. */
  close(): void | Promise<void>;
  /** A hash of the state: equal on any two replicas that have applied the same commands. */
  getHash(): Uint64 | Promise<Uint64>;
  /**
   * True: `getHash` returns at once, as where the hash is kept up to date with each command. Then replicas compare it
   * all the time, every few thousand entries, without being asked to by `stateCheckHash` of the group's configuration.
   */
  readonly hashIsCheap?: boolean;
}

/** Makes the state machine of one replica, empty. */
export type CreateStateMachine = (
  clusterID: number,
  nodeID: number,
) => IStateMachine | Promise<IStateMachine>;
