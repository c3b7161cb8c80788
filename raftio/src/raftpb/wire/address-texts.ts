import type { Reader } from './reader.js';

/** Texts that are remembered; a host hears few others at a time. */
const MAX_KNOWN = 8;
/** The length of these takes one byte; longer ones are hardly addresses, and are not remembered. */
const MAX_KNOWN_BYTES = 127;

interface Known {
  text: string;
  bytes: Uint8Array;
}

const encoder = new TextEncoder();

/** Addresses as text and as bytes: each batch carries one, nearly always one of a few, which cost no conversion. */
export class AddressTexts {
  #known: Known[] = [];
  #encoded: Known = { text: '', bytes: new Uint8Array(0) };

  /** Not to be modified: it is given out again. */
  encode(text: string): Uint8Array {
    if (text !== this.#encoded.text) this.#encoded = { text, bytes: encoder.encode(text) };
    return this.#encoded.bytes;
  }

  /** Reads a field with an address. Throws ErrMalformed when it is no text. */
  read(reader: Reader): string {
    const { buf, pos } = reader;
    const length = buf[pos] as number;
    if (pos + length < reader.end) {
      for (const { text, bytes } of this.#known) {
        if (bytes.length === length && isAt(buf, pos + 1, bytes)) {
          reader.pos = pos + 1 + length;
          return text;
        }
      }
    }
    return this.#learn(reader.string());
  }

  #learn(text: string): string {
    const bytes = encoder.encode(text);
    if (bytes.length > 0 && bytes.length <= MAX_KNOWN_BYTES)
      this.#known = [{ text, bytes }, ...this.#known].slice(0, MAX_KNOWN);
    return text;
  }
}

/** Compared from the end: addresses of one network differ there. */
function isAt(buf: Uint8Array, start: number, bytes: Uint8Array): boolean {
  for (let i = bytes.length - 1; i >= 0; i--) if (buf[start + i] !== bytes[i]) return false;
  return true;
}
