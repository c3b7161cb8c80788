import type { SnapshotChunk } from '@drakkar/raftio';
import type { IFileSystem } from '../../fs/file-system.js';
import type { IClock } from '../../runtime/clock.js';
import type { SnapshotDescription } from '../format/description.js';
import type { SessionFormat } from '../format/session-format.js';
import type { Expected } from '../store/folder.js';

/** Where the files of an incoming snapshot go. */
export interface IntakePlace {
  fileSystem: IFileSystem;
  clock: IClock;
  /** An empty folder. */
  folder: string;
  /** The snapshot that the stream says it brings. */
  expected: Expected;
  /** For snapshots of Dragonboat v2.1.7, in a group that takes them. */
  dragonboat?: SessionFormat | undefined;
}

/** A snapshot whose files are written, checked and durable, the folder's entries excepted. */
export interface TakenSnapshot {
  description: SnapshotDescription;
  /** Of the data file. */
  sizeBytes: number;
}

/**
 * Takes the chunks of one stream, in the format that its sender writes, and makes a folder of them in ours. Calls don't
 * overlap; after one that returned a problem, or threw, only `close` is called.
 */
export interface Intake {
  /** Whether the chunk is the one that must come next. Returns what is wrong with it. */
  check(chunk: SnapshotChunk): string | undefined;
  /** Called once, after the check of the first chunk and before it is added. */
  begin(place: IntakePlace): Promise<void>;
  /**
   * Writes the chunk that was checked. Returns what is wrong with it.
   *
   * @throws ErrSnapshotCorrupt, ErrIncompatibleData, errors of the file system
   */
  add(chunk: SnapshotChunk): Promise<string | undefined>;
  /** Whether the chunk that was added last was the last of the stream. */
  readonly isWhole: boolean;
  /** Called when it is whole. */
  finish(): Promise<TakenSnapshot>;
  /** Releases what is open. Idempotent. */
  close(): Promise<void>;
}
