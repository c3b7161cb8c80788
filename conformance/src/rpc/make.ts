import {
  BIN_VER,
  type MessageBatch,
  MessageType,
  type SnapshotChunk,
  UNMANAGED_DEPLOYMENT_ID,
  encodeMessageBatch,
  encodeSnapshotChunk,
  makeEntry,
  makeMessage,
} from '@drakkar/raftio';
import { snapshotRecord } from '../logdb/make.js';
import { fail, same, sameBytes, sameList } from '../suite/assert.js';
import { sameEntries, sameFile, sameMembership, sameSnapshot } from '../suite/raftpb.js';

/** What follows repeats what was before. */
const PATTERN_BYTES = 64 * 1024;

/** Bytes that differ from place to place and from one number to the next. */
export function patterned(number: number, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes);
  const first = Math.min(sizeBytes, PATTERN_BYTES);
  for (let i = 0; i < first; i++) bytes[i] = (number * 17 + i + (i >>> 8) * 5) & 0xff;
  for (let done = first; done > 0 && done < sizeBytes; done *= 2) bytes.copyWithin(done, 0, done);
  return bytes;
}

/** A batch that is numbered, and marked by its sender. */
export function batch(
  number: number,
  { sender = 1, sizeBytes = 24, cmd = patterned(number, sizeBytes) } = {},
): MessageBatch {
  const entry = makeEntry({ term: sender, index: number, cmd });
  return {
    requests: [
      makeMessage({
        type: MessageType.Replicate,
        from: sender,
        to: 2,
        clusterID: 3,
        term: 4,
        logIndex: number,
        entries: [entry],
      }),
    ],
    deploymentID: UNMANAGED_DEPLOYMENT_ID,
    sourceAddress: 'host-1:1',
    binVer: BIN_VER,
  };
}

/** What surrounds a payload of this size, or a larger one, is of the same size. */
const SAMPLE_BYTES = 2 ** 21 + 1024;

/** `make` gives something for a payload and some padding elsewhere; this is the one whose encoding has that size. */
function ofSize<T>(
  sizeBytes: number,
  make: (payloadBytes: number, padding: string) => T,
  encode: (made: T) => Uint8Array,
): T {
  // The length of a payload is written before it, in more bytes the longer it is: some sizes need a byte elsewhere.
  for (const padding of ['', 'x', 'xx']) {
    const sampleBytes = Math.min(sizeBytes, SAMPLE_BYTES);
    const aroundBytes = encode(make(sampleBytes, padding)).length - sampleBytes;
    let payloadBytes = Math.max(0, sizeBytes - aroundBytes);
    for (let tries = 0; tries < 3; tries++) {
      const made = make(payloadBytes, padding);
      const missingBytes = sizeBytes - encode(made).length;
      if (missingBytes === 0) return made;
      payloadBytes = Math.max(0, payloadBytes + missingBytes);
    }
  }
  return fail(`the suite can make nothing that is encoded in ${sizeBytes} bytes`);
}

/** A numbered batch whose encoding has that size; from about 100 bytes. */
export function batchOfSize(number: number, sizeBytes: number): MessageBatch {
  return ofSize(
    sizeBytes,
    (payloadBytes, padding) => ({
      ...batch(number, { sizeBytes: payloadBytes }),
      sourceAddress: `host-1${padding}:1`,
    }),
    encodeMessageBatch,
  );
}

/** As `chunk`, with an encoding of that size. */
export function chunkOfSize(chunkID: number, chunkCount: number, sizeBytes: number): SnapshotChunk {
  return ofSize(
    sizeBytes,
    (payloadBytes, padding) => {
      const made = chunk(chunkID, chunkCount, payloadBytes);
      return { ...made, filepath: made.filepath + padding };
    },
    encodeSnapshotChunk,
  );
}

export function numbersOf(batches: readonly MessageBatch[], sender = 1): number[] {
  return batches.flatMap(({ requests }) =>
    requests.filter(({ from }) => from === sender).map(({ logIndex }) => logIndex),
  );
}

/** 1 to `last`. */
export function upTo(last: number): number[] {
  return Array.from({ length: last }, (_, i) => i + 1);
}

const MESSAGE_FIELDS = [
  'type',
  'to',
  'from',
  'clusterID',
  'term',
  'logTerm',
  'logIndex',
  'commit',
  'reject',
  'hint',
  'hintHigh',
  'groupID',
  'settings',
] as const;

export function sameBatch(actual: MessageBatch | undefined, expected: MessageBatch, what: string): void {
  for (const field of ['deploymentID', 'sourceAddress', 'binVer', 'features'] as const) {
    same(actual?.[field], expected[field], `${what}: ${field}`);
  }
  const got = actual?.requests ?? [];
  sameList(
    got.map(({ type }) => type),
    expected.requests.map(({ type }) => type),
    `${what}: types of the messages`,
  );
  for (const [i, want] of expected.requests.entries()) {
    const message = got[i];
    if (message === undefined) continue;
    for (const field of MESSAGE_FIELDS)
      same(message[field], want[field], `${what}: ${field} of message ${i}`);
    sameEntries(message.entries, want.entries, `${what}, message ${i}`);
    same(message.snapshot === undefined, want.snapshot === undefined, `${what}: absence of a snapshot`);
    if (message.snapshot !== undefined && want.snapshot !== undefined) {
      sameSnapshot(message.snapshot, want.snapshot, `${what}, message ${i}`);
    }
  }
}

/** Chunk `chunkID` (from 0) of a snapshot of `chunkCount`. */
export function chunk(chunkID: number, chunkCount: number, sizeBytes = 1000): SnapshotChunk {
  const { membership, files, filepath } = snapshotRecord(40, 6);
  return {
    clusterID: 3,
    nodeID: 2,
    from: 1,
    chunkID,
    chunkSize: sizeBytes,
    chunkCount,
    data: patterned(chunkID, sizeBytes),
    index: 40,
    term: 6,
    membership,
    filepath,
    fileSize: sizeBytes * chunkCount,
    deploymentID: UNMANAGED_DEPLOYMENT_ID,
    fileChunkID: chunkID,
    fileChunkCount: chunkCount,
    hasFileInfo: chunkID % 2 === 1,
    fileInfo: chunkID % 2 === 1 ? files[0] : undefined,
    binVer: BIN_VER,
  };
}

const CHUNK_FIELDS = [
  'clusterID',
  'nodeID',
  'from',
  'chunkID',
  'chunkSize',
  'chunkCount',
  'index',
  'term',
  'filepath',
  'fileSize',
  'deploymentID',
  'fileChunkID',
  'fileChunkCount',
  'hasFileInfo',
  'binVer',
] as const;

export function sameChunk(actual: SnapshotChunk, expected: SnapshotChunk, what: string): void {
  for (const field of CHUNK_FIELDS) same(actual[field], expected[field], `${what}: ${field}`);
  sameBytes(actual.data, expected.data, `${what}: data`);
  sameMembership(actual.membership, expected.membership, what);
  same(actual.fileInfo === undefined, expected.fileInfo === undefined, `${what}: absence of fileInfo`);
  if (expected.fileInfo !== undefined) sameFile(actual.fileInfo, expected.fileInfo, `${what}: fileInfo`);
}
