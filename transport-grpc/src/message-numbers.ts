/** Behind a message of a stream whose messages are numbered: how many came before it, as 32 bits, big-endian. */
export const NUMBER_BYTES = 4;

/**
 * Numbers the messages of a stream. HTTP/2 skips a frame whose type it does not know, and what is in it: without TLS a
 * flipped bit can take whole messages out of a stream, of which nothing else tells.
 */
export class MessageNumbers {
  #next: number;

  constructor(first = 0) {
    this.#next = first;
  }

  /** A copy of a message with its number behind it. */
  added(message: Uint8Array): Uint8Array {
    const bytes = Buffer.allocUnsafe(message.length + NUMBER_BYTES);
    bytes.set(message);
    bytes.writeUInt32BE(this.#take(), message.length);
    return bytes;
  }

  /** The message, without a copy; undefined when it is not the one that follows the last. */
  removed(bytes: Uint8Array): Uint8Array | undefined {
    const sizeBytes = bytes.length - NUMBER_BYTES;
    if (sizeBytes < 0) return undefined;
    const number = new DataView(bytes.buffer, bytes.byteOffset + sizeBytes, NUMBER_BYTES).getUint32(0);
    return number === this.#take() ? bytes.subarray(0, sizeBytes) : undefined;
  }

  #take(): number {
    const number = this.#next;
    this.#next = (number + 1) >>> 0;
    return number;
  }
}
