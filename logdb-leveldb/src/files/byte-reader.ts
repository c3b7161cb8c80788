/** Reads LevelDB's integers and byte strings one after another. Throws RangeError where the data ends first. */
export class ByteReader {
  position: number;
  readonly #data: Buffer;
  readonly #end: number;

  constructor(data: Buffer, start = 0, end = data.length) {
    this.#data = data;
    this.position = start;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.position >= this.#end;
  }

  byte(): number {
    if (this.position >= this.#end) throw new RangeError('the data ends in the middle of a field');
    return this.#data[this.position++]!;
  }

  /** Seven bits a byte, the lowest first. Numbers above Number.MAX_SAFE_INTEGER are refused. */
  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (!Number.isSafeInteger(value)) throw new RangeError('a number is too large');
      if (byte < 0x80) return value;
    }
  }

  skip(count: number): void {
    if (this.position + count > this.#end) throw new RangeError('the data ends in the middle of a field');
    this.position += count;
  }

  /** Skips bytes that are stored behind their number. */
  skipString(): void {
    this.skip(this.varint());
  }
}
