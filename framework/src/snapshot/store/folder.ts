import { join } from 'node:path';
import type { Membership, Snapshot } from '@drakkar/raftio';
import type { IFileSystem } from '../../fs/file-system.js';
import { corrupt } from '../format/corrupt.js';
import type { SnapshotDescription } from '../format/description.js';
import { SnapshotFileReader } from '../format/reader.js';
import { type VerifiedSnapshotFile, verifySnapshotFile } from '../format/verifier.js';
import { type ByteMeter, noMeter } from '../progress.js';
import { verifyExternalFile } from './external-files.js';
import { DATA_FILE_NAME, recordPath } from './names.js';

/** The record of a snapshot; its paths are relative to the folder of the replica, so that a data directory may move. */
export function toRecord(
  description: SnapshotDescription,
  membership: Membership,
  fileSize: number,
): Snapshot {
  const { index, term, files } = description;
  return {
    filepath: recordPath(index, DATA_FILE_NAME),
    fileSize,
    index,
    term,
    membership,
    files: files.map(({ name, sizeBytes, fileID, metadata }) => ({
      filepath: recordPath(index, name),
      fileSize: sizeBytes,
      fileID,
      metadata,
    })),
  };
}

export interface Published {
  snapshot: Snapshot;
  /** Whether the same snapshot was there before, so that a record may ask for it. */
  wasThere: boolean;
}

/** A folder in which a snapshot comes into being. */
export interface TemporaryFolder {
  readonly path: string;
  /**
   * Gives the complete and synced snapshot its name; durable on return. When the same snapshot is there already, and
   * whole, that one stays.
   */
  publish(description: SnapshotDescription, membership: Membership, fileSize: number): Promise<Published>;
  /** Removes it with all that is in it, unless it was published. Does not throw: what stays goes at the next start. */
  discard(): Promise<void>;
}

/** What a snapshot is expected to be; its own description says the same, or it is another's. */
export interface Expected {
  clusterID: number;
  index: number;
  term: number;
}

/** Throws ErrSnapshotCorrupt when the snapshot file at `path` is of another group, or another place in the log. */
export function checkIdentity(path: string, description: SnapshotDescription, expected: Expected): void {
  for (const key of ['clusterID', 'index', 'term'] as const) {
    if (description[key] !== expected[key]) {
      throw corrupt(path, 0, `it is of ${key} ${description[key]} instead of ${expected[key]}`);
    }
  }
}

/**
 * Opens the snapshot file in `folder` after cheap checks: that everything is there in its full size, and is the
 * snapshot that is expected.
 *
 * @throws ErrSnapshotCorrupt, ErrIncompatibleData
 */
export async function openFolder(
  fs: IFileSystem,
  folder: string,
  expected: Expected & { fileSize: number },
): Promise<SnapshotFileReader> {
  const path = join(folder, DATA_FILE_NAME);
  if ((await fs.stat(path))?.kind !== 'file') throw corrupt(path, 0, 'the file is missing');
  const reader = await SnapshotFileReader.open(fs, path);
  try {
    checkIdentity(path, reader.description, expected);
    if (reader.sizeBytes !== expected.fileSize) {
      throw corrupt(path, 0, `it has ${reader.sizeBytes} bytes instead of ${expected.fileSize}`);
    }
    for (const { name, sizeBytes } of reader.description.files) {
      const external = join(folder, name);
      const found = await fs.stat(external);
      if (found?.kind !== 'file') throw corrupt(external, 0, 'the file is missing');
      if (found.sizeBytes !== sizeBytes) {
        throw corrupt(external, 0, `it has ${found.sizeBytes} bytes instead of ${sizeBytes}`);
      }
    }
    return reader;
  } catch (error) {
    await reader.close();
    throw error;
  }
}

/**
 * Reads all of a snapshot once and checks every bit of it, external files included.
 *
 * @param folder of one snapshot
 * @throws ErrSnapshotCorrupt, ErrIncompatibleData, ErrSnapshotStopped
 */
export async function verifySnapshotFolder(
  fs: IFileSystem,
  folder: string,
  signal: AbortSignal,
  meter: ByteMeter = noMeter,
): Promise<VerifiedSnapshotFile> {
  const path = join(folder, DATA_FILE_NAME);
  if ((await fs.stat(path))?.kind !== 'file') throw corrupt(path, 0, 'the file is missing');
  const verified = await verifySnapshotFile(fs, path, signal, meter);
  for (const file of verified.description.files) {
    await verifyExternalFile(fs, folder, file, signal, meter);
  }
  return verified;
}

/** Whether two snapshots have the same external files. */
export function sameFiles(a: SnapshotDescription, b: SnapshotDescription): boolean {
  return (
    a.files.length === b.files.length &&
    a.files.every((file, i) => {
      const other = b.files[i];
      return other !== undefined && file.fileID === other.fileID && file.checksum === other.checksum;
    })
  );
}
