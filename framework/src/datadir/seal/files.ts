import { join } from 'node:path';
import type { NodeHostConfig } from '../../config/node-host-config.js';
import type { IFileSystem } from '../../fs/file-system.js';
import { SNAPSHOTS_DIR_NAME, STATUS_FILE_NAME, isLogDBFolder, isWalFolder } from '../layout.js';

/** The folders that a data directory consists of; equal when there is no walDir apart. */
export type Roots = Pick<NodeHostConfig, 'nodeHostDir' | 'walDir'>;

/** A file that a seal is about. */
export interface CoveredFile {
  /** Path below its root, with slashes, whatever the operating system. */
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
  /**
   * Whether the seal has checksums of it. Not of snapshots: they don't change, may be large, have checksums of their
   * own in every block, and all that are on record are read by whoever checks a data directory.
   */
  readonly isDigested: boolean;
}

export interface CoveredFiles {
  main: CoveredFile[];
  /** Empty when there is no walDir apart. */
  wal: CoveredFile[];
}

/**
 * Every file of the host, by name. Not covered is what is not the host's own; nor the folder of the lock, which taking
 * the lock changes, and whose files have checksums of their own.
 */
export async function coveredFiles(fs: IFileSystem, { nodeHostDir, walDir }: Roots): Promise<CoveredFiles> {
  const isMain = (name: string): boolean =>
    name === STATUS_FILE_NAME || name === SNAPSHOTS_DIR_NAME || isLogDBFolder(name);
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
  if (found?.kind === 'file') {
    const isDigested = !name.startsWith(`${SNAPSHOTS_DIR_NAME}/`);
    return [{ name, path, sizeBytes: found.sizeBytes, isDigested }];
  }
  if (found?.kind !== 'directory') return [];
  const names = await fs.readDir(path);
  return (await Promise.all(names.map((each) => walk(fs, join(path, each), `${name}/${each}`)))).flat();
}
