import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { IStateMachine, SnapshotWriter } from '@drakkar/framework';
import { type Uint64, uint64FromHalves } from '@drakkar/raftio';
import { type Ledger, type LedgerRecord, addToLedger } from './ledger.js';

/** What clients have a group do. Each is of one client, which numbers its commands from 1 without gaps. */
export type ChaosCommand = { key: string; value: number; client: number; seq: number } & (
  | { op: 'put' }
  /** Writes `value` if the key holds `expected`; null: nothing. */
  | { op: 'cas'; expected: number | null }
);

/** The whole state of a replica. */
export interface ChaosState {
  values: [key: string, value: number][];
  ledger: LedgerRecord[];
  /** Commands applied since the beginning. */
  writeCount: number;
}

/** What replicas are compared by. */
export interface ChaosDigest {
  writeCount: number;
  /** Of all values and the ledger. */
  hash: string;
  /** Hash over all commands up to every fiftieth one, for those that this replica has applied itself. */
  checkpoints: [writeCount: number, hash: number][];
}

/** What makes snapshots a burden, for some time. */
export interface SnapshotBurden {
  /** In each, beside what is there anyway. */
  extraBytes: number;
  /** How long a save takes before it begins, unless the burden ends sooner. */
  delayMs: number;
  over: AbortSignal;
}

interface Saved {
  state: ChaosState;
  chain: number;
  fillerBytes: number;
}

const CHECKPOINT_EVERY = 50;
const CHECKPOINTS_KEPT = 400;
const WRITE_BLOCK_BYTES = 64 * 1024;
const SMALL_FILLER_BYTES = 16 * 1024;
const LARGE_FILLER_BYTES = 1024 * 1024;
const FILLER_UNIT = createHash('sha512').update('filler').digest();

/** What `update` answers to what is no command; nobody has so many applied. */
export const REFUSED = Number.MAX_SAFE_INTEGER;

/** A command as it is proposed: blanks behind it make it as large as that. */
export function encodeCommand(command: string, sizeBytes: number): Buffer {
  return Buffer.from(command.padEnd(sizeBytes, ' '));
}

/** `undefined` for what is no command: to throw would stop every replica, at each restart again. */
function parse(cmd: Uint8Array): ChaosCommand | undefined {
  try {
    const command = JSON.parse(Buffer.from(cmd).toString()) as Partial<ChaosCommand> | null;
    const isCommand = command?.op === 'put' || command?.op === 'cas';
    return isCommand ? (command as ChaosCommand) : undefined;
  } catch {
    return undefined;
  }
}

/** Query that asks for the state, `key` for the value of a key. */
export const STATE_QUERY = '*';

/**
 * A replicated map with compare and set, which also keeps a ledger of what each client has had it apply, so that a
 * command that was lost or applied twice shows. Snapshots carry a filler, so that their streams take some time.
 */
export class ChaosStateMachine implements IStateMachine {
  /** While there is one. */
  burden: SnapshotBurden | undefined;
  readonly #fillerBytes: number;
  #values = new Map<string, number>();
  #ledger: Ledger = new Map();
  #writeCount = 0;
  #chain = 0x811c9dc5;
  #checkpoints: [number, number][] = [];

  /** One group in eight has large snapshots. */
  constructor(clusterID: number) {
    this.#fillerBytes = clusterID % 8 === 0 ? LARGE_FILLER_BYTES : SMALL_FILLER_BYTES;
  }

  /** A put gives the count of commands so far; a compare and set 1 if it wrote, otherwise 0; no command `REFUSED`. */
  update(cmd: Uint8Array): Uint64 {
    const command = parse(cmd);
    if (command === undefined) return REFUSED;
    this.#writeCount += 1;
    this.#chain = hash32(cmd, this.#chain);
    if (this.#writeCount % CHECKPOINT_EVERY === 0) {
      this.#checkpoints.push([this.#writeCount, this.#chain]);
      if (this.#checkpoints.length > CHECKPOINTS_KEPT) this.#checkpoints.shift();
    }
    addToLedger(this.#ledger, command.client, command.seq);
    if (command.op === 'cas' && (this.#values.get(command.key) ?? null) !== command.expected) return 0;
    this.#values.set(command.key, command.value);
    return command.op === 'cas' ? 1 : this.#writeCount;
  }

  /** JSON: the value of a key, or null; for the query `STATE_QUERY` a `ChaosState`. */
  lookup(query: Uint8Array): Uint8Array {
    const key = Buffer.from(query).toString();
    return Buffer.from(JSON.stringify(key === STATE_QUERY ? this.#state() : (this.#values.get(key) ?? null)));
  }

  digest(): ChaosDigest {
    const hash = createHash('sha1').update(JSON.stringify(this.#state())).digest('hex');
    return { writeCount: this.#writeCount, hash, checkpoints: [...this.#checkpoints] };
  }

  #state(): ChaosState {
    return {
      values: [...this.#values].sort(([a], [b]) => (a < b ? -1 : 1)),
      ledger: [...this.#ledger].map(([client, record]) => ({ client, ...record })),
      writeCount: this.#writeCount,
    };
  }

  async saveSnapshot(writer: SnapshotWriter, _files: unknown, signal: AbortSignal): Promise<void> {
    const fillerBytes = this.#fillerBytes + (this.burden?.extraBytes ?? 0);
    const content = Buffer.from(
      JSON.stringify({ state: this.#state(), chain: this.#chain, fillerBytes } satisfies Saved),
    );
    if (this.burden !== undefined && this.burden.delayMs > 0) {
      const signals = AbortSignal.any([signal, this.burden.over]);
      await delay(this.burden.delayMs, undefined, { signal: signals }).catch(() => undefined);
    }
    const head = Buffer.alloc(8);
    head.writeDoubleLE(content.length);
    await writer.write(Buffer.concat([head, content]));
    const block = fillerBlock(WRITE_BLOCK_BYTES);
    for (let left = fillerBytes; left > 0; left -= block.length) {
      signal.throwIfAborted();
      await writer.write(block.subarray(0, left));
    }
  }

  async recoverFromSnapshot(
    reader: AsyncIterable<Uint8Array>,
    _files: unknown,
    signal: AbortSignal,
  ): Promise<void> {
    const pieces: Uint8Array[] = [];
    for await (const piece of reader) {
      signal.throwIfAborted();
      pieces.push(Uint8Array.prototype.slice.call(piece));
    }
    const all = Buffer.concat(pieces);
    const end = 8 + all.readDoubleLE(0);
    const { state, chain, fillerBytes } = JSON.parse(all.toString('utf8', 8, end)) as Saved;
    if (!all.subarray(end).equals(fillerBlock(fillerBytes))) {
      throw new RangeError('a snapshot whose filler is not as it was written');
    }
    this.#values = new Map(state.values);
    this.#ledger = new Map(state.ledger.map(({ client, ...record }) => [client, record]));
    this.#writeCount = state.writeCount;
    this.#chain = chain;
  }

  close(): void {
    this.#values.clear();
  }

  getHash(): Uint64 {
    return uint64FromHalves(this.#chain, this.#writeCount);
  }
}

function fillerBlock(sizeBytes: number): Buffer {
  return Buffer.alloc(sizeBytes, FILLER_UNIT);
}

/** FNV-1a. */
function hash32(bytes: Uint8Array, start: number): number {
  let hash = start;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
}
