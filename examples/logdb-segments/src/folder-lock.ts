import { once } from 'node:events';
import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ErrLogDBLocked, ErrLogDBOpen } from '@drakkar/raftio';
import { type HeldLock, fieldOf, messageOf } from '@drakkar/raftio/kv';

/** O_EXLOCK of macOS and the BSDs, which node:fs has no name for. */
const EXCLUSIVE_LOCK = 0x20;
const TAKEN: readonly unknown[] = ['EADDRINUSE', 'EAGAIN'];

/**
 * Keeps others off a folder by something that the operating system takes back when the process ends, however it ends:
 * the name of a socket or of a pipe, or a lock on an open file. A file with a process id in it is no lock: the id may be
 * given to another process, and two that find it stale remove each other's.
 */
export async function lockFolder(folder: string): Promise<HeldLock> {
  try {
    const { dev, ino } = await stat(folder, { bigint: true });
    const name = `drakkar-segments-${dev}-${ino}`;
    if (process.platform === 'linux') return await holdName(`\0${name}`);
    if (process.platform === 'win32') return await holdName(`\\\\.\\pipe\\${name}`);
    return await holdFile(join(folder, 'lock'));
  } catch (error) {
    const details = { dir: folder };
    if (TAKEN.includes(fieldOf(error, 'code'))) {
      throw new ErrLogDBLocked(`${folder} is open already, here or in another process`, { details });
    }
    throw new ErrLogDBOpen(`can't lock ${folder}: ${messageOf(error)}`, { cause: error, details });
  }
}

async function holdName(path: string): Promise<HeldLock> {
  const server = createServer((socket) => socket.destroy()).listen(path);
  await once(server, 'listening');
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

async function holdFile(path: string): Promise<HeldLock> {
  const { O_RDWR, O_CREAT, O_NONBLOCK } = constants;
  const file = await open(path, O_RDWR | O_CREAT | O_NONBLOCK | EXCLUSIVE_LOCK, 0o600);
  return { release: () => file.close() };
}
