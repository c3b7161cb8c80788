import {
  type FileHandle,
  chmod,
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
import type { DiskSpace, FileStat, FileSystemKind, IFile, IFileSystem, OpenMode } from './file-system.js';
import { sharedFileSystemOf } from './shared-file-systems.js';

const FLAGS: Readonly<Record<OpenMode, string>> = { read: 'r', create: 'wx+', overwrite: 'w+', update: 'r+' };
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;
const MODE_BITS = 0o7777;
const hasModes = process.platform !== 'win32';

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

  datasync(): Promise<void> {
    return this.handle.datasync();
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
    return new NodeFile(await open(path, FLAGS[mode], FILE_MODE));
  }

  readFile(path: string): Promise<Uint8Array> {
    return readFile(path);
  }

  async stat(path: string): Promise<FileStat | undefined> {
    try {
      const found = await stat(path);
      const kind = found.isFile() ? 'file' : found.isDirectory() ? 'directory' : 'other';
      const access = { mode: found.mode & MODE_BITS, ownerID: found.uid };
      return { kind, sizeBytes: found.size, ...(hasModes ? { access } : {}) };
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
      await mkdir(path, FOLDER_MODE);
    } catch (error) {
      if (hasSystemCode(error, 'ENOENT') && dirname(path) !== path) {
        await this.makeDir(dirname(path));
        await mkdir(path, FOLDER_MODE);
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

  setMode(path: string, mode: number): Promise<void> {
    return chmod(path, mode);
  }

  async identity(path: string): Promise<string | undefined> {
    try {
      const { dev, ino } = await stat(path, { bigint: true });
      return `${dev}:${ino}`;
    } catch (error) {
      if (hasSystemCode(error, 'ENOENT', 'ENOTDIR')) return undefined;
      throw error;
    }
  }

  kindOf(path: string): Promise<FileSystemKind | undefined> {
    return sharedFileSystemOf(path);
  }
}
