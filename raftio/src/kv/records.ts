import { crc32 } from 'node:zlib';
import { ErrLogDBCorrupt } from '../errors.js';
import type { State } from '../raftpb/types.js';
import { KeyKind, parseKey } from './keys.js';
import type { Run, Runs } from './runs.js';

/**
 * Every stored value is sealed: 4 bytes of CRC-32 (little-endian) over the key and the content, then the content. The
 * key is in it so that content found under another key than it was stored by counts as damage too.
 */
const SEAL_BYTES = 4;

/** A value with room for `sizeBytes` of content, which starts at CONTENT_OFFSET; to be closed with `seal`. */
export const CONTENT_OFFSET = SEAL_BYTES;
export function makeUnsealed(sizeBytes: number): Uint8Array {
  return new Uint8Array(SEAL_BYTES + sizeBytes);
}

function checksum(key: Uint8Array, value: Uint8Array): number {
  return crc32(value.subarray(SEAL_BYTES), crc32(key));
}

function viewOf(value: Uint8Array): DataView {
  return new DataView(value.buffer, value.byteOffset, value.byteLength);
}

export function seal(key: Uint8Array, value: Uint8Array): Uint8Array {
  viewOf(value).setUint32(0, checksum(key, value), true);
  return value;
}

export function sealBytes(key: Uint8Array, content: Uint8Array): Uint8Array {
  const value = makeUnsealed(content.length);
  value.set(content, CONTENT_OFFSET);
  return seal(key, value);
}

/** The content of a sealed value, as a view. Throws ErrLogDBCorrupt, naming the replica and the index. */
export function unseal(key: Uint8Array, value: Uint8Array): Uint8Array {
  if (value.length < SEAL_BYTES) throw corrupt(key, 'the record is cut short');
  if (viewOf(value).getUint32(0, true) !== checksum(key, value)) {
    throw corrupt(key, 'the checksum does not match');
  }
  return value.subarray(CONTENT_OFFSET);
}

const KIND_NAMES: Readonly<Record<number, string>> = {
  [KeyKind.format]: 'format',
  [KeyKind.bootstrap]: 'bootstrap',
  [KeyKind.snapshot]: 'snapshot',
  [KeyKind.log]: 'log',
};

/** @param entryIndex when it is known: of the entry that is damaged, in a record that begins at or before it */
export function corrupt(
  key: Uint8Array,
  reason: string,
  cause?: unknown,
  entryIndex?: number,
): ErrLogDBCorrupt {
  const kind = KIND_NAMES[key[0] ?? 0] ?? 'unknown';
  const { clusterID, nodeID, index } = parseKey(key);
  const isHead = kind === 'log' && index > Number.MAX_SAFE_INTEGER;
  const what = isHead ? 'head of the log' : `${kind} record at index ${index}`;
  return new ErrLogDBCorrupt(`${what} of cluster ${clusterID}, node ${nodeID}: ${reason}`, {
    cause,
    details: { clusterID, nodeID, kind, ...(isHead ? {} : { index: entryIndex ?? index }) },
  });
}

/** What is stored of a replica besides its entries. */
export interface Head {
  state: State;
  runs: Runs;
}

const HEAD_BYTES = 28;
const RUN_BYTES = 16;
const TWO_32 = 0x1_0000_0000;

function setInteger(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, Math.floor(value / TWO_32));
  view.setUint32(offset + 4, value >>> 0);
}

function getInteger(view: DataView, offset: number): number {
  return view.getUint32(offset) * TWO_32 + view.getUint32(offset + 4);
}

/** Content: term, vote, commit, number of runs (4 bytes), then first and last index of each run; big-endian. */
export function encodeHead(key: Uint8Array, head: Head): Uint8Array {
  const value = makeUnsealed(HEAD_BYTES + head.runs.length * RUN_BYTES);
  const view = viewOf(value.subarray(CONTENT_OFFSET));
  setInteger(view, 0, head.state.term);
  setInteger(view, 8, head.state.vote);
  setInteger(view, 16, head.state.commit);
  view.setUint32(24, head.runs.length);
  let offset = HEAD_BYTES;
  for (const run of head.runs) {
    setInteger(view, offset, run.first);
    setInteger(view, offset + 8, run.last);
    offset += RUN_BYTES;
  }
  return seal(key, value);
}

export function decodeHead(key: Uint8Array, value: Uint8Array): Head {
  const content = unseal(key, value);
  const view = viewOf(content);
  const count = content.length < HEAD_BYTES ? -1 : view.getUint32(24);
  if (content.length !== HEAD_BYTES + count * RUN_BYTES) throw corrupt(key, 'the length is wrong');
  const runs: Run[] = [];
  for (let offset = HEAD_BYTES; offset < content.length; offset += RUN_BYTES) {
    runs.push({ first: getInteger(view, offset), last: getInteger(view, offset + 8) });
  }
  return {
    state: { term: getInteger(view, 0), vote: getInteger(view, 8), commit: getInteger(view, 16) },
    runs,
  };
}
