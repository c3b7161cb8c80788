import { crc32 } from 'node:zlib';

/** Length and checksum, before each payload. */
const HEADER_BYTES = 8;
/** In place of a length: nothing more will come. */
const END_MARK = 0xffff_ffff;

export const PING_FRAME: Buffer = Buffer.alloc(HEADER_BYTES);
export const END_FRAME: Buffer = Buffer.alloc(HEADER_BYTES, 0xff);

export function headerOf(payload: Uint8Array): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(payload.length, 0);
  header.writeUInt32BE(crc32(payload), 4);
  return header;
}

export function frameOf(payload: Uint8Array): Buffer {
  return Buffer.concat([headerOf(payload), payload]);
}

export interface FrameRules {
  maxBytes: number;
  checksSums: boolean;
  /** Whether a header that comes in two parts is put together; false only in a transport that is wrong on purpose. */
  joinsHeaders: boolean;
  /** Whether room is made for a payload when its length is there; true only in one that is wrong on purpose. */
  allocatesAhead: boolean;
}

/** Puts frames together, however the network has cut them up. */
export class FrameReader {
  readonly #rules: FrameRules;
  #parts: Buffer[] = [];
  #sizeBytes = 0;
  #room = Buffer.alloc(0);
  #neededBytes = HEADER_BYTES;

  constructor(rules: FrameRules) {
    this.#rules = rules;
  }

  push(bytes: Buffer): void {
    if (!this.#rules.joinsHeaders && this.#sizeBytes + bytes.length < HEADER_BYTES) return;
    this.#parts.push(bytes);
    this.#sizeBytes += bytes.length;
  }

  /** The next payload, `end`, or undefined until more has come. Throws for what is no frame. */
  next(): Buffer | 'end' | undefined {
    for (;;) {
      if (this.#sizeBytes < this.#neededBytes) return undefined;
      const all = this.#parts.length === 1 && this.#parts[0] ? this.#parts[0] : Buffer.concat(this.#parts);
      const length = all.readUInt32BE(0);
      this.#parts = [all];
      if (length === END_MARK) return 'end';
      if (length > this.#rules.maxBytes) throw new Error(`a frame of ${length} bytes`);
      this.#neededBytes = HEADER_BYTES + length;
      if (this.#rules.allocatesAhead && this.#room.length < length) this.#room = Buffer.alloc(length);
      if (this.#sizeBytes < this.#neededBytes) return undefined;
      const payload = Buffer.from(all.subarray(HEADER_BYTES, this.#neededBytes));
      this.#take(all.subarray(this.#neededBytes));
      if (length === 0) continue;
      if (this.#rules.checksSums && crc32(payload) !== all.readUInt32BE(4))
        throw new Error('a wrong checksum');
      return payload;
    }
  }

  #take(rest: Buffer): void {
    this.#parts = [rest];
    this.#sizeBytes = rest.length;
    this.#neededBytes = HEADER_BYTES;
  }
}
