import { dirname } from 'node:path';
import type { IFileSystem } from './file-system.js';

/** Makes the folder, and those above it that are missing, durable: each new name is synced in the folder above it. */
export async function makeDirDurable(fs: IFileSystem, path: string): Promise<void> {
  if ((await fs.stat(path)) !== undefined) return;
  const parent = dirname(path);
  if (parent !== path) await makeDirDurable(fs, parent);
  await fs.makeDir(path);
  await fs.syncDir(parent);
}

/**
 * Replaces the file at `path` by one with `data`: a crash at any instant leaves the old file or the new, never less.
 * Durable on return. Two calls for one path must not overlap.
 */
export async function writeFileDurable(fs: IFileSystem, path: string, data: Uint8Array): Promise<void> {
  const temporary = `${path}.tmp`;
  const file = await fs.open(temporary, 'overwrite');
  try {
    await file.write(data, 0);
    await file.sync();
  } finally {
    await file.close();
  }
  await fs.rename(temporary, path);
  await fs.syncDir(dirname(path));
}
