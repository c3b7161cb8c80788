import { dirname } from 'node:path';
import type { DiskSpace, FileStat, IFile, IFileSystem, OpenMode } from '@drakkar/framework';
import type { Life } from '../world/life.js';
import type { Scheduler } from '../world/scheduler.js';
import { DirNode, FileNode } from './nodes.js';
import { type VirtualDisk, nameOf, partsOf, systemError } from './virtual-disk.js';

/** The files of a virtual disk, as one process of its host sees them. When that has died nothing is done any more. */
export class VirtualFileSystem implements IFileSystem {
  readonly #disk: VirtualDisk;
  readonly #life: Life;
  readonly #scheduler: Scheduler;

  constructor(disk: VirtualDisk, life: Life, scheduler: Scheduler) {
    this.#disk = disk;
    this.#life = life;
    this.#scheduler = scheduler;
  }

  open(path: string, mode: OpenMode): Promise<IFile> {
    return this.#do(`open ${mode}`, () => {
      const found = this.#disk.find(path);
      if (found?.kind === 'directory') throw systemError('EISDIR', path);
      if (found !== undefined && mode === 'create') throw systemError('EEXIST', path);
      if (found === undefined && (mode === 'read' || mode === 'update')) throw systemError('ENOENT', path);
      if (found !== undefined) {
        if (mode === 'overwrite') found.truncate(0);
        return this.#handle(found, path);
      }
      const folder = this.#disk.folder(dirname(path));
      this.#disk.checkWrite(path, true);
      const node = new FileNode();
      folder.change([{ name: nameOf(path), node }]);
      return this.#handle(node, path);
    });
  }

  readFile(path: string): Promise<Uint8Array> {
    return this.#do('readFile', () => this.#file(path).current.view().slice());
  }

  stat(path: string): Promise<FileStat | undefined> {
    return this.#do('stat', () => {
      const node = this.#disk.find(path);
      if (node === undefined) return undefined;
      return { kind: node.kind, sizeBytes: node.kind === 'file' ? node.current.length : 0 };
    });
  }

  readDir(path: string): Promise<string[]> {
    return this.#do('readDir', () => [...this.#disk.folder(path).names.keys()]);
  }

  makeDir(path: string): Promise<void> {
    return this.#do('makeDir', () => {
      let dir = this.#disk.root;
      for (const name of partsOf(path)) {
        const next = dir.names.get(name);
        if (next?.kind === 'file') throw systemError('ENOTDIR', path);
        if (next !== undefined) {
          dir = next;
          continue;
        }
        this.#disk.checkWrite(path, true);
        const made = new DirNode();
        dir.change([{ name, node: made }]);
        dir = made;
      }
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#do('rename', () => {
      const node = this.#disk.find(from);
      if (node === undefined) throw systemError('ENOENT', from);
      const target = this.#disk.find(to);
      if (target?.kind === 'directory' && target.names.size > 0) throw systemError('ENOTEMPTY', to);
      const [source, goal] = [this.#disk.folder(dirname(from)), this.#disk.folder(dirname(to))];
      const gone = { name: nameOf(from), node: undefined };
      const there = { name: nameOf(to), node };
      if (source === goal) {
        source.change([gone, there]);
      } else {
        goal.change([there]);
        source.change([gone]);
      }
    });
  }

  link(from: string, to: string): Promise<void> {
    return this.#do('link', () => {
      const node = this.#file(from);
      if (this.#disk.find(to) !== undefined) throw systemError('EEXIST', to);
      this.#disk.folder(dirname(to)).change([{ name: nameOf(to), node }]);
    });
  }

  remove(path: string): Promise<void> {
    return this.#do('remove', () => {
      if (this.#disk.find(path) === undefined) return;
      this.#disk.folder(dirname(path)).change([{ name: nameOf(path), node: undefined }]);
    });
  }

  syncDir(path: string): Promise<void> {
    return this.#do('syncDir', () => this.#disk.folder(path).sync(), true);
  }

  space(): Promise<DiskSpace | undefined> {
    const { capacityBytes } = this.#disk;
    // A host that asks in vain would draw other delays than it did before it asked.
    if (capacityBytes === Infinity) return Promise.resolve(undefined);
    const space = { freeBytes: Math.max(0, capacityBytes - this.#disk.usedBytes), totalBytes: capacityBytes };
    return this.#do('space', () => space);
  }

  #handle(node: FileNode, path: string): IFile {
    let isClosed = false;
    const use = <T>(label: string, work: () => T, isSync = false): Promise<T> =>
      this.#do(
        label,
        () => {
          if (isClosed) throw systemError('EBADF', path);
          return work();
        },
        isSync,
      );
    return {
      read: (buffer, offset) => use('read', () => node.current.read(buffer, offset)),
      write: (data, offset) =>
        use('write', () => {
          this.#disk.checkWrite(path, offset + data.length > node.current.length);
          node.write(data, offset);
        }),
      sync: () => use('sync', () => this.#disk.sync(node, path), true),
      truncate: (sizeBytes) => use('truncate', () => node.truncate(sizeBytes)),
      sizeBytes: () => use('size', () => node.current.length),
      close: async () => {
        isClosed = true;
      },
    };
  }

  #file(path: string): FileNode {
    const node = this.#disk.find(path);
    if (node?.kind !== 'file') throw systemError('ENOENT', path);
    return node;
  }

  #do<T>(label: string, work: () => T, isSync = false): Promise<T> {
    if (!this.#life.call(isSync)) return new Promise<T>(() => undefined);
    const delayMs = this.#disk.latencyMs(this.#scheduler.nowMs, isSync);
    return this.#scheduler.later(this.#life, delayMs, label, work);
  }
}
