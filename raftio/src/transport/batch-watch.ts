import { MessageType } from '../raftpb/types.js';
import { Reader } from '../raftpb/wire/reader.js';
import type { ArrivalHandler, ArrivingMessage } from '../rpc.js';

/** Where a frame begins: how long what is before its batch is, and the batch; `undefined`: more bytes are needed. */
export type FrameHead = { headBytes: number; batchBytes: number } | undefined;

/** A smaller batch is all there before anybody grows impatient. */
const MIN_BATCH_BYTES = 64 * 1024;
/** Has the tag and length of a message and its first five fields, whatever their values. */
const MESSAGE_HEAD_BYTES = 96;
const MAX_MESSAGES = 64;
const REQUESTS_TAG = 0x0a;
const WIRE_TYPE_BITS = 3;
const TERM_FIELD = 5;
/** Larger pieces are not looked at for frames. */
const MAX_PIECE_BYTES = 8 * 1024;
const NOTHING = new Uint8Array(0);

const OF_LEADERS: ReadonlySet<number> = new Set<number>([
  MessageType.Replicate,
  MessageType.Heartbeat,
  MessageType.InstallSnapshot,
]);

/**
 * Reads along while a batch arrives, and reports which leaders' messages have begun to. It never fails: what it can't
 * read it does not report.
 */
export class BatchWatch {
  readonly #onArriving: ArrivalHandler;
  #messages: ArrivingMessage[] = [];
  /** Of the message that was read last: bytes that are still to come. */
  #skipBytes = 0;
  /** The beginning of a message, too little to be read. */
  #carried: Uint8Array = NOTHING;
  #isDone = true;

  constructor(onArriving: ArrivalHandler) {
    this.#onArriving = onArriving;
  }

  /** @param sizeBytes of the whole batch */
  begin(sizeBytes: number): void {
    this.#messages = [];
    this.#skipBytes = 0;
    this.#carried = NOTHING;
    this.#isDone = sizeBytes < MIN_BATCH_BYTES;
  }

  /** The next bytes, which are not the last ones. They are not kept. */
  add(bytes: Uint8Array): void {
    if (!this.#isDone) this.#read(this.#carried.length === 0 ? bytes : joined(this.#carried, bytes));
    if (this.#messages.length > 0) this.#onArriving(this.#messages);
  }

  #read(bytes: Uint8Array): void {
    let pos = 0;
    while (!this.#isDone) {
      const skipped = Math.min(this.#skipBytes, bytes.length - pos);
      this.#skipBytes -= skipped;
      pos += skipped;
      if (bytes.length - pos < MESSAGE_HEAD_BYTES) break;
      this.#readHead(bytes.subarray(pos, pos + MESSAGE_HEAD_BYTES));
    }
    this.#carried = new Uint8Array(bytes.subarray(pos));
  }

  #readHead(bytes: Uint8Array): void {
    try {
      const reader = new Reader(bytes);
      if (reader.tag() !== REQUESTS_TAG) throw new RangeError('behind the last message');
      const sizeBytes = reader.uint();
      this.#skipBytes = reader.pos + sizeBytes;
      reader.end = Math.min(reader.end, this.#skipBytes);
      const message = readFields(reader);
      if (OF_LEADERS.has(message.type)) this.#messages.push(message);
      this.#isDone = this.#messages.length >= MAX_MESSAGES;
    } catch {
      this.#isDone = true;
    }
  }
}

function readFields(reader: Reader): ArrivingMessage {
  const values: number[] = [];
  while (reader.pos < reader.end) {
    const tag = reader.tag();
    const field = tag >>> WIRE_TYPE_BITS;
    if (field > TERM_FIELD || tag !== field << WIRE_TYPE_BITS) break;
    values[field] = reader.uint();
  }
  const [, type = 0, to = 0, from = 0, clusterID = 0, term = 0] = values;
  return { type: type as MessageType, to, from, clusterID, term };
}

/** Finds batches in the bytes of a connection, as they come, and lets a `BatchWatch` read along. */
export class StreamWatch {
  readonly #batch: BatchWatch;
  readonly #headOf: (bytes: Uint8Array) => FrameHead;
  #carried: Uint8Array = NOTHING;
  /** Of the batch that is arriving. */
  #leftBytes = 0;
  #framesWithin = 0;
  #isLost = false;

  /** @param headOf asked with the bytes from the beginning of a frame on; throws for what is none, and is asked no more */
  constructor(onArriving: ArrivalHandler, headOf: (bytes: Uint8Array) => FrameHead) {
    this.#batch = new BatchWatch(onArriving);
    this.#headOf = headOf;
  }

  /** Whether a batch has begun to arrive, and is not whole. */
  get isMidBatch(): boolean {
    return !this.#isLost && (this.#leftBytes > 0 || this.#carried.length > 0);
  }

  /**
   * Pieces that came in the midst of the batch that is arriving, and are whole frames by themselves: it is longer than
   * it was, and takes in what follows.
   */
  get framesWithin(): number {
    return this.#framesWithin;
  }

  /** Whether something came that is no frame. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** All bytes, in order. They are not kept. */
  read(chunk: Uint8Array): void {
    if (this.#isLost) return;
    if (this.#leftBytes > chunk.length) {
      this.#leftBytes -= chunk.length;
      if (chunk.length <= MAX_PIECE_BYTES && this.#isFrames(chunk)) this.#framesWithin += 1;
      this.#batch.add(chunk);
      return;
    }
    this.#framesWithin = 0;
    let bytes = this.#carried.length === 0 ? chunk : joined(this.#carried, chunk);
    let pos = this.#leftBytes;
    this.#leftBytes = 0;
    this.#carried = NOTHING;
    while (pos < bytes.length) {
      if (pos > 0) bytes = bytes.subarray(pos);
      const head = this.#safeHead(bytes);
      if (head === undefined) {
        // Not `slice`, which copies nothing of a Buffer.
        if (!this.#isLost) this.#carried = new Uint8Array(bytes);
        return;
      }
      pos = head.headBytes + head.batchBytes;
      if (pos <= bytes.length) continue;
      this.#leftBytes = pos - bytes.length;
      this.#batch.begin(head.batchBytes);
      this.#batch.add(bytes.subarray(head.headBytes));
    }
  }

  #isFrames(bytes: Uint8Array): boolean {
    try {
      let pos = 0;
      while (pos < bytes.length) {
        const head = this.#headOf(bytes.subarray(pos));
        // Of zeros any number of empty frames could be made, and nobody sends one.
        if (head === undefined || head.batchBytes === 0) return false;
        pos += head.headBytes + head.batchBytes;
      }
      return pos === bytes.length;
    } catch {
      return false;
    }
  }

  #safeHead(bytes: Uint8Array): FrameHead {
    try {
      return this.#headOf(bytes);
    } catch {
      // The reader of the connection sees that, too.
      this.#isLost = true;
      return undefined;
    }
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const all = new Uint8Array(first.length + second.length);
  all.set(first);
  all.set(second, first.length);
  return all;
}
