import {
  type Bootstrap,
  type EntrySlice,
  ErrUpdateRefused,
  type ILogDB,
  type LogDBConfig,
  type NodeInfo,
  type RaftState,
  type Snapshot,
  type Update,
  decodeBootstrap,
  decodeSnapshot,
  decodeState,
  encodeBootstrap,
  encodeEntries,
  encodeSnapshot,
  encodeState,
} from '@drakkar/raftio';
import { messageOf } from '@drakkar/raftio/kv';
import { Kind, type LogRecord, record } from './frames.js';
import type { EntryPlace, Replica } from './log-index.js';
import { SegmentLog, type SegmentLogOptions } from './segment-log.js';

/** Each call is a few records that are appended, or looks something up and reads it. */
export class SegmentLogDB implements ILogDB {
  readonly name: string;
  readonly #log: SegmentLog;

  private constructor(name: string, log: SegmentLog) {
    this.name = name;
    this.#log = log;
  }

  static async open(config: LogDBConfig, options: SegmentLogOptions): Promise<SegmentLogDB> {
    return new SegmentLogDB(options.name, await SegmentLog.open(config, options));
  }

  async listNodeInfo(): Promise<NodeInfo[]> {
    this.#log.checkOpen();
    const known = this.#log.index.all.filter(({ bootstrap }) => bootstrap !== undefined);
    return this.#log.read(() => known.map(({ of }) => ({ ...of })));
  }

  saveBootstrapInfo(clusterID: number, nodeID: number, bootstrap: Bootstrap): Promise<void> {
    return this.#write(() => [recordOfBootstrap({ clusterID, nodeID }, bootstrap)]);
  }

  async getBootstrapInfo(clusterID: number, nodeID: number): Promise<Bootstrap | undefined> {
    const bytes = this.#find(clusterID, nodeID)?.bootstrap;
    return this.#log.read(() => bytes && decodeBootstrap(bytes));
  }

  saveRaftState(updates: readonly Update[]): Promise<void> {
    return this.#write(() => updates.flatMap(recordsOfUpdate));
  }

  async iterateEntries(
    clusterID: number,
    nodeID: number,
    low: number,
    high: number,
    maxSizeBytes: number,
  ): Promise<EntrySlice> {
    const entries = this.#find(clusterID, nodeID)?.entries;
    const places: EntryPlace[] = [];
    let sizeBytes = 0;
    for (let index = low; index < high; index++) {
      const place = entries?.get(index);
      if (place === undefined || (index > low && sizeBytes + place.sizeBytes > maxSizeBytes)) break;
      places.push(place);
      sizeBytes += place.sizeBytes;
    }
    return this.#log.read(async () => ({ entries: await this.#log.files.read(places), sizeBytes }));
  }

  async readRaftState(clusterID: number, nodeID: number, lastIndex: number): Promise<RaftState | undefined> {
    const replica = this.#find(clusterID, nodeID);
    const bytes = replica?.state;
    const extent = replica && extentAbove(replica, lastIndex);
    return this.#log.read(() => bytes && extent && { state: decodeState(bytes), ...extent });
  }

  /** A crash may bring the entries back, so nobody waits for the disk. */
  async removeEntriesTo(clusterID: number, nodeID: number, index: number): Promise<void> {
    this.#log.checkOpen();
    const durable = this.#log.append([record({ clusterID, nodeID }, Kind.RemovedTo, index)]);
    durable.catch(() => undefined);
  }

  async compactEntriesTo(): Promise<void> {
    this.#log.checkOpen();
    await this.#log.compact();
  }

  saveSnapshots(updates: readonly Update[]): Promise<void> {
    return this.#write(() =>
      updates.flatMap(({ clusterID, nodeID, snapshot }) =>
        snapshot === undefined ? [] : [recordOfSnapshot({ clusterID, nodeID }, snapshot)],
      ),
    );
  }

  deleteSnapshot(clusterID: number, nodeID: number, index: number): Promise<void> {
    return this.#write(() => [record({ clusterID, nodeID }, Kind.SnapshotDeleted, index)]);
  }

  async listSnapshots(clusterID: number, nodeID: number, index: number): Promise<Snapshot[]> {
    const all = [...(this.#find(clusterID, nodeID)?.snapshots ?? [])];
    const listed = all.filter(([at]) => at <= index).sort(([a], [b]) => a - b);
    return this.#log.read(() => listed.map(([, bytes]) => decodeSnapshot(bytes)));
  }

  removeNodeData(clusterID: number, nodeID: number): Promise<void> {
    return this.#write(() => [record({ clusterID, nodeID }, Kind.Dropped)]);
  }

  importSnapshot(snapshot: Snapshot, of: NodeInfo): Promise<void> {
    const { term, index } = snapshot;
    return this.#write(() => [
      record(of, Kind.Dropped),
      recordOfBootstrap(of, { addresses: new Map(), join: true }),
      record(of, Kind.State, 0, encodeState({ term, vote: 0, commit: index })),
      recordOfSnapshot(of, snapshot),
    ]);
  }

  close(): Promise<void> {
    return this.#log.close();
  }

  #find(clusterID: number, nodeID: number): Replica | undefined {
    this.#log.checkOpen();
    return this.#log.index.find({ clusterID, nodeID });
  }

  async #write(makeRecords: () => LogRecord[]): Promise<void> {
    this.#log.checkOpen();
    const records = makeRecords();
    if (records.length > 0) await this.#log.append(records);
  }
}

function recordOfBootstrap(of: NodeInfo, bootstrap: Bootstrap): LogRecord {
  return record(of, Kind.Bootstrap, 0, encodeBootstrap(bootstrap));
}

function recordOfSnapshot(of: NodeInfo, snapshot: Snapshot): LogRecord {
  return record(of, Kind.Snapshot, snapshot.index, encodeSnapshot(snapshot));
}

/** What can't be encoded is refused before anything of the call is appended. */
function recordsOfUpdate({ clusterID, nodeID, state, entriesToSave, snapshot }: Update): LogRecord[] {
  const of = { clusterID, nodeID };
  try {
    return [
      ...(snapshot === undefined ? [] : [record(of, Kind.LogRestarted), recordOfSnapshot(of, snapshot)]),
      ...(state === undefined ? [] : [record(of, Kind.State, 0, encodeState(state))]),
      ...entriesToSave.map((each) => record(of, Kind.Entry, each.index, encodeEntries([each]))),
    ];
  } catch (cause) {
    const message = `the update of group ${clusterID}, node ${nodeID} can't be stored: ${messageOf(cause)}`;
    throw new ErrUpdateRefused(message, { cause, details: of });
  }
}

function extentAbove({ entries }: Replica, lastIndex: number): Omit<RaftState, 'state'> {
  let firstIndex = lastIndex + 1;
  if (!entries.has(firstIndex)) {
    const above = [...entries.keys()].filter((index) => index > lastIndex);
    firstIndex = above.reduce((least, index) => Math.min(least, index), Infinity);
  }
  let entryCount = 0;
  while (entries.has(firstIndex + entryCount)) entryCount += 1;
  return { firstIndex: entryCount === 0 ? 0 : firstIndex, entryCount };
}
