import { crc32 } from 'node:zlib';
import { type NodeInfo, decodeEntries, encodeState, entriesSizeBytes } from '@drakkar/raftio';
import { Kind, type LogRecord, type Position, RECORD_HEADER_BYTES, record } from './frames.js';

/** Where an entry lies, and what its bytes must come to. */
export interface EntryPlace extends Position {
  lengthBytes: number;
  checksum: number;
  /** As `entrySizeBytes` counts it. */
  sizeBytes: number;
}

/** All of a replica that is in memory. What is small is kept encoded: each read decodes an object of its own. */
export interface Replica {
  readonly of: NodeInfo;
  bootstrap: Uint8Array | undefined;
  state: Uint8Array | undefined;
  readonly snapshots: Map<number, Uint8Array>;
  readonly entries: Map<number, EntryPlace>;
  /** Highest index that was ever in the log since it restarted. */
  lastIndex: number;
}

const NO_STATE = encodeState({ term: 0, vote: 0, commit: 0 });

/** What the records of the log, taken in order, come to. */
export class LogIndex {
  readonly #replicas = new Map<string, Replica>();
  #liveBytes = 0;

  /** Space of the entries that count. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  get all(): readonly Replica[] {
    return [...this.#replicas.values()];
  }

  find({ clusterID, nodeID }: NodeInfo): Replica | undefined {
    return this.#replicas.get(`${clusterID}/${nodeID}`);
  }

  /** @param position of the body */
  apply({ kind, clusterID, nodeID, index, body }: LogRecord, position: Position): void {
    const replica = this.#get({ clusterID, nodeID });
    if (kind === Kind.Bootstrap) replica.bootstrap = body.slice();
    else if (kind === Kind.State) replica.state = body.slice();
    else if (kind === Kind.Entry) {
      if (index <= replica.lastIndex) this.#forget(replica, (stored) => stored >= index);
      replica.lastIndex = index;
      replica.state ??= NO_STATE;
      this.#place(replica, index, body, position);
    } else if (kind === Kind.Moved) {
      replica.lastIndex = Math.max(replica.lastIndex, index);
      this.#place(replica, index, body, position);
    } else if (kind === Kind.Snapshot) replica.snapshots.set(index, body.slice());
    else if (kind === Kind.SnapshotDeleted) replica.snapshots.delete(index);
    else if (kind === Kind.RemovedTo) this.#forget(replica, (stored) => stored <= index);
    else {
      this.#forget(replica, () => true);
      replica.lastIndex = 0;
      if (kind === Kind.Dropped) this.#replicas.delete(`${clusterID}/${nodeID}`);
    }
  }

  /** Everything but entries, as it is now: after these records, earlier ones are of no use but for entries. */
  checkpoint(): LogRecord[] {
    return this.all.flatMap(({ of, bootstrap, state, snapshots }) => [
      ...(bootstrap === undefined ? [] : [record(of, Kind.Bootstrap, 0, bootstrap)]),
      ...(state === undefined ? [] : [record(of, Kind.State, 0, state)]),
      ...[...snapshots].map(([index, body]) => record(of, Kind.Snapshot, index, body)),
    ]);
  }

  entriesIn(segment: number): { of: NodeInfo; index: number; place: EntryPlace }[] {
    return this.all.flatMap(({ of, entries }) =>
      [...entries].flatMap(([index, place]) => (place.segment === segment ? [{ of, index, place }] : [])),
    );
  }

  #get({ clusterID, nodeID }: NodeInfo): Replica {
    const found = this.find({ clusterID, nodeID });
    if (found !== undefined) return found;
    const nothing = { bootstrap: undefined, state: undefined, lastIndex: 0 };
    const fresh = { of: { clusterID, nodeID }, ...nothing, snapshots: new Map(), entries: new Map() };
    this.#replicas.set(`${clusterID}/${nodeID}`, fresh);
    return fresh;
  }

  #place({ entries }: Replica, index: number, body: Uint8Array, { segment, offset }: Position): void {
    const sizeBytes = entriesSizeBytes(decodeEntries(body));
    this.#remove(entries, index);
    this.#liveBytes += body.length + RECORD_HEADER_BYTES;
    entries.set(index, { segment, offset, lengthBytes: body.length, checksum: crc32(body), sizeBytes });
  }

  #forget({ entries }: Replica, isMeant: (index: number) => boolean): void {
    for (const index of entries.keys()) if (isMeant(index)) this.#remove(entries, index);
  }

  #remove(entries: Map<number, EntryPlace>, index: number): void {
    const place = entries.get(index);
    if (place === undefined) return;
    entries.delete(index);
    this.#liveBytes -= place.lengthBytes + RECORD_HEADER_BYTES;
  }
}
