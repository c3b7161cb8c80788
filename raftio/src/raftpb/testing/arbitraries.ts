import fc from 'fast-check';
import type { Entry } from '../entry.js';
import { type EntryType, makeEntry } from '../entry.js';
import type {
  Bootstrap,
  ConfigChange,
  Membership,
  Message,
  MessageBatch,
  MessageType,
  RaftDataStatus,
  SessionRecord,
  Snapshot,
  SnapshotChunk,
  SnapshotFile,
  SnapshotHeader,
  State,
} from '../types.js';
import { MAX_UINT64, type Uint64, toUint64 } from '../uint64.js';

/** Safe integers, with every length of varint and the places where one becomes longer about equally likely. */
export const uint: fc.Arbitrary<number> = fc.oneof(
  fc.nat(200),
  fc.maxSafeNat(),
  fc
    .tuple(fc.nat(53), fc.constantFrom(-1, 0, 1))
    .map(([power, off]) => Math.min(Math.max(2 ** power + off, 0), Number.MAX_SAFE_INTEGER)),
);

export const uint64: fc.Arbitrary<Uint64> = fc.oneof(
  uint,
  fc.bigInt(0n, MAX_UINT64).map(toUint64),
  fc.bigInt(0n, 64n).map((power) => toUint64(power === 64n ? MAX_UINT64 : 1n << power)),
);

/** For fields that are left out when they are zero. */
const nonZero = uint.map((value) => Math.max(1, value));
const uint32 = fc.nat(0xffff_ffff);
const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary', maxLength: 300 }));
const bytes = (maxLength = 200) => fc.uint8Array({ maxLength });
const addresses = fc.array(fc.tuple(uint, text), { maxLength: 4 }).map((pairs) => new Map(pairs));
const flags = fc.array(fc.tuple(uint, fc.boolean()), { maxLength: 4 }).map((pairs) => new Map(pairs));

export const entry: fc.Arbitrary<Entry> = fc
  .record({
    term: uint,
    index: uint,
    type: fc.constantFrom<EntryType>(0, 1, 2),
    key: uint64,
    clientID: uint64,
    seriesID: uint64,
    respondedTo: uint64,
    cmd: bytes(),
  })
  .map((fields) => makeEntry(fields));

export const state: fc.Arbitrary<State> = fc.record({ term: uint, vote: uint, commit: uint });

export const bootstrap: fc.Arbitrary<Bootstrap> = fc.record(
  { addresses, join: fc.boolean(), groupID: nonZero },
  { requiredKeys: ['addresses', 'join'] },
);

export const raftDataStatus: fc.Arbitrary<RaftDataStatus> = fc.record({
  address: text,
  binVer: uint32,
  hardHash: uint64,
});

export const membership: fc.Arbitrary<Membership> = fc.record({
  configChangeID: uint,
  addresses,
  removed: flags,
  observers: addresses,
});

export const snapshotFile: fc.Arbitrary<SnapshotFile> = fc.record({
  filepath: text,
  fileSize: uint,
  fileID: uint,
  metadata: bytes(),
});

export const snapshot: fc.Arbitrary<Snapshot> = fc.record({
  filepath: text,
  fileSize: uint,
  index: uint,
  term: uint,
  membership,
  files: fc.array(snapshotFile, { maxLength: 3 }),
});

export const message: fc.Arbitrary<Message> = fc.record({
  type: fc.nat(0x7fff_ffff).map((type) => type as MessageType),
  to: uint,
  from: uint,
  clusterID: uint,
  term: uint,
  logTerm: uint,
  logIndex: uint,
  commit: uint,
  reject: fc.boolean(),
  hint: uint64,
  hintHigh: uint64,
  entries: fc.array(entry, { maxLength: 6 }),
  snapshot: fc.option(snapshot, { nil: undefined }),
  groupID: nonZero,
  settings: nonZero,
});

export const messageBatch: fc.Arbitrary<MessageBatch> = fc.record(
  {
    requests: fc.array(message, { maxLength: 4 }),
    deploymentID: uint,
    sourceAddress: text,
    binVer: uint32,
    features: fc.integer({ min: 1, max: 0x7fff_ffff }),
  },
  { requiredKeys: ['requests', 'deploymentID', 'sourceAddress', 'binVer'] },
);

export const configChange: fc.Arbitrary<ConfigChange> = fc.record({
  configChangeID: uint,
  type: fc.constantFrom(0, 1, 2),
  nodeID: uint,
  address: text,
  initialize: fc.boolean(),
});

export const snapshotHeader: fc.Arbitrary<SnapshotHeader> = fc.record({
  sessionSize: uint,
  dataStoreSize: uint,
  unreliableTime: uint64,
  gitVersion: text,
  headerChecksum: bytes(8),
  payloadChecksum: bytes(8),
  checksumType: fc.constantFrom(0, 1),
  version: uint,
});

const chunkFields = {
  clusterID: uint,
  nodeID: uint,
  from: uint,
  chunkID: uint,
  chunkSize: uint,
  chunkCount: uint,
  data: bytes(2000),
  index: uint,
  term: uint,
  membership,
  filepath: text,
  fileSize: uint,
  deploymentID: uint,
  fileChunkID: uint,
  fileChunkCount: uint,
  hasFileInfo: fc.boolean(),
  fileInfo: fc.option(snapshotFile, { nil: undefined }),
  binVer: uint32,
};

export const snapshotChunk: fc.Arbitrary<SnapshotChunk> = fc.oneof(
  fc.record(chunkFields),
  fc.record({ ...chunkFields, groupID: nonZero, settings: nonZero }),
);

export const sessionRecord: fc.Arbitrary<SessionRecord> = fc.record({
  clusterID: uint,
  clientID: uint64,
  seriesID: uint64,
  respondedTo: uint64,
});
