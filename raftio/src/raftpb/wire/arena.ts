/**
 * Memory for encoded bytes that live as long as what refers to them. Small pieces share a slab, so that most cost no
 * allocation; a slab is small, so that a piece kept for long holds little else with it. No byte is given out twice.
 */
export class Arena {
  /** Where the piece given out last begins in the array that `allocate` returned. */
  start = 0;
  /** Pieces of at most this many bytes share a slab. */
  readonly largestSharedBytes: number;
  private readonly slabBytes: number;
  private slab: Uint8Array = new Uint8Array(0);
  private used = 0;

  constructor(slabBytes: number) {
    this.slabBytes = slabBytes;
    this.largestSharedBytes = slabBytes / 4;
  }

  /** An array with `size` bytes, from `start` on, that belong to the caller. Their content is undefined. */
  allocate(size: number): Uint8Array {
    if (size > this.largestSharedBytes) {
      this.start = 0;
      return plainBytes(size);
    }
    if (this.slab.length - this.used < size) {
      this.slab = plainBytes(this.slabBytes);
      this.used = 0;
    }
    this.start = this.used;
    this.used += size;
    return this.slab;
  }

  /** Takes back what lies after `end` of the piece given out last, which must be one that shares a slab. */
  giveBack(end: number): void {
    this.used = end;
  }
}

/** Not zeroed first, which for large messages is most of the cost; every byte is written before anyone reads it. */
function plainBytes(size: number): Uint8Array {
  const fresh = Buffer.allocUnsafeSlow(size);
  return new Uint8Array(fresh.buffer, fresh.byteOffset, size);
}
