import {
  type Bootstrap,
  type Entry,
  EntryType,
  type NodeInfo,
  type Snapshot,
  type State,
  type Update,
  makeEntry,
} from '@drakkar/raftio';

export const MAX_ID = Number.MAX_SAFE_INTEGER;

export function replica(clusterID: number, nodeID: number): NodeInfo {
  return { clusterID, nodeID };
}

/** The replica of the cases that need only one. */
export const R = replica(7, 3);

/** A payload that names its place, so that an entry put where another belongs shows. */
export function payload(index: number, term: number, sizeBytes = 16): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  for (let i = 0; i < sizeBytes; i++) bytes[i] = (index * 31 + term * 7 + i) & 0xff;
  return bytes;
}

const { ApplicationEntry, ConfigChangeEntry, EncodedEntry } = EntryType;
const ENTRY_TYPES = [ConfigChangeEntry, ApplicationEntry, EncodedEntry, ApplicationEntry, ApplicationEntry];

export function entry(index: number, term: number, sizeBytes = 16): Entry {
  return makeEntry({
    index,
    term,
    type: ENTRY_TYPES[index % ENTRY_TYPES.length] ?? EntryType.ApplicationEntry,
    key: index * 3,
    clientID: term * 1000 + 1,
    seriesID: index,
    respondedTo: index - 1,
    cmd: payload(index, term, sizeBytes),
  });
}

/** Entries `from` to `to`, both included. */
export function entries(from: number, to: number, term: number, sizeBytes = 16): Entry[] {
  const list: Entry[] = [];
  for (let index = from; index <= to; index++) list.push(entry(index, term, sizeBytes));
  return list;
}

export function state(term: number, vote: number, commit: number): State {
  return { term, vote, commit };
}

export function update(
  of: NodeInfo,
  parts: { state?: State; entries?: Entry[]; snapshot?: Snapshot } = {},
): Update {
  return {
    clusterID: of.clusterID,
    nodeID: of.nodeID,
    state: parts.state,
    entriesToSave: parts.entries ?? [],
    snapshot: parts.snapshot,
  };
}

export function bootstrap(nodeIDs: readonly number[], join = false): Bootstrap {
  return {
    addresses: new Map(nodeIDs.map((id) => [id, `host-${id}.example:${20_000 + (id % 1000)}`])),
    join,
  };
}

/** A snapshot record with every field set. */
export function snapshotRecord(index: number, term: number): Snapshot {
  return {
    filepath: `/data/snapshot-${index}/ß-${term}.snap`,
    fileSize: index * 4096 + 1,
    index,
    term,
    membership: {
      configChangeID: index - 1,
      addresses: new Map([
        [1, 'a:1'],
        [MAX_ID, 'b:2'],
      ]),
      removed: new Map([[4, true]]),
      observers: new Map([[5, 'c:3']]),
    },
    files: [
      { filepath: `external-${index}`, fileSize: 12, fileID: 1, metadata: payload(index, term, 9) },
      { filepath: 'no-metadata', fileSize: 0, fileID: 2, metadata: new Uint8Array(0) },
    ],
  };
}
