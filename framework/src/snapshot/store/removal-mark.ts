import { join } from 'node:path';
import { makeDirDurable, writeFileDurable } from '../../fs/durable.js';
import type { IFileSystem } from '../../fs/file-system.js';

const MARK_NAME = 'removing';

/**
 * Marks the folder of a replica's snapshots: the replica is being removed from this host. Durable on return. The mark
 * goes with the folder, which is the last step of the removal.
 */
export async function markRemoval(fs: IFileSystem, dir: string): Promise<void> {
  await makeDirDurable(fs, dir);
  await writeFileDurable(fs, join(dir, MARK_NAME), new Uint8Array(0));
}

/** Whether a removal has begun that is not complete. */
export async function isRemovalMarked(fs: IFileSystem, dir: string): Promise<boolean> {
  return (await fs.stat(join(dir, MARK_NAME))) !== undefined;
}
