import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Where runs keep their data unless told otherwise: a folder of the project, since the system's temporary folder is
 * often in memory, where a sync costs nothing and proves nothing.
 */
const DEFAULT_PARENT = join(dirname(fileURLToPath(import.meta.url)), '../../../.drakkar-data');

/** A new folder for one run. */
export async function makeScratchDir(parent: string | undefined, prefix: string): Promise<string> {
  const folder = parent ?? DEFAULT_PARENT;
  await mkdir(folder, { recursive: true });
  return await mkdtemp(join(folder, `${prefix}-`));
}

export async function removeScratchDir(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}
