import type { Coverage } from '../world/coverage.js';
import type { Dice } from '../world/dice.js';
import type { FileNode } from './nodes.js';
import { type CrashReport, DirNode, type DiskNode } from './nodes.js';

/** An error as Node gives it. */
export function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

const OPERATION_MIN_MS = 0.01;
const OPERATION_MAX_MS = 0.4;
const SYNC_MIN_MS = 0.2;
const SYNC_MAX_MS = 6;

export const partsOf = (path: string): string[] => path.split('/').filter((part) => part !== '');
export const nameOf = (path: string): string => partsOf(path).at(-1) ?? '';

/** The disk of one host. It outlives the host's processes, but not what they have not synced. */
export class VirtualDisk {
  root = new DirNode();
  /** Nothing is done before that time. */
  stalledUntilMs = 0;
  /** How many times slower than usual it is. */
  slowness = 1;
  isFull = false;
  /** Beyond it no file grows. */
  capacityBytes = Infinity;
  /** The next so many writes fail, and syncs. */
  failWrites = 0;
  failSyncs = 0;
  /** Whether anything has failed since the last start: then the host may give up. */
  hasFailed = false;
  /** What the system's caches say of its files may be wrong, so a process that starts must not see them. */
  cachesLie = false;
  readonly #dice: Dice;
  readonly #coverage: Coverage;

  constructor(dice: Dice, coverage: Coverage) {
    this.#dice = dice;
    this.#coverage = coverage;
  }

  /** How long an operation takes that begins now. */
  latencyMs(nowMs: number, isSync: boolean): number {
    const low = isSync ? SYNC_MIN_MS : OPERATION_MIN_MS;
    const high = isSync ? SYNC_MAX_MS : OPERATION_MAX_MS;
    return Math.max(0, this.stalledUntilMs - nowMs) + this.slowness * this.#dice.skewed(low, high);
  }

  /** Throws when this write, which makes the file longer or not, is to fail. */
  checkWrite(path: string, grows: boolean): void {
    if (this.failWrites > 0) {
      this.failWrites -= 1;
      this.#fail('write error', 'EIO', path);
    }
    const isFull = this.isFull || (this.capacityBytes !== Infinity && this.usedBytes >= this.capacityBytes);
    if (isFull && grows) this.#fail('disk full', 'ENOSPC', path);
  }

  sync(file: FileNode, path: string): void {
    if (this.failSyncs === 0) {
      file.sync();
      return;
    }
    this.failSyncs -= 1;
    file.failSync(this.#dice);
    this.cachesLie = true;
    this.#fail('sync error', 'EIO', path);
  }

  /** The power fails: what was not synced survives in part. */
  crash(): void {
    const report: CrashReport = { lost: 0, torn: 0, reordered: 0 };
    this.root = this.root.survive(this.#dice, report, new Map());
    this.hasFailed = false;
    this.cachesLie = false;
    if (report.lost > 0) this.#coverage.count('unsynced lost', report.lost);
    if (report.torn > 0) this.#coverage.count('write torn', report.torn);
    if (report.reordered > 0) this.#coverage.count('writes reordered', report.reordered);
  }

  /** Another, empty disk takes its place. */
  wipe(): void {
    this.root = new DirNode();
    this.repair();
    this.hasFailed = false;
    this.cachesLie = false;
  }

  /** No faults any more, as far as they are not of the past. */
  repair(): void {
    this.stalledUntilMs = 0;
    this.slowness = 1;
    this.isFull = false;
    this.capacityBytes = Infinity;
    this.failWrites = 0;
    this.failSyncs = 0;
  }

  find(path: string): DiskNode | undefined {
    let node: DiskNode | undefined = this.root;
    for (const name of partsOf(path)) node = node?.kind === 'directory' ? node.names.get(name) : undefined;
    return node;
  }

  folder(path: string): DirNode {
    const node = this.find(path);
    if (node?.kind !== 'directory') throw systemError(node === undefined ? 'ENOENT' : 'ENOTDIR', path);
    return node;
  }

  /** Of all files. */
  get usedBytes(): number {
    return this.files().reduce((sum, { file }) => sum + file.current.length, 0);
  }

  /** Every file, with its path. */
  files(): { path: string; file: FileNode }[] {
    const found: { path: string; file: FileNode }[] = [];
    const walk = (dir: DirNode, path: string): void => {
      for (const [name, node] of dir.names) {
        if (node.kind === 'file') found.push({ path: `${path}/${name}`, file: node });
        else walk(node, `${path}/${name}`);
      }
    };
    walk(this.root, '');
    return found;
  }

  #fail(kind: 'write error' | 'sync error' | 'disk full', code: string, path: string): never {
    this.#coverage.count(kind);
    this.hasFailed = true;
    throw systemError(code, path);
  }
}
