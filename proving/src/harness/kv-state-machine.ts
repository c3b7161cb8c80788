import { Buffer } from 'node:buffer';
import type { IStateMachine, SnapshotWriter } from '@drakkar/framework';
import type { Uint64 } from '@drakkar/raftio';
import {
  KVOp,
  KVQuery,
  type KVRecord,
  asBuffer,
  decodeCommand,
  decodeRecord,
  encodeDigestAnswer,
  encodeRecord,
} from './kv-commands.js';
import { SetHash } from './kv-hash.js';

/** What `update` answers to what is no command; no key has so many versions. */
export const REFUSED = Number.MAX_SAFE_INTEGER;

interface Stored {
  version: number;
  value: Uint8Array;
}

const SCAN_ANSWER_BYTES = 1024 * 1024;
const SNAPSHOT_BLOCK_BYTES = 256 * 1024;
const NOTHING = new Uint8Array(0);

/**
 * A replicated map from strings to bytes. A put answers with the key's version, which is one more than before: a
 * client that alone writes a key can tell from it that each of its writes took effect once. A delete answers 1 if
 * there was something to delete, else 0. What is no command changes nothing, and is answered with `REFUSED`: to throw
 * would stop every replica, one after the other and at each restart.
 */
export class KVStateMachine implements IStateMachine {
  readonly #records = new Map<string, Stored>();
  readonly #hash = new SetHash();
  #writeCount = 0;

  update(cmd: Uint8Array): Uint64 {
    const command = decodeCommand(cmd);
    if (command === undefined) return REFUSED;
    const { op, key, value } = command;
    this.#writeCount += 1;
    const stored = this.#records.get(key);
    if (stored !== undefined) this.#hash.remove(key, stored.version, stored.value);
    if (op === KVOp.delete) return Number(this.#records.delete(key));
    return this.#store({ key, version: (stored?.version ?? 0) + 1, value });
  }

  /** Keeps a copy of the value: what it was given may be part of a larger buffer of the log. */
  #store({ key, version, value }: KVRecord): number {
    const copy = Uint8Array.prototype.slice.call(value);
    this.#records.set(key, { version, value: copy });
    this.#hash.add(key, version, copy);
    return version;
  }

  lookup(query: Uint8Array): Uint8Array {
    const op = query[0];
    const key = asBuffer(query).toString('utf8', 1);
    if (op === KVQuery.get) {
      const stored = this.#records.get(key);
      return stored === undefined ? NOTHING : encodeRecord({ key, ...stored });
    }
    if (op === KVQuery.scan) return this.#scan(key);
    if (op === KVQuery.digest) {
      const hash = this.getHash().toString(16).padStart(16, '0');
      return encodeDigestAnswer({ writeCount: this.#writeCount, keyCount: this.#records.size, hash });
    }
    throw new RangeError(`not a query: ${String(op)}`);
  }

  #scan(after: string): Uint8Array {
    const answer: Uint8Array[] = [];
    let sizeBytes = 0;
    for (const key of [...this.#records.keys()].filter((candidate) => candidate > after).sort()) {
      const record = encodeRecord({ key, ...(this.#records.get(key) as Stored) });
      answer.push(record);
      sizeBytes += record.length;
      if (sizeBytes >= SCAN_ANSWER_BYTES) break;
    }
    return Buffer.concat(answer);
  }

  async saveSnapshot(writer: SnapshotWriter, _files: unknown, signal: AbortSignal): Promise<void> {
    const head = Buffer.alloc(8);
    head.writeDoubleLE(this.#writeCount);
    let block: Uint8Array[] = [head];
    let sizeBytes = head.length;
    for (const [key, stored] of this.#records) {
      const record = encodeRecord({ key, ...stored });
      block.push(record);
      sizeBytes += record.length;
      if (sizeBytes < SNAPSHOT_BLOCK_BYTES) continue;
      signal.throwIfAborted();
      await writer.write(Buffer.concat(block));
      block = [];
      sizeBytes = 0;
    }
    await writer.write(Buffer.concat(block));
  }

  async recoverFromSnapshot(
    reader: AsyncIterable<Uint8Array>,
    _files: unknown,
    signal: AbortSignal,
  ): Promise<void> {
    this.#records.clear();
    this.#hash.clear();
    let isHeadRead = false;
    let rest = Buffer.alloc(0);
    for await (const chunk of reader) {
      signal.throwIfAborted();
      rest = Buffer.concat([rest, chunk]);
      let offset = 0;
      if (!isHeadRead) {
        if (rest.length < 8) continue;
        this.#writeCount = rest.readDoubleLE(0);
        isHeadRead = true;
        offset = 8;
      }
      for (let next = decodeRecord(rest, offset); next !== undefined; next = decodeRecord(rest, offset)) {
        this.#store(next.record);
        offset = next.nextOffset;
      }
      rest = rest.subarray(offset);
    }
    if (!isHeadRead || rest.length > 0) throw new RangeError('a snapshot that is cut short');
  }

  close(): void {
    this.#records.clear();
  }

  getHash(): Uint64 {
    return this.#hash.valueWith(this.#writeCount);
  }
}
