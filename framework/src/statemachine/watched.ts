import type { SnapshotFile, Uint64 } from '@drakkar/raftio';
import type { Operations } from '../runtime/operations.js';
import type { ISnapshotFileCollection, IStateMachine, SnapshotWriter } from './contract.js';

/** A user's state machine whose promises are watched: what they wait for may take long, or never come. */
export class WatchedStateMachine implements IStateMachine {
  readonly #inner: IStateMachine;
  readonly #operations: Operations;
  readonly #groups: () => readonly number[];

  constructor(inner: IStateMachine, clusterID: number, operations: Operations) {
    this.#inner = inner;
    this.#operations = operations;
    this.#groups = () => [clusterID];
  }

  get hashIsCheap(): boolean {
    return this.#inner.hashIsCheap === true;
  }

  update(cmd: Uint8Array): Uint64 | Promise<Uint64> {
    const result = this.#inner.update(cmd);
    // Called for every entry, and nearly always at once with a number.
    return typeof result === 'object' ? this.#watch('update', () => result) : result;
  }

  lookup(query: Uint8Array): Uint8Array | Promise<Uint8Array> {
    return this.#watch('lookup', () => this.#inner.lookup(query));
  }

  saveSnapshot(
    writer: SnapshotWriter,
    files: ISnapshotFileCollection,
    signal: AbortSignal,
  ): void | Promise<void> {
    return this.#watch('saveSnapshot', () => this.#inner.saveSnapshot(writer, files, signal));
  }

  recoverFromSnapshot(
    reader: AsyncIterable<Uint8Array>,
    files: readonly SnapshotFile[],
    signal: AbortSignal,
  ): void | Promise<void> {
    return this.#watch('recoverFromSnapshot', () => this.#inner.recoverFromSnapshot(reader, files, signal));
  }

  close(): void | Promise<void> {
    return this.#watch('close', () => this.#inner.close());
  }

  getHash(): Uint64 | Promise<Uint64> {
    return this.#watch('getHash', () => this.#inner.getHash());
  }

  #watch<T>(method: keyof IStateMachine, call: () => T): T {
    return this.#operations.watchIfAsync(`state machine's ${method}`, this.#groups, call);
  }
}
