import { isAbsolute, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { ErrInvalidOperation, ErrInvalidOption } from '../../errors/request.js';
import { hasSystemCode } from '../../errors/inspect.js';
import type { IFile, IFileSystem } from '../../fs/file-system.js';
import type { ISnapshotFileCollection } from '../../statemachine/contract.js';
import { throwIfStopped } from '../failure.js';
import { corrupt, readPart } from '../format/corrupt.js';
import { type ExternalFile, externalFileName } from '../format/description.js';
import { type ByteMeter, noMeter } from '../progress.js';
import { copyFile } from './copy-file.js';

const PIECE_BYTES = 1024 * 1024;
/** What file systems answer that can't give this file a second name there. */
const CANNOT_LINK = ['EXDEV', 'EPERM', 'EMLINK', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP'];

interface AddedFile {
  fileID: number;
  path: string;
  metadata: Uint8Array;
}

/** What a state machine names while it saves. */
export class FileCollection implements ISnapshotFileCollection {
  readonly #files = new Map<number, AddedFile>();
  #closed = false;

  addFile(fileID: number, path: string, metadata: Uint8Array): void {
    if (this.#closed) throw new ErrInvalidOperation('the snapshot has ended: no file can be added to it');
    if (!Number.isSafeInteger(fileID) || fileID < 0) {
      throw new ErrInvalidOption(`the id of an external file must be an unsigned integer, but is ${fileID}`);
    }
    if (this.#files.has(fileID)) throw new ErrInvalidOption(`the snapshot has a file ${fileID} already`);
    if (typeof path !== 'string' || !isAbsolute(path)) {
      throw new ErrInvalidOption(
        `the path of external file ${fileID} must be absolute, but is ${String(path)}`,
      );
    }
    this.#files.set(fileID, { fileID, path, metadata: Uint8Array.from(metadata) });
  }

  /** Takes no more, and gives what was added, by ascending id. */
  close(): AddedFile[] {
    this.#closed = true;
    return [...this.#files.values()].sort((a, b) => a.fileID - b.fileID);
  }
}

/** Gives each file a name in `folder`, as a hard link where the file system can, as a copy where it can't. */
export async function adoptFiles(
  fs: IFileSystem,
  folder: string,
  files: readonly AddedFile[],
  signal: AbortSignal,
): Promise<void> {
  for (const { fileID, path } of files) {
    throwIfStopped(signal, `the snapshot ${folder}`);
    const kind = (await fs.stat(path))?.kind;
    if (kind !== 'file') {
      throw new ErrInvalidOption(`external file ${fileID}: ${path} is ${kind ?? 'missing'}, not a file`);
    }
    const target = join(folder, externalFileName(fileID));
    try {
      await fs.link(path, target);
    } catch (error) {
      if (!hasSystemCode(error, ...CANNOT_LINK)) throw error;
      await copyFile(fs, path, target, signal);
    }
  }
}

/** Makes adopted files durable, and finds out what there is to say of them. */
export async function sealFiles(
  fs: IFileSystem,
  folder: string,
  files: readonly AddedFile[],
  signal: AbortSignal,
): Promise<ExternalFile[]> {
  const sealed: ExternalFile[] = [];
  for (const { fileID, metadata } of files) {
    const name = externalFileName(fileID);
    const { sizeBytes, checksum } = await sealFile(fs, join(folder, name), signal);
    sealed.push({ name, fileID, sizeBytes, checksum, metadata });
  }
  return sealed;
}

/** @throws ErrSnapshotCorrupt when the file in `folder` is not what `expected` says */
export async function verifyExternalFile(
  fs: IFileSystem,
  folder: string,
  expected: ExternalFile,
  signal: AbortSignal,
  meter: ByteMeter = noMeter,
): Promise<void> {
  const path = join(folder, expected.name);
  const found = await fs.stat(path);
  if (found?.kind !== 'file') throw corrupt(path, 0, 'the file is missing');
  if (found.sizeBytes !== expected.sizeBytes) {
    throw corrupt(path, 0, `it has ${found.sizeBytes} bytes instead of ${expected.sizeBytes}`);
  }
  const file = await fs.open(path, 'read');
  try {
    const { checksum } = await contentChecksum(file, path, signal, meter);
    if (checksum !== expected.checksum) {
      throw corrupt(path, 0, 'wrong checksum');
    }
  } finally {
    await file.close();
  }
}

interface Content {
  sizeBytes: number;
  checksum: number;
}

async function contentChecksum(
  file: IFile,
  path: string,
  signal: AbortSignal,
  meter: ByteMeter = noMeter,
): Promise<Content> {
  const buffer = new Uint8Array(PIECE_BYTES);
  let checksum = 0;
  for (let sizeBytes = 0; ;) {
    throwIfStopped(signal, `reading ${path}`);
    const size = await readPart(file, path, buffer, sizeBytes);
    if (size === 0) return { sizeBytes, checksum };
    checksum = crc32(buffer.subarray(0, size), checksum);
    sizeBytes += size;
    meter(size);
  }
}

async function sealFile(fs: IFileSystem, path: string, signal: AbortSignal): Promise<Content> {
  const file = await fs.open(path, 'read');
  try {
    const content = await contentChecksum(file, path, signal);
    await syncContent(fs, file, path);
    return content;
  } finally {
    await file.close();
  }
}

/** Opened for reading, since the application's file may allow no more; Windows syncs only what is open for writing. */
async function syncContent(fs: IFileSystem, file: IFile, path: string): Promise<void> {
  try {
    await file.sync();
  } catch (error) {
    if (!hasSystemCode(error, 'EPERM', 'EACCES')) throw error;
    const writable = await fs.open(path, 'update');
    try {
      await writable.sync();
    } finally {
      await writable.close();
    }
  }
}
