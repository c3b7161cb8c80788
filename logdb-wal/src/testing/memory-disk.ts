import type { IFile } from '@drakkar/raftio/fs';
import type { LogFiles } from '../log/files.js';

const SECTOR_BYTES = 512;

type Change = { offset: number; data: Uint8Array } | { truncateTo: number };

/** Something that was not synced when the power failed: a sector, or the change of a name. */
export interface Unsynced {
  /** Whether it belongs to the last write to its file; each name is the last. */
  isLast: boolean;
}

/** Decides what of the unsynced survives: called once for each sector and each name. */
export type Survival = (what: Unsynced) => boolean;

/** Time passes: others go on meanwhile. */
async function pass(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await Promise.resolve();
}

class Node {
  bytes: Uint8Array = new Uint8Array(0);
  durable: Uint8Array = new Uint8Array(0);
  pending: Change[] = [];

  change(change: Change): void {
    this.bytes = applyChange(this.bytes, change);
    this.pending.push(change);
  }

  /** Covers the first so many changes. */
  sync(count: number): void {
    for (const change of this.pending.splice(0, count)) this.durable = applyChange(this.durable, change);
  }

  /** After a power failure: each sector of each unsynced write got there, or did not. */
  survive(isKept: Survival): Node {
    const node = new Node();
    node.durable = this.durable.slice();
    for (const change of this.pending) {
      const what = { isLast: change === this.pending.at(-1) };
      if ('truncateTo' in change) {
        if (isKept(what)) node.durable = applyChange(node.durable, change);
        continue;
      }
      for (let at = 0; at < change.data.length; at += SECTOR_BYTES) {
        const data = change.data.subarray(at, at + SECTOR_BYTES);
        if (isKept(what)) node.durable = applyChange(node.durable, { offset: change.offset + at, data });
      }
    }
    node.bytes = node.durable.slice();
    return node;
  }
}

function applyChange(bytes: Uint8Array, change: Change): Uint8Array {
  if ('truncateTo' in change) {
    const cut = new Uint8Array(change.truncateTo);
    cut.set(bytes.subarray(0, change.truncateTo));
    return cut;
  }
  const end = change.offset + change.data.length;
  let target = bytes;
  if (end > bytes.length) {
    target = new Uint8Array(end);
    target.set(bytes);
  }
  target.set(change.data, change.offset);
  return target;
}

/** One folder on a disk that forgets, at a power failure, what was not synced; and that fails when it is told to. */
export class MemoryDisk {
  names = new Map<string, Node>();
  #durableNames = new Map<string, Node>();
  #pendingNames: ((names: Map<string, Node>) => void)[] = [];
  /** Changes and syncs made until now. */
  operations = 0;
  /** The operation of that number does not happen, nor does any after it. */
  failsAt = Infinity;
  /** Only this one fails. */
  failsOnceAt = Infinity;
  /** Reads of this file end after so many bytes. */
  shortReads = { name: '', atMostBytes: Infinity };
  /** Syncs of this file wait for it. */
  syncGate: { name: string; opened: Promise<void> } | undefined;
  /** Reads that have begun wait for it. */
  readGate: Promise<void> | undefined;

  /** The disk after a power failure. Names are kept up to some point in the order of their changes. */
  survive(isKept: Survival): MemoryDisk {
    const disk = new MemoryDisk();
    const names = new Map(this.#durableNames);
    for (const change of this.#pendingNames) {
      if (!isKept({ isLast: true })) break;
      change(names);
    }
    for (const [name, node] of names) disk.names.set(name, node.survive(isKept));
    disk.#durableNames = new Map(disk.names);
    return disk;
  }

  /** The disk after a mere loss of the process: all is there, and none of it more durable than before. */
  afterKill(): MemoryDisk {
    const disk = new MemoryDisk();
    disk.names = this.names;
    disk.#durableNames = this.#durableNames;
    disk.#pendingNames = this.#pendingNames;
    return disk;
  }

  bytesOf(name: string): Uint8Array {
    return this.#node(name).bytes;
  }

  /** Changes what is stored behind everybody's back. */
  damage(name: string, offset: number): void {
    const { bytes, durable } = this.#node(name);
    for (const each of [bytes, durable]) each[offset] = (each[offset] ?? 0) ^ 0x10;
  }

  get totalBytes(): number {
    let total = 0;
    for (const { bytes } of this.names.values()) total += bytes.length;
    return total;
  }

  readonly files: LogFiles = {
    open: async (path, mode) => {
      const name = nameOf(path);
      if (mode === 'overwrite') {
        this.#operate();
        const node = new Node();
        this.#changeNames((names) => names.set(name, node));
      }
      return this.#file(this.#node(name), name);
    },
    readFile: async (path) => this.#node(nameOf(path)).bytes.slice(),
    readDir: async () => [...this.names.keys()],
    rename: async (from, to) => {
      this.#operate();
      const node = this.#node(nameOf(from));
      this.#changeNames((names) => {
        names.delete(nameOf(from));
        names.set(nameOf(to), node);
      });
    },
    remove: async (path) => {
      this.#operate();
      this.#changeNames((names) => names.delete(nameOf(path)));
    },
    syncDir: async () => {
      this.#operate();
      for (const change of this.#pendingNames) change(this.#durableNames);
      this.#pendingNames = [];
    },
  };

  #file(node: Node, name: string): IFile {
    let isClosed = false;
    const use = (): void => {
      if (isClosed) throw Object.assign(new Error(`${name} is closed`), { code: 'EBADF' });
    };
    const sync = async (): Promise<void> => {
      use();
      this.#operate();
      // What is written while the sync is under way is not covered by it.
      const count = node.pending.length;
      if (this.syncGate?.name === name) await this.syncGate.opened;
      await pass();
      node.sync(count);
    };
    return {
      read: async (buffer, offset) => {
        await this.readGate;
        use();
        const { shortReads } = this;
        const most = name === shortReads.name ? shortReads.atMostBytes : Infinity;
        const found = node.bytes.subarray(offset, offset + Math.min(buffer.length, most));
        buffer.set(found);
        return found.length;
      },
      write: async (data, offset) => {
        use();
        try {
          this.#operate();
        } catch (error) {
          // A part of it may be there all the same.
          node.change({ offset, data: data.slice(0, data.length >> 1) });
          throw error;
        }
        // The bytes are read while the write is under way, and not when it is asked for.
        await pass();
        node.change({ offset, data: data.slice() });
      },
      sync,
      datasync: sync,
      truncate: async (sizeBytes) => {
        use();
        this.#operate();
        node.change({ truncateTo: sizeBytes });
      },
      sizeBytes: async () => node.bytes.length,
      close: async () => {
        isClosed = true;
      },
    };
  }

  #operate(): void {
    this.operations += 1;
    const isBroken = this.operations >= this.failsAt || this.operations === this.failsOnceAt;
    if (isBroken) throw Object.assign(new Error('the disk failed'), { code: 'EIO' });
  }

  #changeNames(change: (names: Map<string, Node>) => void): void {
    change(this.names);
    this.#pendingNames.push(change);
  }

  #node(name: string): Node {
    const node = this.names.get(name);
    if (node === undefined) throw Object.assign(new Error(`no file ${name}`), { code: 'ENOENT' });
    return node;
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
