import { type FileHandle, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import { syncFolder } from '@drakkar/raftio/kv';
import type { IFile, OpenMode } from '@drakkar/raftio/fs';
import type { LogFiles } from './log/files.js';

const FLAGS: Readonly<Record<OpenMode, string>> = { read: 'r', create: 'wx+', overwrite: 'w+', update: 'r+' };
const FILE_MODE = 0o600;

/** A file of Node. */
export class NodeFile implements IFile {
  readonly #handle: FileHandle;
  #closing: Promise<void> | undefined;

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async read(buffer: Uint8Array, offset: number): Promise<number> {
    let done = 0;
    while (done < buffer.length) {
      const { bytesRead } = await this.#handle.read(buffer, done, buffer.length - done, offset + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  /** A write may be shorter than asked for. */
  async write(data: Uint8Array, offset: number): Promise<void> {
    let done = 0;
    while (done < data.length) {
      const { bytesWritten } = await this.#handle.write(data, done, data.length - done, offset + done);
      if (bytesWritten === 0)
        throw new Error(`no more than ${done} of ${data.length} bytes could be written`);
      done += bytesWritten;
    }
  }

  sync(): Promise<void> {
    return this.#handle.sync();
  }

  datasync(): Promise<void> {
    return this.#handle.datasync();
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#handle.truncate(sizeBytes);
  }

  async sizeBytes(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  async close(): Promise<void> {
    this.#closing ??= this.#handle.close();
    await this.#closing;
  }
}

/** What the log needs of a file system, on node:fs. */
export const nodeFiles: LogFiles = Object.freeze({
  open: async (path: string, mode: OpenMode) => new NodeFile(await open(path, FLAGS[mode], FILE_MODE)),
  readFile: (path: string) => readFile(path),
  readDir: (path: string) => readdir(path),
  rename: (from: string, to: string) => rename(from, to),
  remove: (path: string) => rm(path, { force: true, maxRetries: 3 }),
  syncDir: (path: string) => syncFolder(path),
});
