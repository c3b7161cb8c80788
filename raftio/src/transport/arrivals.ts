import { type DrakkarError, hasErrorCode } from '../errors.js';
import type { ChecksumRule, DamagedPart } from '../raftpb/checksum.js';
import { isSealed } from '../raftpb/checksum.js';
import { decodeSnapshotChunk } from '../raftpb/chunk-codec.js';
import { type EntryForm, decodeMessageBatch } from '../raftpb/message-codec.js';
import type { MessageBatch, SnapshotChunk } from '../raftpb/types.js';
import type { Damage, RaftRPCCounters } from '../rpc.js';

type DamageCounters = Pick<RaftRPCCounters, 'damagedBatches' | 'damagedChunks' | 'damagedEntries'>;

const COUNTER_OF: Readonly<Record<DamagedPart, keyof DamageCounters>> = {
  batch: 'damagedBatches',
  chunk: 'damagedChunks',
  entry: 'damagedEntries',
};

/** What comes in on the connections of a transport, decoded; damage is counted and told of. */
export class Arrivals {
  readonly #onDamage: ((damage: Damage) => void) | undefined;
  readonly #counters: DamageCounters = { damagedBatches: 0, damagedChunks: 0, damagedEntries: 0 };

  constructor(onDamage: ((damage: Damage) => void) | undefined) {
    this.#onDamage = onDamage;
  }

  get counters(): DamageCounters {
    return { ...this.#counters };
  }

  /** For one connection that a client at `peer` has made. */
  from(peer: string): Arrival {
    return new Arrival(peer, (damage) => {
      this.#counters[COUNTER_OF[damage.part]] += 1;
      this.#onDamage?.(damage);
    });
  }
}

/**
 * What comes in on one connection. A client that said hello gives every batch and chunk a checksum, and so does one
 * that has given one: from then on none is taken without. Hosts of 0.1 and of Dragonboat say no hello and give none.
 */
export class Arrival {
  readonly #peer: string;
  readonly #onDamage: (damage: Damage) => void;
  #from: string | undefined;
  #rule: ChecksumRule = 'optional';

  constructor(peer: string, onDamage: (damage: Damage) => void) {
    this.#peer = peer;
    this.#onDamage = onDamage;
  }

  /** The hello of the client: whom it means, and who it is. Of both, one may be lost on the way. */
  introduce(to: string | undefined, from: string | undefined): void {
    this.#from = from;
    if (to !== undefined || from !== undefined) this.#rule = 'required';
  }

  /** As `decodeMessageBatch`. What it throws is to end the connection. */
  batch(bytes: Uint8Array, entryForm?: EntryForm): MessageBatch {
    return this.#decode(bytes, () => decodeMessageBatch(bytes, entryForm, this.#rule));
  }

  /** As `decodeSnapshotChunk`. What it throws is to end the connection. */
  chunk(bytes: Uint8Array): SnapshotChunk {
    return this.#decode(bytes, () => decodeSnapshotChunk(bytes, this.#rule));
  }

  /**
   * What a transport adds to a batch or chunk of its own, as a checksum or a number, does not fit. What it came in is to
   * end the connection.
   *
   * @param bytes all that came, where that may be a batch of a host that took this one for one of Dragonboat, and added
   * nothing: that is no damage
   */
  damaged(part: 'batch' | 'chunk', reason: string, bytes?: Uint8Array): void {
    if (bytes !== undefined && isForDragonboat(bytes)) return;
    this.#onDamage({ part, peer: this.#peer, from: this.#from, reason });
  }

  #decode<T>(bytes: Uint8Array, decode: () => T): T {
    try {
      const decoded = decode();
      if (this.#rule === 'optional' && isSealed(bytes)) this.#rule = 'required';
      return decoded;
    } catch (error) {
      const found = damagedPartOf(error);
      const part = found === 'batch' && isForDragonboat(bytes) ? undefined : found;
      if (part !== undefined) {
        const reason = (error as Error).message;
        this.#onDamage({ part, peer: this.#peer, from: this.#from, reason });
      }
      throw error;
    }
  }
}

function damagedPartOf(error: unknown): DamagedPart | undefined {
  if (!hasErrorCode(error, 'ERR_MALFORMED')) return undefined;
  return (error as DrakkarError).details['damaged'] as DamagedPart | undefined;
}

/**
 * Whether a batch has no checksum since its sender took this host for one of Dragonboat: then it does not say what its
 * sender knows either.
 */
function isForDragonboat(bytes: Uint8Array): boolean {
  if (isSealed(bytes)) return false;
  try {
    return decodeMessageBatch(bytes, 'colfer').features === undefined;
  } catch {
    return false;
  }
}
