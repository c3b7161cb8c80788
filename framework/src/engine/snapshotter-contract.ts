import type { Snapshot } from '@drakkar/raftio';
import type { DiskLevel } from '../fs/log-disk.js';
import type { SnapshotStore } from '../snapshot/index.js';

/** Who takes and reads the snapshots of a replica. */
export interface ISnapshotter {
  readonly store: SnapshotStore;
  /** Given when the replica stops. */
  readonly signal: AbortSignal;
  /** Entries up to `index` are applied: a snapshot may be due. */
  applied(index: number): void;
  /** These entries are about to be applied. */
  handedOut(lastIndex: number, sizeBytes: number): void;
  /** Whether the log can't be compacted, and is to grow no further on a disk with so little room. */
  isLogStuck(level: DiskLevel): boolean;
  /** Time passes: a snapshot that had no room may be tried again, though no entry is applied meanwhile. */
  tick(): void;
  /** Compacts the log if that was held up and is not any more. */
  resumeCompaction(): void;
  /** Takes a snapshot of what is applied now; resolves to its index. */
  request(): Promise<number>;
  /** Gives back the space of entries that a snapshot has made superfluous. @throws ErrRejected when there is none */
  compact(): Promise<void>;
  /** The record of a snapshot of all that is applied now; takes one unless there is one already. */
  upToDate(): Promise<Snapshot>;
  /** Work that reads the snapshots: `stop` waits for it, and `signal` tells it to end. */
  hold<T>(work: Promise<T>): Promise<T>;
  /** Whether the snapshot at `index` is known to be damaged. */
  isDamaged(index: number): boolean;
  /** A snapshot proved damaged when it was read: it is used no more, and another one is taken in its place. */
  damaged(snapshot: Snapshot, error: unknown): void;
  /** Takes a snapshot in the place of one that is damaged, if that was not tried just now. */
  replaceDamaged(): void;
  /** Puts the state of a snapshot that was received, and is recorded, in place of the state machine's. */
  recover(snapshot: Snapshot): Promise<void>;
  /** A snapshot was received and the core has no use for it. */
  discard(index: number): void;
  stop(): Promise<void>;
}
