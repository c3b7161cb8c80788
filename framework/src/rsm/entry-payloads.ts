import { type Entry, EntryType, MAX_PROPOSAL_PAYLOAD_BYTES } from '@drakkar/raftio';
import { type CompressionType, type SnappyCodec, snappyLength } from '../compression/snappy.js';

/**
 * The first byte of an encoded entry's payload, as in Dragonboat since v3.0: version 0 in the upper four bits,
 * snappy in the three below, no session in the last. What follows is one block of snappy.
 */
const SNAPPY_V0 = 0x02;
/** Below this nothing is won: what could be saved is about what a block and the first byte add. */
const MIN_COMPRESSED_BYTES = 32;

/** Commands on their way into entries and out of them again, for one replica. */
export class EntryPayloads {
  readonly #snappy: SnappyCodec | undefined;
  readonly #compresses: boolean;

  /** @param snappy undefined where its native code can't be loaded; then compressed entries can't be read */
  constructor(compression: CompressionType, snappy: SnappyCodec | undefined) {
    this.#snappy = snappy;
    this.#compresses = compression === 'snappy';
  }

  /** The payload of an EncodedEntry; undefined when the command is better left as it is. */
  compress(cmd: Uint8Array): Uint8Array | undefined {
    if (!this.#compresses || this.#snappy === undefined || cmd.length < MIN_COMPRESSED_BYTES)
      return undefined;
    const block = this.#snappy.compressSync(cmd);
    if (block.length + 1 >= cmd.length) return undefined;
    const payload = new Uint8Array(block.length + 1);
    payload[0] = SNAPPY_V0;
    payload.set(block, 1);
    return payload;
  }

  /**
   * The command that was proposed. Takes no more memory than the largest command may have, whatever the entry
   * declares. Throws when the payload is damaged, or of a form that this release does not know.
   */
  command(entry: Entry): Uint8Array {
    if (entry.type !== EntryType.EncodedEntry) return entry.cmd;
    const { cmd } = entry;
    const [form] = cmd;
    if (form === undefined) throw new Error('it is empty');
    if (form !== SNAPPY_V0) throw new Error(`form 0x${form.toString(16)} is not known to this release`);
    const block = cmd.subarray(1);
    const sizeBytes = snappyLength(block);
    if (sizeBytes === undefined) throw new Error('it declares no length');
    if (sizeBytes > MAX_PROPOSAL_PAYLOAD_BYTES) {
      throw new Error(`it declares ${sizeBytes} bytes; a command has ${MAX_PROPOSAL_PAYLOAD_BYTES} at most`);
    }
    if (this.#snappy === undefined) throw new Error("snappy can't be loaded on this platform");
    return this.#snappy.decompressSync(block, sizeBytes);
  }

  /** Whether every state machine will be able to read the entry. */
  isSound(entry: Entry): boolean {
    if (entry.type !== EntryType.EncodedEntry) return true;
    try {
      this.command(entry);
      return true;
    } catch {
      return false;
    }
  }
}
