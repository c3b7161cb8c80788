import { join } from 'node:path';
import { isPlainObject } from '../../runtime/plain-object.js';
import { messageOf } from '../../errors/inspect.js';
import { writeFileDurable } from '../../fs/durable.js';
import type { IFileSystem } from '../../fs/file-system.js';
import { openSealedJSON, sealJSON } from '../../fs/sealed-json.js';
import { BLOCK_BYTES, type FileDigest } from './digest.js';
import type { Roots } from '../layout.js';

/** In the nodeHostDir. */
export const SEAL_FILE_NAME = 'drakkar.seal';
const FORMAT = 1;

/** By the file's name below its root. */
export interface Seal {
  main: Map<string, FileDigest>;
  wal: Map<string, FileDigest>;
}

export type SealReading =
  | { kind: 'none' }
  | { kind: 'sealed'; seal: Seal }
  /** What the seal says is not known; `error`: since it can't be read. */
  | { kind: 'damaged'; path: string; message: string; error?: unknown };

const sealPath = ({ nodeHostDir }: Roots): string => join(nodeHostDir, SEAL_FILE_NAME);

const hex = (checksum: number): string => checksum.toString(16).padStart(8, '0');

/** One line for each file: its size, then the checksums of its blocks. */
function linesOf(files: ReadonlyMap<string, FileDigest>): Record<string, string> {
  const entries = [...files].map(([name, { sizeBytes, checksums }]): [string, string] => [
    name,
    [sizeBytes, ...checksums.map(hex)].join(' '),
  ]);
  return Object.fromEntries(entries);
}

function filesOf(lines: unknown): Map<string, FileDigest> {
  const files = new Map<string, FileDigest>();
  if (!isPlainObject(lines)) return files;
  for (const [name, line] of Object.entries(lines)) {
    const [size, ...checksums] = String(line).split(' ');
    files.set(name, {
      sizeBytes: Number(size),
      checksums: checksums.map((each) => Number.parseInt(each, 16)),
    });
  }
  return files;
}

/** What the directory's seal says. Does not throw: a seal that can't be read is as good as a damaged one. */
export async function readSeal(fs: IFileSystem, roots: Roots): Promise<SealReading> {
  const path = sealPath(roots);
  try {
    if ((await fs.stat(path)) === undefined) return { kind: 'none' };
    return decodeSeal(await fs.readFile(path), path);
  } catch (error) {
    return { kind: 'damaged', path, message: `${path} can't be read: ${messageOf(error)}`, error };
  }
}

function decodeSeal(data: Uint8Array, path: string): SealReading {
  const fields = openSealedJSON(data);
  // Compared byte by byte too: the checksum is over what the text means.
  if (fields === undefined || Buffer.compare(sealJSON(fields), data) !== 0) {
    return { kind: 'damaged', path, message: `${path} is damaged: its checksum does not match` };
  }
  if (fields['format'] !== FORMAT || fields['blockBytes'] !== BLOCK_BYTES) {
    const format = String(fields['format']);
    return {
      kind: 'damaged',
      path,
      message: `${path} is of format ${format}, which this release can't read`,
    };
  }
  return { kind: 'sealed', seal: { main: filesOf(fields['files']), wal: filesOf(fields['walFiles']) } };
}

/** Durable on return; a crash before leaves no seal. Nothing that it covers may be written while it is there. */
export async function writeSeal(fs: IFileSystem, roots: Roots, { main, wal }: Seal): Promise<void> {
  const fields = { format: FORMAT, blockBytes: BLOCK_BYTES, files: linesOf(main), walFiles: linesOf(wal) };
  await writeFileDurable(fs, sealPath(roots), sealJSON(fields));
}

/** Removes the seal, if there is one, permanently: to be done before anything that it covers is written. */
export async function dropSeal(fs: IFileSystem, roots: Roots): Promise<void> {
  const path = sealPath(roots);
  if ((await fs.stat(path)) === undefined) return;
  await fs.remove(path);
  await fs.syncDir(roots.nodeHostDir);
}
