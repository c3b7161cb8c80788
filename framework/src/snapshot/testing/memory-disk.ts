import { dirname } from 'node:path';
import type { DiskSpace, FileStat, IFile, IFileSystem, OpenMode } from '../../fs/file-system.js';
import type { IRandom } from '../../runtime/random.js';

interface FileNode {
  kind: 'file';
  data: Uint8Array;
  /** What a power failure leaves for certain. */
  synced: Uint8Array;
}

interface DirNode {
  kind: 'directory';
  names: Map<string, Node>;
  synced: Map<string, Node>;
}

type Node = FileNode | DirNode;

const newFile = (): FileNode => ({ kind: 'file', data: new Uint8Array(0), synced: new Uint8Array(0) });
const newDir = (): DirNode => ({ kind: 'directory', names: new Map(), synced: new Map() });

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

/** What of the unsynced state outlives a crash: all of it, none of it, or any part, as the source says. */
export type Survival = 'all' | 'synced' | IRandom;

/**
 * A disk in memory that forgets at a crash what was not synced. Every operation has a number, from 1 on, so that a
 * test can make each of them fail in turn.
 */
export class MemoryDisk implements IFileSystem {
  readonly operations: string[] = [];
  /** The operation of that number fails with `code`, once. */
  failure: { at: number; code: string } | undefined;
  /** From the operation of that number on nothing is done any more; a write there is torn. */
  crashAt: number | undefined;
  /** Hard links fail with this code. */
  linkFailure: string | undefined;
  /** Beyond it nothing can be written. */
  capacityBytes = Infinity;
  /** Called after each write. */
  onWrite: () => void = () => undefined;
  private root = newDir();

  /** The disk after a power failure. */
  restart(survival: Survival): MemoryDisk {
    const disk = new MemoryDisk();
    disk.root = survive(this.root, survival, new Map()) as DirNode;
    return disk;
  }

  /** Every path, with the size of its file. For assertions. */
  tree(): Map<string, number | undefined> {
    const found = new Map<string, number | undefined>();
    const walk = (dir: DirNode, path: string): void => {
      for (const [name, node] of dir.names) {
        found.set(`${path}/${name}`, node.kind === 'file' ? node.data.length : undefined);
        if (node.kind === 'directory') walk(node, `${path}/${name}`);
      }
    };
    walk(this.root, '');
    return found;
  }

  get usedBytes(): number {
    let sum = 0;
    for (const sizeBytes of this.tree().values()) sum += sizeBytes ?? 0;
    return sum;
  }

  async space(): Promise<DiskSpace | undefined> {
    const totalBytes = this.capacityBytes;
    return totalBytes === Infinity ? undefined : { totalBytes, freeBytes: totalBytes - this.usedBytes };
  }

  /** Changes stored bytes behind everybody's back. */
  damage(path: string, change: (data: Uint8Array) => Uint8Array): void {
    const node = this.node(path);
    if (node?.kind !== 'file') throw systemError('ENOENT', path);
    node.data = change(node.data.slice());
    node.synced = node.data;
  }

  async open(path: string, mode: OpenMode): Promise<IFile> {
    this.count(`open ${mode} ${path}`);
    const found = this.node(path);
    if (found?.kind === 'directory') throw systemError('EISDIR', path);
    if (found !== undefined && mode === 'create') throw systemError('EEXIST', path);
    if (found === undefined && (mode === 'read' || mode === 'update')) throw systemError('ENOENT', path);
    const node = found ?? newFile();
    if (found === undefined) this.parent(path).names.set(nameOf(path), node);
    if (mode === 'overwrite') node.data = new Uint8Array(0);
    return this.handle(node, path);
  }

  async readFile(path: string): Promise<Uint8Array> {
    this.count(`readFile ${path}`);
    const node = this.node(path);
    if (node?.kind !== 'file') throw systemError('ENOENT', path);
    return node.data.slice();
  }

  async stat(path: string): Promise<FileStat | undefined> {
    this.count(`stat ${path}`);
    const node = this.node(path);
    if (node === undefined) return undefined;
    return { kind: node.kind, sizeBytes: node.kind === 'file' ? node.data.length : 0 };
  }

  async readDir(path: string): Promise<string[]> {
    this.count(`readDir ${path}`);
    return [...this.dir(path).names.keys()];
  }

  async makeDir(path: string): Promise<void> {
    this.count(`makeDir ${path}`);
    let dir = this.root;
    for (const name of partsOf(path)) {
      const next = dir.names.get(name) ?? newDir();
      if (next.kind !== 'directory') throw systemError('ENOTDIR', path);
      dir.names.set(name, next);
      dir = next;
    }
  }

  async rename(from: string, to: string): Promise<void> {
    this.count(`rename ${from} ${to}`);
    const node = this.node(from);
    if (node === undefined) throw systemError('ENOENT', from);
    const target = this.node(to);
    if (target?.kind === 'directory' && target.names.size > 0) throw systemError('ENOTEMPTY', to);
    this.parent(from).names.delete(nameOf(from));
    this.parent(to).names.set(nameOf(to), node);
  }

  async link(from: string, to: string): Promise<void> {
    this.count(`link ${from} ${to}`);
    if (this.linkFailure !== undefined) throw systemError(this.linkFailure, to);
    const node = this.node(from);
    if (node === undefined) throw systemError('ENOENT', from);
    if (this.node(to) !== undefined) throw systemError('EEXIST', to);
    this.parent(to).names.set(nameOf(to), node);
  }

  async remove(path: string): Promise<void> {
    this.count(`remove ${path}`);
    if (this.node(path) !== undefined) this.parent(path).names.delete(nameOf(path));
  }

  async syncDir(path: string): Promise<void> {
    this.count(`syncDir ${path}`);
    const dir = this.dir(path);
    dir.synced = new Map(dir.names);
  }

  private handle(node: FileNode, path: string): IFile {
    let closed = false;
    const use = (what: string): void => {
      if (closed) throw systemError('EBADF', path);
      this.count(`${what} ${path}`);
    };
    return {
      read: async (buffer, offset) => {
        use('read');
        const piece = node.data.subarray(offset, offset + buffer.length);
        buffer.set(piece);
        return piece.length;
      },
      write: async (data, offset) => {
        if (this.operations.length + 1 === this.crashAt) put(node, data.subarray(0, data.length / 2), offset);
        use('write');
        const growthBytes = Math.max(0, offset + data.length - node.data.length);
        if (this.usedBytes + growthBytes > this.capacityBytes) throw systemError('ENOSPC', path);
        put(node, data, offset);
        this.onWrite();
      },
      sync: async () => {
        use('sync');
        node.synced = node.data.slice();
      },
      truncate: async (sizeBytes) => {
        use('truncate');
        node.data = node.data.slice(0, sizeBytes);
      },
      sizeBytes: async () => {
        use('size');
        return node.data.length;
      },
      close: async () => {
        closed = true;
      },
    };
  }

  private count(operation: string): void {
    this.operations.push(operation);
    const number = this.operations.length;
    if (this.crashAt !== undefined && number >= this.crashAt) throw systemError('EIO', operation);
    if (this.failure?.at === number) throw systemError(this.failure.code, operation);
  }

  private node(path: string): Node | undefined {
    let node: Node | undefined = this.root;
    for (const name of partsOf(path)) {
      node = node?.kind === 'directory' ? node.names.get(name) : undefined;
    }
    return node;
  }

  private dir(path: string): DirNode {
    const node = this.node(path);
    if (node?.kind !== 'directory') throw systemError('ENOENT', path);
    return node;
  }

  private parent(path: string): DirNode {
    return this.dir(dirname(path));
  }
}

function put(node: FileNode, data: Uint8Array, offset: number): void {
  const size = Math.max(node.data.length, offset + data.length);
  if (size > node.data.length) {
    const grown = new Uint8Array(size);
    grown.set(node.data);
    node.data = grown;
  } else {
    node.data = node.data.slice();
  }
  node.data.set(data, offset);
}

const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '');
const nameOf = (path: string): string => partsOf(path).at(-1) ?? '';

function survive(node: Node, survival: Survival, done: Map<Node, Node>): Node {
  const before = done.get(node);
  if (before !== undefined) return before;
  const keepsAll = survival === 'all' || (survival !== 'synced' && survival.nextInt(2) === 1);
  if (node.kind === 'file') {
    const data = (keepsAll ? node.data : node.synced).slice();
    const file: FileNode = { kind: 'file', data, synced: data };
    done.set(node, file);
    return file;
  }
  const dir = newDir();
  done.set(node, dir);
  for (const [name, child] of keepsAll ? node.names : node.synced) {
    dir.names.set(name, survive(child, survival, done));
  }
  dir.synced = new Map(dir.names);
  return dir;
}
