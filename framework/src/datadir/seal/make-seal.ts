import { dirname } from 'node:path';
import type { IFileSystem } from '../../fs/file-system.js';
import { Digester } from './digest.js';
import { type CoveredFile, type Roots, coveredFiles } from './files.js';
import { type SealedFile, writeSeal } from './seal-file.js';

export interface SealSummary {
  files: number;
  /** Of the files whose content is covered. */
  digestedBytes: number;
}

/**
 * Seals a data directory that nobody writes to: records the size of each of its files, and checksums of their content.
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
  let digestedBytes = 0;
  const goesOn = (sizeBytes: number): boolean => {
    digestedBytes += sizeBytes;
    return !isLate();
  };
  const digester = new Digester(fs, { sync: true, goesOn });
  const seal = { main: await recordOf(digester, main), wal: await recordOf(digester, wal) };
  if (seal.main === undefined || seal.wal === undefined || isLate()) return undefined;
  const folders = [...main, ...wal].filter((each) => each.isDigested).map(({ path }) => dirname(path));
  for (const folder of new Set(folders)) await fs.syncDir(folder);
  await writeSeal(fs, roots, { main: seal.main, wal: seal.wal });
  return { files: seal.main.size + seal.wal.size, digestedBytes };
}

async function recordOf(
  digester: Digester,
  files: readonly CoveredFile[],
): Promise<Map<string, SealedFile> | undefined> {
  const record = new Map<string, SealedFile>();
  for (const { name, path, sizeBytes, isDigested } of files) {
    const sealed = isDigested ? await digester.digest(path) : { sizeBytes, checksums: undefined };
    if (sealed === undefined) return undefined;
    record.set(name, sealed);
  }
  return record;
}
