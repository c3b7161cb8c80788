import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { ErrLogDBOpen } from '@drakkar/raftio';
import { isNotFound, messageOf } from '@drakkar/raftio/kv';

/**
 * Rejects with ErrLogDBOpen when LMDB can't use the file beside `path` in which it keeps its table of readers: as it comes
 * to Node.js it then ends the process, instead of failing. The file must not be opened to find out, for closing it would
 * end the locks that this process has on it.
 */
export async function checkTableFile(path: string): Promise<void> {
  const file = `${path}-lock`;
  try {
    await access(file, constants.R_OK | constants.W_OK);
    if (!(await stat(file)).isFile()) throw new Error('it is not a file');
  } catch (error) {
    if (isNotFound(error)) return;
    throw new ErrLogDBOpen(`can't open ${file}: ${messageOf(error)}`, { cause: error, details: { file } });
  }
}
