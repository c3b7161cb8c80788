import { randomBytes } from 'node:crypto';
import { close as closeCallback, open as openCallback } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { type Server, createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { hasSystemCode } from '../errors/inspect.js';

const openDescriptor = promisify<string, string, number>(openCallback);
const closeDescriptor = promisify(closeCallback);

/**
 * Where a lock's owner listens: `folder`, in the lock's folder; `absolute`, at a path of its own. A process that
 * listens is alive, and the kernel stops listening for one that has ended, however it ended.
 */
export interface EndpointName {
  place: 'folder' | 'absolute';
  name: string;
}

export interface Endpoint {
  readonly name: EndpointName;
  close(): Promise<void>;
}

/** Socket paths are limited to 104 bytes on macOS, 108 on Linux. */
const LONGEST_SOCKET_PATH_BYTES = 100;

/**
 * Calls `use` with a path for the socket `name` in `dir`. On Linux it goes through a descriptor of the folder, which
 * makes it short enough whatever the folder; the descriptor stays open until the returned function is called.
 */
async function openSocketPath(
  dir: string,
  name: string,
): Promise<{ path: string; done: () => Promise<void> }> {
  if (process.platform !== 'linux') return { path: join(dir, name), done: () => Promise.resolve() };
  const descriptor = await openDescriptor(dir, 'r');
  return { path: `/proc/self/fd/${descriptor}/${name}`, done: () => closeDescriptor(descriptor) };
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.destroy();
    });
    server.once('error', reject);
    // Not exclusive, a worker of node:cluster would share the socket of the primary process.
    server.listen({ path, exclusive: true }, () => {
      server.removeListener('error', reject);
      server.on('error', () => undefined);
      server.unref();
      resolve(server);
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}

async function listenAt(path: string, name: EndpointName, done: () => Promise<void>): Promise<Endpoint> {
  let server: Server;
  try {
    server = await listen(path);
    // Who can't connect takes the lock for held, which is right.
    if (process.platform !== 'win32') await chmod(path, 0o600).catch(() => undefined);
  } catch (error) {
    await done();
    throw error;
  }
  let closing: Promise<void> | undefined;
  return {
    name,
    // The socket's file is removed at close, by its path: the descriptor in the path must still be open.
    close: () => (closing ??= closeServer(server).then(done)),
  };
}

/** Listens under a name never used before, in `dir` if its file system has sockets. */
export async function openEndpoint(dir: string): Promise<Endpoint> {
  const unique = randomBytes(12).toString('hex');
  if (process.platform === 'win32') {
    const path = `\\\\.\\pipe\\drakkar-${unique}`;
    return listenAt(path, { place: 'absolute', name: path }, () => Promise.resolve());
  }
  const name = `${unique}.sock`;
  const inFolder = await openSocketPath(dir, name);
  if (Buffer.byteLength(inFolder.path) <= LONGEST_SOCKET_PATH_BYTES) {
    try {
      return await listenAt(inFolder.path, { place: 'folder', name }, inFolder.done);
    } catch {
      // Some network and FUSE file systems have no sockets.
    }
  } else {
    await inFolder.done();
  }
  const path = join(tmpdir(), `drakkar-${name}`);
  return listenAt(path, { place: 'absolute', name: path }, () => Promise.resolve());
}

function canConnect(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error) => {
      // Anything else, say a full backlog, is no proof that nobody listens.
      resolve(!hasSystemCode(error, 'ECONNREFUSED', 'ENOENT'));
    });
  });
}

/** Whether somebody listens there. In doubt, yes. */
export async function isListening(dir: string, endpoint: EndpointName): Promise<boolean> {
  if (endpoint.place === 'absolute') return canConnect(endpoint.name);
  const { path, done } = await openSocketPath(dir, endpoint.name);
  try {
    return await canConnect(path);
  } finally {
    await done();
  }
}
