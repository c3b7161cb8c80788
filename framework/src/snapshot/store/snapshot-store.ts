import { join } from 'node:path';
import { type Membership, type Snapshot, type SnapshotFile, isDrakkarError } from '@drakkar/raftio';
import { messageOf } from '../../errors/inspect.js';
import { makeDirDurable } from '../../fs/durable.js';
import type { IFileSystem } from '../../fs/file-system.js';
import type { ILogger } from '../../logging/logger.js';
import type { IClock } from '../../runtime/clock.js';
import type { IRandom } from '../../runtime/random.js';
import { snapshotFailure } from '../failure.js';
import type { SnapshotDescription } from '../format/description.js';
import type { SnapshotFileReader } from '../format/reader.js';
import type { LongWork } from '../progress.js';
import { copySnapshot, exportFolder, verifyExport } from './copy.js';
import type { ExportRecord, SnapshotOrigin } from './export-record.js';
import { verifyExternalFile } from './external-files.js';
import {
  type Published,
  type TemporaryFolder,
  checkIdentity,
  openFolder,
  sameFiles,
  toRecord,
  verifySnapshotFolder,
} from './folder.js';
import { type Purpose, isStoreName, snapshotDirName, temporaryDirName } from './names.js';
import { isRemovalMarked, markRemoval } from './removal-mark.js';
import { type CreateSnapshot, SnapshotDraft } from './snapshot-draft.js';
import { WatchedReader } from './watched-reader.js';

export interface SnapshotStoreOptions {
  /** Folder of the replica's snapshots, absolute; made when the first one is written. */
  dir: string;
  clusterID: number;
  fileSystem: IFileSystem;
  clock: IClock;
  random: IRandom;
  logger: ILogger;
}

/** A snapshot opened for reading. What `recoverFromSnapshot` gets is made of it. */
export interface OpenSnapshot {
  readonly index: number;
  readonly term: number;
  /** As in the record. */
  readonly membership: Membership;
  readonly sessions: Uint8Array;
  /** The state machine's data, checked piece by piece. */
  readonly reader: WatchedReader;
  /** External files; their paths are absolute here, and good until `close`. */
  readonly files: readonly SnapshotFile[];
  /** Idempotent. Until then `remove` waits. */
  close(): Promise<void>;
}

/** A snapshot opened for sending. */
export interface SnapshotLease {
  /** Absolute; holds the snapshot file and its external files. */
  readonly folder: string;
  readonly description: SnapshotDescription;
  /** Of the snapshot file. */
  readonly sizeBytes: number;
  /** The snapshot file, open until `release`. */
  readonly reader: SnapshotFileReader;
  /** Idempotent. Until then `remove` waits. */
  release(): Promise<void>;
}

/** A recorded snapshot that can't be used. */
export interface SnapshotProblem {
  snapshot: Snapshot;
  error: Error;
}

export interface CleanUpReport {
  /** Names of the folders that were removed: what a crash left, and what no record asks for. */
  removed: string[];
  /** Recorded snapshots that are missing, damaged, or of another release. */
  problems: SnapshotProblem[];
}

/**
 * The snapshots of one replica on disk. The LogDB's record says which of them count, so the order is: write a
 * snapshot here, then record it; delete the record, then remove the snapshot here. What a crash leaves in between is
 * cleaned at the next start.
 */
export class SnapshotStore {
  readonly dir: string;
  readonly clusterID: number;
  readonly #fs: IFileSystem;
  readonly #clock: IClock;
  readonly #random: IRandom;
  readonly #logger: ILogger;
  /** Snapshots that are being read, by index, and whether they are to be removed after that. */
  readonly #leases = new Map<number, { count: number; remove: boolean }>();

  /** How many parties count on a snapshot that they published: it must not go before they have recorded it. */
  readonly #claims = new Map<number, number>();
  /** Publishing and giving up, one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SnapshotStoreOptions) {
    this.dir = options.dir;
    this.clusterID = options.clusterID;
    this.#fs = options.fileSystem;
    this.#clock = options.clock;
    this.#random = options.random;
    this.#logger = options.logger;
  }

  /**
   * Has a snapshot written: when this returns, the state machine has given all its data and may go on. The rest, which
   * takes its time on a slow disk, is done by `commit` of the draft; one of `commit` and `abort` must be called.
   *
   * @throws what `write` throws; ErrSnapshotStopped, ErrSnapshotNoSpace, errors of the file system. Nothing is left
   */
  async prepare(options: CreateSnapshot): Promise<SnapshotDraft> {
    const folder = await this.#guarded(options.signal, options.index, () =>
      this.newFolder(options.index, 'creating'),
    );
    return SnapshotDraft.write(options, {
      folder,
      clusterID: this.clusterID,
      fileSystem: this.#fs,
      clock: this.#clock,
    });
  }

  /** `prepare` and `commit` in one. Durable on return, and not yet recorded. */
  async create(options: CreateSnapshot): Promise<Snapshot> {
    const draft = await this.prepare(options);
    return draft.commit();
  }

  /**
   * Opens a recorded snapshot and checks all but the state machine's data, which is checked as it is read.
   *
   * @throws ErrSnapshotCorrupt, ErrIncompatibleData, ErrSnapshotStopped
   */
  async open(snapshot: Snapshot, signal: AbortSignal): Promise<OpenSnapshot> {
    const { index, term, membership } = snapshot;
    const { reader, release } = await this.#openLeased(snapshot);
    try {
      const folder = this.folderOf(index);
      for (const file of reader.description.files) await verifyExternalFile(this.#fs, folder, file, signal);
      const sessions = await reader.readSessions();
      const files = reader.description.files.map(({ name, sizeBytes, fileID, metadata }) => ({
        filepath: join(folder, name),
        fileSize: sizeBytes,
        fileID,
        metadata,
      }));
      return { index, term, membership, sessions, reader: new WatchedReader(reader), files, close: release };
    } catch (error) {
      await release();
      throw error;
    }
  }

  /** Keeps a recorded snapshot from being removed, after the cheap checks of `cleanUp`. */
  async lease(snapshot: Snapshot): Promise<SnapshotLease> {
    const { reader, release } = await this.#openLeased(snapshot);
    const { description, sizeBytes } = reader;
    return { folder: this.folderOf(snapshot.index), description, sizeBytes, reader, release };
  }

  /**
   * Removes the snapshot at `index`, or sees to it that it is when its last reader is done. Its record must be gone
   * already. Not durable: a crash may bring it back, until `cleanUp`.
   */
  async remove(index: number): Promise<void> {
    const lease = this.#leases.get(index);
    if (lease !== undefined) lease.remove = true;
    else await this.#fs.remove(this.folderOf(index));
  }

  /** A snapshot that was published here has its record. */
  recorded(index: number): void {
    this.#endClaim(index);
  }

  /**
   * Who published, or received, the snapshot at `index` has no use for it any more. It goes, unless somebody else has
   * published the same and counts on it, or it is on record.
   */
  async giveUp(index: number, isRecorded: () => Promise<boolean>): Promise<void> {
    await this.#inTurn(async () => {
      this.#endClaim(index);
      if (this.#claims.has(index) || (await isRecorded()) || this.#claims.has(index)) return;
      await this.remove(index);
    });
  }

  #endClaim(index: number): void {
    const count = this.#claims.get(index) ?? 0;
    if (count > 1) this.#claims.set(index, count - 1);
    else this.#claims.delete(index);
  }

  /** Claimed before its turn: what is given up just now must stay for it. */
  async #claimed<T>(index: number, publish: () => Promise<T>): Promise<T> {
    this.#claims.set(index, (this.#claims.get(index) ?? 0) + 1);
    try {
      return await this.#inTurn(publish);
    } catch (error) {
      this.#endClaim(index);
      throw error;
    }
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined); // told to who waits for it
    return await done;
  }

  /** The first step of the replica's removal from this host; durable. `removeAll` is the last. */
  async markRemoval(): Promise<void> {
    await markRemoval(this.#fs, this.dir);
  }

  /** Whether a removal has begun that is not complete. */
  async isRemovalMarked(): Promise<boolean> {
    return await isRemovalMarked(this.#fs, this.dir);
  }

  /** Removes all snapshots of the replica, durably. Nothing of it may be open. */
  async removeAll(): Promise<void> {
    if ((await this.#fs.stat(this.dir)) === undefined) return;
    await this.#fs.remove(this.dir);
    await this.#fs.syncDir(join(this.dir, '..'));
  }

  /**
   * To be called at the start of the replica, before anything else: removes what no record asks for, and looks
   * whether what is recorded is there in its full size. Damage inside is found by `verify`, and by reading.
   */
  async cleanUp(recorded: readonly Snapshot[]): Promise<CleanUpReport> {
    const keep = new Set(recorded.map(({ index }) => snapshotDirName(index)));
    const exists = (await this.#fs.stat(this.dir)) !== undefined;
    const names = exists ? await this.#fs.readDir(this.dir) : [];
    const removed = names.filter((name) => isStoreName(name) && !keep.has(name)).sort();
    for (const name of removed) await this.#fs.remove(join(this.dir, name));
    if (removed.length > 0) await this.#fs.syncDir(this.dir);
    const problems: SnapshotProblem[] = [];
    for (const snapshot of recorded) {
      try {
        const reader = await this.#openChecked(snapshot);
        await reader.close();
      } catch (error) {
        if (!isDrakkarError(error)) throw error;
        problems.push({ snapshot, error });
      }
    }
    return { removed, problems };
  }

  /**
   * Reads all of a recorded snapshot and checks every bit of it.
   *
   * @throws ErrSnapshotCorrupt, ErrIncompatibleData, ErrSnapshotStopped
   */
  async verify(snapshot: Snapshot, signal: AbortSignal): Promise<void> {
    const { release } = await this.#openLeased(snapshot);
    try {
      await verifySnapshotFolder(this.#fs, this.folderOf(snapshot.index), signal);
    } finally {
      await release();
    }
  }

  /**
   * Copies a recorded snapshot, with its external files, to a folder at `to`, from which `importFrom` takes it here or
   * on another host. Durable on return.
   *
   * @throws ErrInvalidOption when there is something at `to`; ErrSnapshotCorrupt, ErrSnapshotStopped,
   *   ErrSnapshotNoSpace, errors of the file system. Nothing is left
   */
  async exportTo(
    snapshot: Snapshot,
    to: string,
    origin: SnapshotOrigin,
    work: LongWork,
  ): Promise<ExportRecord> {
    const { index } = snapshot;
    const { reader, release } = await this.#openLeased(snapshot);
    const { description, sizeBytes } = reader;
    const source = { folder: this.folderOf(index), description, sizeBytes, snapshot };
    const temporary = `${to}.exporting-${this.#newTag()}`;
    try {
      return await this.#guarded(work.signal, index, () =>
        exportFolder(this.#fs, source, to, temporary, origin, work),
      );
    } finally {
      await release();
    }
  }

  /**
   * Takes a copy of an exported snapshot, for a record with `membership`. Durable on return, and not yet recorded;
   * the record goes to `ILogDB.importSnapshot`.
   *
   * @throws ErrSnapshotCorrupt, also when it is of another group; else as `exportTo`. Nothing is left
   */
  async importFrom(from: string, membership: Membership, work: LongWork): Promise<Snapshot> {
    const exported = await verifyExport(this.#fs, from, work);
    const { description } = exported;
    const { clusterID } = this;
    checkIdentity(from, description, { ...description, clusterID });
    return this.#guarded(work.signal, description.index, async () => {
      const folder = await this.newFolder(description.index, 'importing');
      try {
        const copy = await copySnapshot(this.#fs, exported, folder.path, work);
        return (await folder.publish(copy.description, membership, copy.sizeBytes)).snapshot;
      } catch (error) {
        await folder.discard();
        throw error;
      }
    });
  }

  /** Absolute path of the folder of the snapshot at `index`. */
  folderOf(index: number): string {
    return join(this.dir, snapshotDirName(index));
  }

  /** An empty folder for a snapshot that comes into being here. */
  async newFolder(index: number, purpose: Purpose): Promise<TemporaryFolder> {
    await makeDirDurable(this.#fs, this.dir);
    const path = this.#temporaryPath(index, purpose);
    await this.#fs.makeDir(path);
    return {
      path,
      publish: (description, membership, fileSize) =>
        this.#claimed(description.index, () => this.#publish(path, description, membership, fileSize)),
      discard: () => this.#discard(path),
    };
  }

  #temporaryPath(index: number, purpose: Purpose): string {
    return join(this.dir, temporaryDirName(index, purpose, this.#newTag()));
  }

  #newTag(): string {
    return Buffer.from(this.#random.bytes(8)).toString('hex');
  }

  async #publish(
    temporary: string,
    description: SnapshotDescription,
    membership: Membership,
    fileSize: number,
  ): Promise<Published> {
    const { index } = description;
    const folder = this.folderOf(index);
    await this.#fs.syncDir(temporary);
    let replaced: string | undefined;
    if ((await this.#fs.stat(folder)) !== undefined) {
      const size = await this.#wholeSize(folder, description);
      if (size !== undefined) {
        const lease = this.#leases.get(index);
        if (lease !== undefined) lease.remove = false;
        await this.#discard(temporary);
        return { snapshot: toRecord(description, membership, size), wasThere: true };
      }
      replaced = this.#temporaryPath(index, 'replaced');
      await this.#fs.rename(folder, replaced);
    }
    await this.#fs.rename(temporary, folder);
    try {
      await this.#fs.syncDir(this.dir);
    } catch (error) {
      await this.#discard(folder);
      throw error;
    }
    if (replaced !== undefined) await this.#discard(replaced);
    return { snapshot: toRecord(description, membership, fileSize), wasThere: false };
  }

  /** Size of the snapshot file in `folder` when it is the one described, and whole to the last bit. */
  async #wholeSize(folder: string, expected: SnapshotDescription): Promise<number | undefined> {
    try {
      const found = await verifySnapshotFolder(this.#fs, folder, new AbortController().signal);
      checkIdentity(folder, found.description, expected);
      return sameFiles(found.description, expected) ? found.sizeBytes : undefined;
    } catch (error) {
      if (!isDrakkarError(error)) throw error;
      this.#logger.warn('a damaged snapshot is replaced', { folder, err: error });
      return undefined;
    }
  }

  async #discard(path: string): Promise<void> {
    try {
      await this.#fs.remove(path);
    } catch (error) {
      this.#logger.warn(`${path} could not be removed: ${messageOf(error)}`, { err: error });
    }
  }

  #openChecked(snapshot: Snapshot): Promise<SnapshotFileReader> {
    const { index, term, fileSize } = snapshot;
    return openFolder(this.#fs, this.folderOf(index), { clusterID: this.clusterID, index, term, fileSize });
  }

  async #openLeased(
    snapshot: Snapshot,
  ): Promise<{ reader: SnapshotFileReader; release: () => Promise<void> }> {
    const { index } = snapshot;
    const lease = this.#leases.get(index) ?? { count: 0, remove: false };
    lease.count++;
    this.#leases.set(index, lease);
    try {
      const reader = await this.#openChecked(snapshot);
      let released = false;
      const release = async (): Promise<void> => {
        if (released) return;
        released = true;
        await reader.close();
        await this.#endLease(index);
      };
      return { reader, release };
    } catch (error) {
      await this.#endLease(index);
      throw error;
    }
  }

  async #endLease(index: number): Promise<void> {
    const lease = this.#leases.get(index);
    if (lease === undefined) return;
    lease.count--;
    if (lease.count > 0) return;
    this.#leases.delete(index);
    if (lease.remove) await this.#discard(this.folderOf(index));
  }

  async #guarded<T>(signal: AbortSignal, index: number, run: () => Promise<T>): Promise<T> {
    return await run().catch((error: unknown) => {
      throw snapshotFailure(error, signal, `the snapshot at ${index}`);
    });
  }
}
