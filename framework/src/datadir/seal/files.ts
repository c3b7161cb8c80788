import { join } from 'node:path';
import type { IFileSystem } from '../../fs/file-system.js';
import { type Roots, STATUS_FILE_NAME, isLogDBFolder, isWalFolder } from '../layout.js';

/** A file that a seal is about. */
export interface CoveredFile {
  /** Path below its root, with slashes, whatever the operating system. */
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
}

export interface CoveredFiles {
  main: CoveredFile[];
  /** Empty when there is no walDir apart. */
  wal: CoveredFile[];
}

/**
 * The files of the host that a seal covers, by name: all but those that have checksums of their own over every bit,
 * which a check of the data directory reads anyway. These are snapshots, of which there may be very many, and large
 * ones; and the files of the lock, which taking the lock changes. What is not the host's own is not covered either.
 */
export async function coveredFiles(fs: IFileSystem, { nodeHostDir, walDir }: Roots): Promise<CoveredFiles> {
  const isMain = (name: string): boolean => name === STATUS_FILE_NAME || isLogDBFolder(name);
  const isWal = (name: string): boolean => name === STATUS_FILE_NAME || isWalFolder(name);
  return {
    main: await filesBelow(fs, nodeHostDir, isMain),
    wal: walDir === nodeHostDir ? [] : await filesBelow(fs, walDir, isWal),
  };
}

async function filesBelow(
  fs: IFileSystem,
  root: string,
  isOwn: (name: string) => boolean,
): Promise<CoveredFile[]> {
  if ((await fs.stat(root))?.kind !== 'directory') return [];
  const names = (await fs.readDir(root)).filter(isOwn);
  const found = await Promise.all(names.map((name) => walk(fs, join(root, name), name)));
  return found.flat().sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function walk(fs: IFileSystem, path: string, name: string): Promise<CoveredFile[]> {
  const found = await fs.stat(path);
  if (found?.kind === 'file') return [{ name, path, sizeBytes: found.sizeBytes }];
  if (found?.kind !== 'directory') return [];
  const names = await fs.readDir(path);
  return (await Promise.all(names.map((each) => walk(fs, join(path, each), `${name}/${each}`)))).flat();
}
