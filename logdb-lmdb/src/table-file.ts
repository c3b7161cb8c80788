import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ErrLogDBOpen } from '@drakkar/raftio';
import { isNotFound, messageOf } from '@drakkar/raftio/kv';
import { askSystem } from './free-space.js';

/** More than LMDB's table of readers takes. */
const ROOM_BYTES = 256 * 1024;

/**
 * Rejects with ErrLogDBOpen when LMDB can't use the file beside `path` in which it keeps its table of readers, or has no
 * room for it: as it comes to Node.js it then ends the process, instead of failing. The file must not be opened to find
 * out, for closing it would end the locks that this process has on it.
 */
export async function checkTableFile(path: string, freeBytesIn = askSystem): Promise<void> {
  const file = `${path}-lock`;
  try {
    if (await isUsable(file)) return;
    const freeBytes = freeBytesIn(dirname(file));
    if (freeBytes < ROOM_BYTES)
      throw Object.assign(new Error(`no space left on device: ${freeBytes} bytes are free`), {
        code: 'ENOSPC',
      });
  } catch (error) {
    throw new ErrLogDBOpen(`can't open ${file}: ${messageOf(error)}`, { cause: error, details: { file } });
  }
}

/** False: there is none, or one that takes no room yet. */
async function isUsable(file: string): Promise<boolean> {
  try {
    await access(file, constants.R_OK | constants.W_OK);
    const found = await stat(file);
    if (!found.isFile()) throw new Error('it is not a file');
    return found.blocks > 0;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}
