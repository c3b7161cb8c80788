import { dirname, join } from 'node:path';
import type { Snapshot } from '@drakkar/raftio';
import { hasErrorCode } from '@drakkar/raftio';
import { hasSystemCode } from '../../errors/inspect.js';
import { ErrInvalidOption } from '../../errors/request.js';
import { makeDirDurable } from '../../fs/durable.js';
import type { IFileSystem } from '../../fs/file-system.js';
import { corrupt } from '../format/corrupt.js';
import type { SnapshotDescription } from '../format/description.js';
import type { VerifiedSnapshotFile } from '../format/verifier.js';
import { type LongWork, meterOf } from '../progress.js';
import { copyFile } from './copy-file.js';
import {
  EXPORT_FILE_NAME,
  type ExportRecord,
  type SnapshotOrigin,
  encodeExportRecord,
  readExportRecord,
} from './export-record.js';
import { verifySnapshotFolder } from './folder.js';
import { DATA_FILE_NAME } from './names.js';

/** A snapshot's folder, and what is known to be in it. */
export interface SourceFolder {
  folder: string;
  description: SnapshotDescription;
  /** Of the snapshot file. */
  sizeBytes: number;
}

/** Bytes of the snapshot file and of the external files. */
function totalSizeBytes({ description, sizeBytes }: SourceFolder): number {
  return description.files.reduce((sum, file) => sum + file.sizeBytes, sizeBytes);
}

/**
 * Copies all files of a snapshot to an existing folder, and checks every bit of the copy. Its files are durable on
 * return, their names are not.
 *
 * @throws ErrSnapshotCorrupt, ErrSnapshotStopped, errors of the file system
 */
export async function copySnapshot(
  fs: IFileSystem,
  from: SourceFolder,
  to: string,
  work: LongWork,
): Promise<VerifiedSnapshotFile> {
  const { folder, description } = from;
  const totalBytes = totalSizeBytes(from);
  const copied = meterOf(work, 'copying', totalBytes);
  for (const name of [DATA_FILE_NAME, ...description.files.map((file) => file.name)]) {
    await copyFile(fs, join(folder, name), join(to, name), work.signal, copied);
  }
  return await verifySnapshotFolder(fs, to, work.signal, meterOf(work, 'verifying', totalBytes));
}

/** An exported snapshot goes to a folder of its own: one that is not there yet, or is empty. */
export async function checkExportTarget(fs: IFileSystem, to: string): Promise<void> {
  const found = await fs.stat(to);
  if (found === undefined) return;
  if (found.kind !== 'directory') throw new ErrInvalidOption(`${to} exists already, and is no folder`);
  if ((await fs.readDir(to)).length > 0) throw new ErrInvalidOption(`${to} exists already, and is not empty`);
}

/** Gives a folder its name, which may be that of an empty folder. */
async function moveInto(fs: IFileSystem, from: string, to: string): Promise<void> {
  try {
    await fs.rename(from, to);
  } catch (error) {
    // Windows does not replace a folder, not even an empty one.
    if (!hasSystemCode(error, 'EPERM', 'EEXIST', 'EACCES')) throw error;
    await checkExportTarget(fs, to);
    await fs.remove(to);
    await fs.rename(from, to);
  }
}

async function writeRecord(fs: IFileSystem, dir: string, record: ExportRecord): Promise<void> {
  const file = await fs.open(join(dir, EXPORT_FILE_NAME), 'create');
  try {
    await file.write(encodeExportRecord(record), 0);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Copies a snapshot to a folder that needs nothing else to be imported from. Durable on return; when it fails nothing
 * is left, and a crash leaves at most the temporary folder.
 *
 * @param to must not exist, or be empty
 * @param temporary a name beside it, for the time being
 */
export async function exportFolder(
  fs: IFileSystem,
  from: SourceFolder & { snapshot: Snapshot },
  to: string,
  temporary: string,
  origin: SnapshotOrigin,
  work: LongWork,
): Promise<ExportRecord> {
  await checkExportTarget(fs, to);
  await makeDirDurable(fs, dirname(to));
  await fs.makeDir(temporary);
  try {
    const { header, description } = await copyOf(fs, from, temporary, work);
    const { clusterID, index, term } = description;
    const record: ExportRecord = {
      ...origin,
      clusterID,
      index,
      term,
      membership: from.snapshot.membership,
      payloadChecksum: header.payloadChecksum,
      sizeBytes: totalSizeBytes(from),
    };
    await writeRecord(fs, temporary, record);
    await fs.syncDir(temporary);
    await moveInto(fs, temporary, to);
    await fs.syncDir(dirname(to));
    return record;
  } catch (error) {
    await fs.remove(temporary);
    throw error;
  }
}

/** As `copySnapshot`; the error for damage names the original when that is where it is. */
async function copyOf(
  fs: IFileSystem,
  from: SourceFolder,
  to: string,
  work: LongWork,
): Promise<VerifiedSnapshotFile> {
  try {
    return await copySnapshot(fs, from, to, work);
  } catch (error) {
    if (hasErrorCode(error, 'ERR_SNAPSHOT_CORRUPT')) {
      await verifySnapshotFolder(fs, from.folder, work.signal);
    }
    throw error;
  }
}

/** An exported snapshot in which every bit has been checked. */
export interface ExportedFolder extends SourceFolder {
  record: ExportRecord;
}

/**
 * Reads all of an exported snapshot once.
 *
 * @throws ErrInvalidOption when nothing was exported there; ErrSnapshotCorrupt when it is damaged or not complete;
 *   ErrIncompatibleData, ErrSnapshotStopped
 */
export async function verifyExport(fs: IFileSystem, dir: string, work: LongWork): Promise<ExportedFolder> {
  const record = await readExportRecord(fs, dir);
  const meter = meterOf(work, 'verifying', record.sizeBytes);
  const verified = await verifySnapshotFolder(fs, dir, work.signal, meter);
  const { description, sizeBytes, header } = verified;
  const exported = { folder: dir, description, sizeBytes, record };
  const belongTogether =
    description.clusterID === record.clusterID &&
    description.index === record.index &&
    description.term === record.term &&
    header.payloadChecksum === record.payloadChecksum &&
    totalSizeBytes(exported) === record.sizeBytes;
  if (!belongTogether) {
    throw corrupt(join(dir, EXPORT_FILE_NAME), 0, `it is of another snapshot than ${DATA_FILE_NAME}`);
  }
  return exported;
}
