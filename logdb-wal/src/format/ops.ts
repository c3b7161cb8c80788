import { crc32 } from 'node:zlib';
import { getUint64, putUint64, viewOf } from './integers.js';
import type { SegmentID } from './frame.js';

/**
 * What a frame's payload consists of, back to back. Each op has a checksum of its own, so that a read of one checks
 * what it reads and no more.
 */
export const OpType = Object.freeze({
  bootstrap: 1,
  state: 2,
  /** Entries from `index` on; those stored above the last of them are deleted, in the same instant. */
  entries: 3,
  /** A snapshot record that puts an end to the log before it. */
  restart: 4,
  snapshot: 5,
  snapshotDeletion: 6,
  /** Entries up to `index` are removed. */
  removedTo: 7,
  removal: 8,
  import: 9,
  /** Entries that moved here from an older segment; nothing is deleted. */
  relocated: 10,
} as const);
export type OpType = (typeof OpType)[keyof typeof OpType];
const GREATEST_TYPE = OpType.relocated;

export interface Op {
  type: OpType;
  clusterID: number;
  nodeID: number;
  /** Of the first entry, or of the snapshot; 0 where neither is meant. */
  index: number;
  /** Of entries. */
  count: number;
  body: Uint8Array;
}

export const OP_HEADER_BYTES = 40;
const NO_BODY = new Uint8Array(0);

export function makeOp(
  type: OpType,
  { clusterID, nodeID }: { clusterID: number; nodeID: number },
  { index = 0, count = 0, body = NO_BODY }: Partial<Op> = {},
): Op {
  return { type, clusterID, nodeID, index, count, body };
}

export function opSizeBytes({ body }: Op): number {
  return OP_HEADER_BYTES + body.length;
}

/** Binds the checksums of ops to their segment. */
export function opSeedOf({ segment, salt }: SegmentID): number {
  const bytes = new Uint8Array(12);
  const view = viewOf(bytes);
  view.setBigUint64(0, salt, true);
  view.setUint32(8, segment, true);
  return crc32(bytes);
}

/** Where an op lies in its segment. Its checksum covers that too: bytes of another place are not taken for it. */
export interface OpPlace {
  seed: number;
  fileOffset: number;
}

function startOf({ seed, fileOffset }: OpPlace): number {
  return (seed ^ fileOffset) >>> 0;
}

export function putOp(target: Uint8Array, at: number, op: Op, place: OpPlace): void {
  const bytes = target.subarray(at, at + opSizeBytes(op));
  const view = viewOf(bytes);
  view.setUint32(4, op.type, true);
  view.setUint32(8, op.body.length, true);
  view.setUint32(12, op.count, true);
  putUint64(view, 16, op.clusterID);
  putUint64(view, 24, op.nodeID);
  putUint64(view, 32, op.index);
  bytes.set(op.body, OP_HEADER_BYTES);
  view.setUint32(0, crc32(bytes.subarray(4), startOf(place)), true);
}

/** The op at `at`, its body a view of `bytes`; undefined if it is not as it was written. */
export function readOp(bytes: Uint8Array, at: number, place: OpPlace): Op | undefined {
  if (at + OP_HEADER_BYTES > bytes.length) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, OP_HEADER_BYTES);
  const type = view.getUint32(4, true);
  const end = at + OP_HEADER_BYTES + view.getUint32(8, true);
  if (type < 1 || type > GREATEST_TYPE || end > bytes.length) return undefined;
  if (view.getUint32(0, true) !== crc32(bytes.subarray(at + 4, end), startOf(place))) return undefined;
  return {
    type: type as OpType,
    count: view.getUint32(12, true),
    clusterID: getUint64(view, 16),
    nodeID: getUint64(view, 24),
    index: getUint64(view, 32),
    body: bytes.subarray(at + OP_HEADER_BYTES, end),
  };
}

export interface PlacedOp {
  op: Op;
  /** In its file. */
  offset: number;
}

/** All ops of a payload, which begins at `payloadOffset` of its file; undefined if it does not consist of them. */
export function readOps(
  payload: Uint8Array,
  count: number,
  { seed, payloadOffset }: { seed: number; payloadOffset: number },
): PlacedOp[] | undefined {
  const ops: PlacedOp[] = [];
  let at = 0;
  while (at < payload.length) {
    const offset = payloadOffset + at;
    const op = readOp(payload, at, { seed, fileOffset: offset });
    if (op === undefined) return undefined;
    ops.push({ op, offset });
    at += opSizeBytes(op);
  }
  return ops.length === count ? ops : undefined;
}
