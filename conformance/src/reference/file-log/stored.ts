import { Entry, type EntryType, entrySizeBytes } from '@drakkar/raftio';
import type { StoredEntry } from './frames.js';

export function toStored(from: Entry): StoredEntry {
  const { term, index, type, key, clientID, seriesID, respondedTo, cmd } = from;
  return [term, index, type, key, clientID, seriesID, respondedTo, new Uint8Array(cmd)];
}

/** A new object each time, whose bytes are nobody else's. */
export function fromStored(stored: StoredEntry): Entry {
  const [term, index, type, key, clientID, seriesID, respondedTo, cmd] = stored;
  return new Entry(term, index, type as EntryType, key, clientID, seriesID, respondedTo, new Uint8Array(cmd));
}

export function storedSizeBytes(stored: StoredEntry): number {
  return entrySizeBytes(fromStored(stored));
}
