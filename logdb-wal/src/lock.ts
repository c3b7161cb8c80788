import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, chmod, open, readdir, rename, rm } from 'node:fs/promises';
import { type Server, connect, createServer } from 'node:net';
import { join } from 'node:path';
import { ErrLogDBLocked, ErrLogDBOpen } from '@drakkar/raftio';
import { fieldOf, messageOf } from '@drakkar/raftio/kv';

const LOCK_NAME = /^lock-[0-9a-f]{12}$/;
/** The least that systems take for the path of a socket, with its ending zero byte. */
const MAX_SOCKET_PATH_BYTES = 103;

/**
 * Keeps every other LogDB off a folder: of another process, another thread or this one. Node.js has no locks of files;
 * what ends with the process, however that dies, is a listening socket.
 *
 * Each that opens the folder listens on a socket of its own there, which gets its name only when it listens, and then
 * tries all others: one that answers has the folder. Of two, the one that gets its name later finds the other. So two
 * that open the folder in the same instant may both be refused; never are both let in. Names are used once, so the
 * socket of a process that is gone can be removed without a look at who may have taken its place.
 */
export class FolderLock {
  readonly #server: Server;
  readonly #path: string | undefined;
  readonly #folder: FileHandle | undefined;

  private constructor(server: Server, path?: string, folder?: FileHandle) {
    this.#server = server;
    this.#path = path;
    this.#folder = folder;
  }

  /** Rejects with ErrLogDBLocked when somebody else has the folder open. */
  static async acquire(dir: string): Promise<FolderLock> {
    if (process.platform === 'win32') return FolderLock.#acquirePipe(dir);
    const name = `lock-${randomUUID().slice(-12)}`;
    const folder = await shortWay(dir);
    const server = makeServer();
    const lock = new FolderLock(server, join(dir, name), folder.handle);
    try {
      await listen(server, join(folder.path, `${name}.tmp`));
      await chmod(join(dir, `${name}.tmp`), 0o600);
      await rename(join(dir, `${name}.tmp`), join(dir, name));
      await refuseIfHeld({ dir, way: folder.path, own: name });
      return lock;
    } catch (error) {
      await lock.release();
      if (fieldOf(error, 'code') === 'ERR_LOGDB_LOCKED') throw error;
      throw new ErrLogDBOpen(`can't lock ${dir} by a socket in it: ${messageOf(error)}`, {
        cause: error,
        details: { dir },
      });
    }
  }

  /** A pipe of Windows has one owner, and goes with its process. */
  static async #acquirePipe(dir: string): Promise<FolderLock> {
    const hash = createHash('sha256').update(dir.toLowerCase()).digest('hex').slice(0, 32);
    const server = makeServer();
    try {
      await listen(server, `\\\\.\\pipe\\drakkar-wal-${hash}`);
      return new FolderLock(server);
    } catch (error) {
      throw new ErrLogDBLocked(`${dir} is in use: ${messageOf(error)}`, { cause: error, details: { dir } });
    }
  }

  async release(): Promise<void> {
    if (this.#path !== undefined) {
      await rm(this.#path, { force: true });
      await rm(`${this.#path}.tmp`, { force: true });
    }
    await new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    await this.#folder?.close();
  }
}

function makeServer(): Server {
  const server = createServer((socket) => {
    socket.destroy();
  });
  // A log that nobody closes does not keep its process from ending.
  server.unref();
  return server;
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** A path of the folder by which a socket in it can be named; Linux has one for an open folder, however deep it lies. */
async function shortWay(dir: string): Promise<{ path: string; handle?: FileHandle }> {
  if (Buffer.byteLength(dir) + '/lock-000000000000.tmp'.length <= MAX_SOCKET_PATH_BYTES) return { path: dir };
  if (process.platform !== 'linux') {
    const most = MAX_SOCKET_PATH_BYTES - '/lock-000000000000.tmp'.length;
    throw new ErrLogDBOpen(
      `the path ${dir} is too long to be locked: it may have ${most} bytes, use a shorter one`,
      {
        details: { dir },
      },
    );
  }
  const handle = await open(dir, 'r');
  return { path: `/proc/self/fd/${handle.fd}`, handle };
}

async function refuseIfHeld({ dir, way, own }: { dir: string; way: string; own: string }): Promise<void> {
  const names = await readdir(dir);
  const others = names.filter((name) => LOCK_NAME.test(name) && name !== own);
  for (const name of others) {
    if (await answers(join(way, name)))
      throw new ErrLogDBLocked(`${dir} is in use by another process, or by this one`, { details: { dir } });
  }
  // What removes the socket of a dead process removes nobody else's.
  for (const name of others) await rm(join(dir, name), { force: true });
}

/** Whether somebody listens; what is not known for certain counts as somebody. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      const code = fieldOf(error, 'code');
      resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT');
    });
  });
}
