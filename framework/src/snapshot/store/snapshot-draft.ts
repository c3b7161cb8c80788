import { join } from 'node:path';
import type { Membership, Snapshot } from '@drakkar/raftio';
import type { IFileSystem } from '../../fs/file-system.js';
import type { IClock } from '../../runtime/clock.js';
import type { ISnapshotFileCollection, SnapshotWriter } from '../../statemachine/contract.js';
import { snapshotFailure, throwIfStopped } from '../failure.js';
import type { CompressionType } from '../../compression/snappy.js';
import { SnapshotFileWriter } from '../format/writer.js';
import { FileCollection, adoptFiles, sealFiles } from './external-files.js';
import type { TemporaryFolder } from './folder.js';
import { DATA_FILE_NAME } from './names.js';

/** What a snapshot is made of; `SnapshotSource` of the replicated state machine has most of it. */
export interface CreateSnapshot {
  index: number;
  term: number;
  membership: Membership;
  sessions: Uint8Array;
  /** Has the state machine write its data. */
  write: (
    writer: SnapshotWriter,
    files: ISnapshotFileCollection,
    signal: AbortSignal,
  ) => void | Promise<void>;
  compression: CompressionType;
  signal: AbortSignal;
}

interface DraftServices {
  folder: TemporaryFolder;
  clusterID: number;
  fileSystem: IFileSystem;
  clock: IClock;
}

/** A snapshot that has all its data, but is neither complete nor durable yet. */
export class SnapshotDraft {
  readonly #options: CreateSnapshot;
  readonly #services: DraftServices;
  readonly #writer: SnapshotFileWriter;
  readonly #files: FileCollection;

  private constructor(
    options: CreateSnapshot,
    services: DraftServices,
    writer: SnapshotFileWriter,
    files: FileCollection,
  ) {
    const { membership } = options;
    // The replica goes on while the snapshot is completed, and may change its membership.
    this.#options = {
      ...options,
      membership: {
        configChangeID: membership.configChangeID,
        addresses: new Map(membership.addresses),
        removed: new Map(membership.removed),
        observers: new Map(membership.observers),
      },
    };
    this.#services = services;
    this.#writer = writer;
    this.#files = files;
  }

  /** Has the data written. When it fails nothing is left. */
  static async write(options: CreateSnapshot, services: DraftServices): Promise<SnapshotDraft> {
    const { signal } = options;
    const { folder, fileSystem, clock } = services;
    let writer: SnapshotFileWriter | undefined;
    try {
      throwIfStopped(signal, `the snapshot at ${options.index}`);
      writer = await SnapshotFileWriter.create(fileSystem, join(folder.path, DATA_FILE_NAME), {
        compression: options.compression,
        clock,
        signal,
      });
      await writer.writeSessions(options.sessions);
      const files = new FileCollection();
      await options.write(writer, files, signal);
      await writer.endData();
      // Now, for the state machine is free to rename or remove them as soon as it goes on.
      await adoptFiles(fileSystem, folder.path, files.close(), signal);
      throwIfStopped(signal, `the snapshot at ${options.index}`);
      return new SnapshotDraft(options, services, writer, files);
    } catch (error) {
      // What a full disk did to the writer is what counts, whatever the state machine has made of it.
      const failure: unknown = writer?.failure === undefined ? error : writer.failure.error;
      await writer?.close().catch(() => undefined);
      await folder.discard();
      throw snapshotFailure(failure, signal, `the snapshot at ${options.index}`);
    }
  }

  /**
   * Completes the snapshot: durable on return, and to be recorded in the LogDB next.
   *
   * @throws ErrSnapshotStopped, ErrSnapshotNoSpace, errors of the file system. Nothing is left
   */
  async commit(): Promise<Snapshot> {
    const { index, term, membership, signal } = this.#options;
    const { folder, clusterID, fileSystem } = this.#services;
    try {
      const files = await sealFiles(fileSystem, folder.path, this.#files.close(), signal);
      const description = { clusterID, index, term, membership, files };
      const fileSize = await this.#writer.finish(description);
      throwIfStopped(signal, `the snapshot at ${index}`);
      return (await folder.publish(description, membership, fileSize)).snapshot;
    } catch (error) {
      await this.abort();
      throw snapshotFailure(error, signal, `the snapshot at ${index}`);
    }
  }

  /** Gives the snapshot up. Nothing is left. */
  async abort(): Promise<void> {
    await this.#writer.close().catch(() => undefined);
    await this.#services.folder.discard();
  }
}
