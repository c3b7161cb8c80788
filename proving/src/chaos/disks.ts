import { execFile } from 'node:child_process';
import { mkdir, open, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Guard } from './guard.js';

const run = promisify(execFile);

/** How a disk can be filled here: a small file system for each host, or else a fault below its LogDB. */
export type DiskKind = 'file system' | 'fault';

const IMAGE_BYTES = 1024 * 1024 * 1024;
/** Of a disk: what hosts keep free for the log, at most; see `diskReserveBytes`. */
const LOG_PART = 0.1;
const BALLAST = 'ballast';

/** Folders for the data of hosts, each of which can be filled up and wiped. */
export class Disks {
  readonly kind: DiskKind;
  readonly #dir: string;
  readonly #guard: Guard;
  readonly #mounted = new Set<number>();

  constructor(kind: DiskKind, dir: string, guard: Guard) {
    this.kind = kind;
    this.#dir = dir;
    this.#guard = guard;
  }

  /** What this machine and this user allow: a file system in a file takes root, and Linux. */
  static async kindHere(dir: string, guard: Guard): Promise<DiskKind> {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'fault';
    const trial = new Disks('file system', dir, guard);
    try {
      await trial.prepare(0);
      await trial.fill(0);
      return 'file system';
    } catch {
      return 'fault';
    } finally {
      await trial.close();
    }
  }

  /** Where the host's data is. */
  dataDir(host: number): string {
    return join(this.#volume(host), 'data');
  }

  async prepare(host: number): Promise<void> {
    const volume = this.#volume(host);
    await mkdir(volume, { recursive: true });
    if (this.kind === 'file system') {
      const image = `${volume}.img`;
      const file = await open(image, 'w');
      await file.truncate(IMAGE_BYTES);
      await file.close();
      await run('mkfs.ext4', ['-q', '-m', '0', '-F', image]);
      await run('mount', ['-o', 'loop', image, volume]);
      this.#guard.watchMount(volume);
      this.#mounted.add(host);
    }
    await mkdir(this.dataDir(host), { recursive: true });
  }

  /** Leaves no room at all; with the kind 'fault' there is nothing to do here. */
  async fill(host: number): Promise<void> {
    await this.#fill(host, () => 0);
  }

  /** Leaves room for the log, and some bytes more. */
  async crowd(host: number, spareBytes: number): Promise<void> {
    await this.#fill(host, (diskBytes) => diskBytes * LOG_PART + spareBytes);
  }

  async #fill(host: number, leftBytes: (diskBytes: number) => number): Promise<void> {
    if (this.kind === 'fault') return;
    const volume = this.#volume(host);
    const { blocks: all, bavail, bsize } = await statfs(volume);
    const left = Math.ceil(leftBytes(all * bsize) / bsize);
    // All at once may not fit, since the file system needs some for itself; smaller and smaller pieces do.
    for (let blocks = bavail - left; blocks >= 1; blocks = Math.floor(blocks / 2)) {
      const room = (await statfs(volume)).bavail - left;
      if (blocks > room) continue;
      const file = join(volume, `${BALLAST}-${blocks}`);
      await run('fallocate', ['-l', String(blocks * bsize), file]).catch(() => undefined);
    }
  }

  async free(host: number): Promise<void> {
    if (this.kind === 'fault') return;
    await run('sh', ['-c', `rm -f -- "$0"/${BALLAST}-*`, this.#volume(host)]);
  }

  /** Nothing of the host's data is left. */
  async wipe(host: number): Promise<void> {
    await rm(this.dataDir(host), { recursive: true, force: true });
    await mkdir(this.dataDir(host));
  }

  /** What is in the folders is kept, with a file system of its own in its image. */
  async close(): Promise<void> {
    for (const host of this.#mounted) {
      const volume = this.#volume(host);
      await run('umount', [volume]).catch(() => run('umount', ['-l', volume]));
      this.#guard.forgetMount(volume);
    }
    this.#mounted.clear();
    if (this.kind === 'file system') await rm(`${this.#volume(0)}.img`, { force: true });
  }

  #volume(host: number): string {
    return join(this.#dir, `host-${host}`);
  }
}
