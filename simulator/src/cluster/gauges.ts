import { COMPACT_RATIO } from '../disk/journal-kv.js';
import type { Cluster } from './cluster.js';
import type { World } from './world.js';

const PERIOD_MS = 500;
const MAX_PENDING = 20_000;
/** Connections from one host to another: one for messages, and streams; those that are closing may linger. */
const MAX_CHANNELS_PER_PAIR = 40;
const MAX_SNAPSHOT_FOLDERS = 8;
const MIB = 1024 * 1024;
const MAX_CHANNEL_BYTES = 16 * MIB;
/** Without commands that were made large on purpose. */
const MAX_JOURNAL_BYTES = 16 * MIB;

/** Looks now and then at what must not grow without bound. */
export class Gauges {
  readonly #world: World;
  readonly #cluster: Cluster;

  constructor(world: World, cluster: Cluster) {
    this.#world = world;
    this.#cluster = cluster;
  }

  async run(): Promise<void> {
    for (;;) {
      await this.#world.scheduler.sleep(PERIOD_MS);
      this.#look();
    }
  }

  #look(): void {
    const { oracle, scheduler, network } = this.#world;
    oracle.see('gauge', { what: 'pending happenings', value: scheduler.pendingCount, bound: MAX_PENDING });
    const pairs = new Map<string, number>();
    for (const channel of network.channels) {
      const { from, to } = channel.ends;
      const count = (pairs.get(`${from}>${to}`) ?? 0) + 1;
      pairs.set(`${from}>${to}`, count);
      oracle.see('gauge', {
        what: `connections ${from} to ${to}`,
        value: count,
        bound: MAX_CHANNELS_PER_PAIR,
      });
      oracle.see('gauge', {
        what: `bytes ${from} to ${to}`,
        value: channel.queuedBytes,
        bound: MAX_CHANNEL_BYTES,
      });
    }
    for (const host of this.#cluster.hosts) {
      // With a record that is damaged old snapshots can't be removed.
      if (!host.isSuspect) this.#lookAtDisk(host.name, host.disk.files());
    }
  }

  #lookAtDisk(name: string, files: readonly { path: string; file: { current: { length: number } } }[]): void {
    const { oracle, traffic } = this.#world;
    const folders = new Map<string, Set<string>>();
    for (const { path, file } of files) {
      const [, replica, folder] = /\/snapshots\/([^/]+)\/([^/]+)\//.exec(path) ?? [];
      if (replica !== undefined && folder !== undefined) {
        folders.set(replica, (folders.get(replica) ?? new Set()).add(folder));
      } else if (path.includes('/journal-')) {
        oracle.see('gauge', {
          what: `${name}: ${path}`,
          value: file.current.length,
          bound: MAX_JOURNAL_BYTES + COMPACT_RATIO * traffic.largeCommandBytes,
        });
      }
    }
    for (const [replica, names] of folders) {
      const what = `${name}: snapshots of ${replica}`;
      oracle.see('gauge', { what, value: names.size, bound: MAX_SNAPSHOT_FOLDERS });
    }
  }
}
