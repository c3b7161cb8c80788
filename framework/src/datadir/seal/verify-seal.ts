import { join } from 'node:path';
import { isDrakkarError } from '@drakkar/raftio';
import { messageOf } from '../../errors/inspect.js';
import type { IFileSystem } from '../../fs/file-system.js';
import { BLOCK_BYTES, Digester, type FileDigest } from './digest.js';
import type { Roots } from '../layout.js';
import { type CoveredFile, coveredFiles } from './files.js';
import type { Seal } from './seal-file.js';

export type VerifyProgress = (doneBytes: number, totalBytes: number) => void;

/** Takes an error by which a file could not be read; false: it counts as a difference. */
export type TakeUnreadable = (error: unknown) => boolean;

/** Ranges of a file that are told one by one. */
const MAX_RANGES = 16;

/** Compares every file with the seal, and tells of each that differs; changes nothing. */
export async function verifySeal(
  fs: IFileSystem,
  roots: Roots,
  seal: Seal,
  onProgress: VerifyProgress = () => undefined,
  takeUnreadable: TakeUnreadable = () => false,
): Promise<string[]> {
  const { main, wal } = await coveredFiles(fs, roots);
  let totalBytes = 0;
  for (const { sizeBytes } of [...main, ...wal]) totalBytes += sizeBytes;
  let doneBytes = 0;
  const goesOn = (sizeBytes: number): boolean => {
    doneBytes += sizeBytes;
    onProgress(doneBytes, totalBytes);
    return true;
  };
  const digester = new Digester(fs, { sync: false, goesOn });
  const reading = { digester, takeUnreadable };
  return [
    ...(await compareAll(reading, roots.nodeHostDir, main, seal.main)),
    ...(await compareAll(reading, roots.walDir, wal, seal.wal)),
  ];
}

interface Reading {
  digester: Digester;
  takeUnreadable: TakeUnreadable;
}

async function compareAll(
  reading: Reading,
  root: string,
  present: readonly CoveredFile[],
  sealed: ReadonlyMap<string, FileDigest>,
): Promise<string[]> {
  const findings: string[] = [];
  const names = new Set(present.map(({ name }) => name));
  for (const name of sealed.keys()) {
    if (!names.has(name)) findings.push(`${join(root, name)} is missing`);
  }
  for (const file of present) {
    const expected = sealed.get(file.name);
    const message =
      expected === undefined
        ? 'was not there when the host was stopped'
        : await compare(reading, file, expected);
    if (message !== undefined) findings.push(`${file.path} ${message}`);
  }
  return findings;
}

/** What is wrong with a file, if anything. */
async function compare(
  { digester, takeUnreadable }: Reading,
  { path, sizeBytes }: CoveredFile,
  expected: FileDigest,
): Promise<string | undefined> {
  if (sizeBytes !== expected.sizeBytes) {
    return `has ${sizeBytes} bytes; it had ${expected.sizeBytes} when the host was stopped`;
  }
  let digest: FileDigest | undefined;
  try {
    digest = await digester.digest(path);
  } catch (error) {
    if (isDrakkarError(error)) throw error; // the listener to the progress wants no more
    if (takeUnreadable(error)) return undefined;
    return `can't be read: ${messageOf(error)}`;
  }
  const ranges = digest === undefined ? [] : changedRanges(digest, expected.checksums);
  if (ranges.length === 0) return undefined;
  const told = ranges.slice(0, MAX_RANGES).join(', ');
  const more = ranges.length > MAX_RANGES ? `, and in ${ranges.length - MAX_RANGES} further places` : '';
  return `has changed since the host was stopped, in bytes ${told}${more}`;
}

/** Blocks that differ, those that follow one another as one range. */
function changedRanges({ sizeBytes, checksums }: FileDigest, expected: readonly number[]): string[] {
  const ranges: string[] = [];
  const count = Math.max(checksums.length, expected.length);
  for (let i = 0; i < count; i++) {
    if (checksums[i] === expected[i]) continue;
    const first = i;
    while (i + 1 < count && checksums[i + 1] !== expected[i + 1]) i++;
    ranges.push(`${first * BLOCK_BYTES} to ${Math.min((i + 1) * BLOCK_BYTES, sizeBytes) - 1}`);
  }
  return ranges;
}
