import { dirname } from 'node:path';
import type { IFileSystem } from '../../fs/file-system.js';
import { Digester, type FileDigest } from './digest.js';
import type { Roots } from '../layout.js';
import { type CoveredFile, coveredFiles } from './files.js';
import { writeSeal } from './seal-file.js';

export interface SealSummary {
  files: number;
  sizeBytes: number;
}

/**
 * Seals a data directory that nobody writes to: records the size of each covered file, and checksums of its content.
 * All of it is made durable before the seal is, so that no power failure leaves a seal that does not fit. There must be
 * no seal when it begins.
 * @param isLate asked after every block: true gives it up, and undefined is returned; then there is no seal
 */
export async function makeSeal(
  fs: IFileSystem,
  roots: Roots,
  isLate: () => boolean = () => false,
): Promise<SealSummary | undefined> {
  const { main, wal } = await coveredFiles(fs, roots);
  let sizeBytes = 0;
  const goesOn = (readBytes: number): boolean => {
    sizeBytes += readBytes;
    return !isLate();
  };
  const digester = new Digester(fs, { sync: true, goesOn });
  const seal = { main: await recordOf(digester, main), wal: await recordOf(digester, wal) };
  if (seal.main === undefined || seal.wal === undefined || isLate()) return undefined;
  for (const folder of new Set([...main, ...wal].map(({ path }) => dirname(path)))) await fs.syncDir(folder);
  await writeSeal(fs, roots, { main: seal.main, wal: seal.wal });
  return { files: seal.main.size + seal.wal.size, sizeBytes };
}

async function recordOf(
  digester: Digester,
  files: readonly CoveredFile[],
): Promise<Map<string, FileDigest> | undefined> {
  const record = new Map<string, FileDigest>();
  for (const { name, path } of files) {
    const digest = await digester.digest(path);
    if (digest === undefined) return undefined;
    record.set(name, digest);
  }
  return record;
}
