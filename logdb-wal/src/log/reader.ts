import {
  type Entry,
  type EntrySlice,
  ENTRY_OVERHEAD_BYTES,
  ErrLogDBCorrupt,
  type NodeInfo,
  decodeEntries,
  entrySizeBytes,
  sliceEntries,
} from '@drakkar/raftio';
import { fieldOf } from '@drakkar/raftio/kv';
import { type Op, OpType, readOp } from '../format/ops.js';
import type { Piece } from '../index/pieces.js';
import type { Replica } from '../index/replica.js';
import type { Segment, Segments } from './segments.js';

/** What one read of a file takes along between two pieces: the alignment of frames, at most. */
const GAP_BYTES = 8 * 1024;
const READ_BYTES = 1024 * 1024;

/** A piece, or its part that is wanted, and its segment, which stays until it is released. */
export interface PinnedPiece extends Piece {
  in: Segment;
}

/** Pins what may be needed of the entries from `low` up to `high`; stops before a gap. */
export function pinPieces(
  segments: Segments,
  replica: Replica,
  range: { low: number; high: number; maxSizeBytes: number },
): PinnedPiece[] {
  const { pieces } = replica;
  const pinned: PinnedPiece[] = [];
  let next = range.low;
  let leastBytes = 0;
  for (let at = pieces.findAbove(next - 1); at < pieces.length && next < range.high; at++) {
    const piece = pieces.at(at);
    if (piece.first > next) break;
    const last = Math.min(piece.first + piece.count, range.high);
    const segment = segments.get(piece.segment);
    segments.pin(segment);
    pinned.push({ ...piece, first: next, count: last - next, in: segment });
    leastBytes += (last - next) * ENTRY_OVERHEAD_BYTES;
    next = last;
    if (leastBytes > range.maxSizeBytes) break;
  }
  return pinned;
}

/** Reads pinned pieces in order, and finds out whether what is there is what was written. */
export class EntryReader {
  readonly #pieces: readonly PinnedPiece[];
  readonly #of: NodeInfo;
  /** Bytes of the file of one segment, from an offset on. */
  #chunk = new Uint8Array(0);
  #chunkOffset = 0;
  #chunkSegment: Segment | undefined;

  constructor(of: NodeInfo, pieces: readonly PinnedPiece[]) {
    this.#of = of;
    this.#pieces = pieces;
  }

  async read(maxSizeBytes: number): Promise<EntrySlice> {
    const slice: EntrySlice = { entries: [], sizeBytes: 0 };
    for (const [i, piece] of this.#pieces.entries()) {
      const bytes = await this.blockOf(i);
      for (const entry of this.#decode(piece, bytes)) {
        const sizeBytes = entrySizeBytes(entry);
        if (slice.entries.length > 0 && slice.sizeBytes + sizeBytes > maxSizeBytes) return slice;
        slice.entries.push(entry);
        slice.sizeBytes += sizeBytes;
      }
    }
    return slice;
  }

  /** The entries of that piece, encoded. */
  async blockOf(i: number): Promise<Uint8Array> {
    const piece = this.#pieces[i] as PinnedPiece;
    await this.#load(i);
    const at = piece.offset - this.#chunkOffset;
    const whole = this.#chunk.subarray(at, at + piece.sizeBytes);
    const op = readOp(whole, 0, { seed: piece.in.seed, fileOffset: piece.offset });
    if (op === undefined) throw this.#corrupt(piece, 'the checksum does not match');
    this.#checkOp(piece, op);
    const isSmallPart = 2 * op.body.length < this.#chunk.length;
    const body = isSmallPart ? op.body.slice() : op.body;
    try {
      return sliceEntries(body, piece.first - op.index, piece.count);
    } catch (error) {
      throw this.#corrupt(piece, 'its entries do not decode', error);
    }
  }

  #checkOp(piece: PinnedPiece, op: Op): void {
    const isEntries = op.type === OpType.entries || op.type === OpType.relocated;
    const isOurs = op.clusterID === this.#of.clusterID && op.nodeID === this.#of.nodeID;
    const hasAll = op.index <= piece.first && op.index + op.count >= piece.first + piece.count;
    if (!isEntries || !isOurs || !hasAll) throw this.#corrupt(piece, 'something else lies there');
  }

  /** Reads the op of a piece, and with it those that lie close behind. */
  async #load(i: number): Promise<void> {
    const piece = this.#pieces[i] as PinnedPiece;
    const from = piece.offset;
    let end = from + piece.sizeBytes;
    const isThere =
      this.#chunkSegment === piece.in &&
      from >= this.#chunkOffset &&
      end <= this.#chunkOffset + this.#chunk.length;
    if (isThere) return;
    for (const next of this.#pieces.slice(i + 1)) {
      const isNear = next.in === piece.in && next.offset >= end && next.offset <= end + GAP_BYTES;
      const nextEnd = next.offset + next.sizeBytes;
      if (!isNear || nextEnd - from > READ_BYTES) break;
      end = nextEnd;
    }
    const chunk = new Uint8Array(end - from);
    const readBytes = await piece.in.openFile.read(chunk, from);
    if (readBytes !== chunk.length) throw this.#corrupt(piece, 'the file is too short');
    this.#chunk = chunk;
    this.#chunkOffset = from;
    this.#chunkSegment = piece.in;
  }

  #decode(piece: PinnedPiece, bytes: Uint8Array): Entry[] {
    try {
      const entries = decodeEntries(bytes);
      const isRight = entries.length === piece.count && entries[0]?.index === piece.first;
      if (isRight) return entries;
    } catch (error) {
      throw this.#corrupt(piece, 'its entries do not decode', error);
    }
    throw this.#corrupt(piece, 'it has other entries');
  }

  #corrupt(piece: PinnedPiece, why: string, cause?: unknown): ErrLogDBCorrupt {
    const { clusterID, nodeID } = this.#of;
    const entryIndex = fieldOf(fieldOf(cause, 'details'), 'index');
    const index = typeof entryIndex === 'number' ? entryIndex : piece.first;
    const segment = piece.in.segment;
    return new ErrLogDBCorrupt(
      `log record at index ${index} of group ${clusterID}, node ${nodeID}, at byte ${piece.offset} of segment ` +
        `${segment}: ${why}`,
      { cause, details: { clusterID, nodeID, kind: 'log', index, segment, offset: piece.offset } },
    );
  }
}
