import { randomBytes } from 'node:crypto';
import { type Entry, type ILogDB, type Update, makeEntry } from '@drakkar/raftio';
import { WalLogDB, type WalOptions } from '../wal-logdb.js';
import type { MemoryDisk } from './memory-disk.js';

export const SEGMENT_BYTES = 16 * 1024;

const pauses = new WeakMap<WalLogDB, () => void>();

/** A log on that disk, with small segments; nothing happens by time. */
export async function openOn(disk: MemoryDisk, options: Partial<WalOptions> = {}): Promise<WalLogDB> {
  let callback: (() => void) | undefined;
  const db = await WalLogDB.open({
    ...{ dir: '/log', files: disk.files, segmentBytes: SEGMENT_BYTES, alignmentBytes: 512 },
    isKnown: false,
    randomBytes,
    afterPause: (due) => {
      callback = due;
      return () => {
        callback = undefined;
      };
    },
    ...options,
  });
  pauses.set(db, () => callback?.());
  return db;
}

/** Nothing was written for a while: a mark is on its way when this returns. */
export function pauseOf(db: WalLogDB): void {
  pauses.get(db)?.();
}

/** Entries whose command tells term and index, of some size. */
export function entriesOf(first: number, last: number, { term = 1, sizeBytes = 20 } = {}): Entry[] {
  return Array.from({ length: last - first + 1 }, (_, i) => {
    const cmd = new Uint8Array(sizeBytes).fill((first + i + 7 * term) % 251);
    return makeEntry({ term, index: first + i, cmd });
  });
}

export function saveOf(clusterID: number, entriesToSave: Entry[], commit = 0): Update {
  return { clusterID, nodeID: 1, state: { term: 1, vote: 1, commit }, entriesToSave, snapshot: undefined };
}

/** What a log says of its entries, from `low` on: the term of each, and a mark where the command is not as saved. */
export async function logOf(db: ILogDB, clusterID: number, low = 1): Promise<string[]> {
  const { entries } = await db.iterateEntries(clusterID, 1, low, 1_000_000, 2 ** 40);
  return entries.map(({ index, term, cmd }) => {
    const isRight = cmd.every((byte) => byte === (index + 7 * term) % 251);
    return `${index}@${term}${isRight ? '' : ' damaged'}`;
  });
}
