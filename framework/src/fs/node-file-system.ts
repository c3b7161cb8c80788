import {
  type FileHandle,
  link,
  mkdir,
  open,
  readFile,
  readdir,
  realpath,
  rename,
  rm,
  stat,
  statfs,
} from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasSystemCode } from '../errors/inspect.js';
import type { DiskSpace, FileStat, IFile, IFileSystem, OpenMode } from './file-system.js';

const FLAGS: Readonly<Record<OpenMode, string>> = { read: 'r', create: 'wx+', overwrite: 'w+', update: 'r+' };

class NodeFile implements IFile {
  private closed = false;

  constructor(private readonly handle: FileHandle) {}

  async read(buffer: Uint8Array, offset: number): Promise<number> {
    let done = 0;
    while (done < buffer.length) {
      const { bytesRead } = await this.handle.read(buffer, done, buffer.length - done, offset + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  async write(data: Uint8Array, offset: number): Promise<void> {
    let done = 0;
    while (done < data.length) {
      const { bytesWritten } = await this.handle.write(data, done, data.length - done, offset + done);
      done += bytesWritten;
    }
  }

  sync(): Promise<void> {
    return this.handle.sync();
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.handle.truncate(sizeBytes);
  }

  async sizeBytes(): Promise<number> {
    return (await this.handle.stat()).size;
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    await this.handle.close();
  }
}

/** `IFileSystem` on node:fs. */
export class NodeFileSystem implements IFileSystem {
  async open(path: string, mode: OpenMode): Promise<IFile> {
    return new NodeFile(await open(path, FLAGS[mode]));
  }

  readFile(path: string): Promise<Uint8Array> {
    return readFile(path);
  }

  async stat(path: string): Promise<FileStat | undefined> {
    try {
      const found = await stat(path);
      const kind = found.isFile() ? 'file' : found.isDirectory() ? 'directory' : 'other';
      return { kind, sizeBytes: found.size };
    } catch (error) {
      if (hasSystemCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
      throw error;
    }
  }

  readDir(path: string): Promise<string[]> {
    return readdir(path);
  }

  async makeDir(path: string): Promise<void> {
    // Not mkdir's own `recursive`, which never ends where a file system answers ENOENT for a name that can't be made.
    try {
      await mkdir(path);
    } catch (error) {
      if (hasSystemCode(error, 'ENOENT') && dirname(path) !== path) {
        await this.makeDir(dirname(path));
        await mkdir(path);
      } else if (!hasSystemCode(error, 'EEXIST') || (await this.stat(path))?.kind !== 'directory') {
        throw error;
      }
    }
  }

  rename(from: string, to: string): Promise<void> {
    return rename(from, to);
  }

  async link(from: string, to: string): Promise<void> {
    // link(2) would give the new name to a symbolic link itself.
    await link(await realpath(from), to);
  }

  remove(path: string): Promise<void> {
    return rm(path, { recursive: true, force: true, maxRetries: 3 });
  }

  async syncDir(path: string): Promise<void> {
    // Windows can't open a folder for syncing; NTFS journals its names itself.
    if (process.platform === 'win32') return;
    const handle = await open(path, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  async space(path: string): Promise<DiskSpace | undefined> {
    try {
      const { bsize, bavail, blocks } = await statfs(path);
      // Some network and user-space file systems know nothing, and say 0.
      return blocks === 0 ? undefined : { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
    } catch {
      return undefined;
    }
  }
}
