/** Entries of one log that one op holds, or the part of them that counts. */
export interface Piece {
  first: number;
  count: number;
  segment: number;
  /** Of the op, in its segment. */
  offset: number;
  /** Of the op. */
  sizeBytes: number;
}

/** Told how many bytes of which segment come into use, and go out of it. */
export interface SegmentUse {
  retain(segment: number, sizeBytes: number): void;
  release(segment: number, sizeBytes: number): void;
}

const FIRST_CAPACITY = 4;
/** From here on arrays that are nearly empty are given back. */
const LARGE = 64;
/** Columns beside the first index. */
const COUNT = 0;
const SEGMENT = 1;
const OFFSET = 2;
const SIZE = 3;
const COLUMNS = 4;

/**
 * The pieces of a log, ascending and without overlaps, 24 bytes for each. Pieces go from both ends: in front by
 * removal, behind by overwriting.
 */
export class Pieces {
  #firsts = new Float64Array(0);
  #columns = new Uint32Array(0);
  #start = 0;
  #end = 0;
  readonly #use: SegmentUse;

  constructor(use: SegmentUse) {
    this.#use = use;
  }

  get length(): number {
    return this.#end - this.#start;
  }

  /** The piece of that number, from 0 on. */
  at(i: number): Piece {
    const at = this.#start + i;
    return {
      first: this.#firsts[at] as number,
      count: this.#column(at, COUNT),
      segment: this.#column(at, SEGMENT),
      offset: this.#column(at, OFFSET),
      sizeBytes: this.#column(at, SIZE),
    };
  }

  /** Index behind the last entry of that piece. */
  endOf(i: number): number {
    const at = this.#start + i;
    return (this.#firsts[at] as number) + this.#column(at, COUNT);
  }

  firstOf(i: number): number {
    return this.#firsts[this.#start + i] as number;
  }

  segmentOf(i: number): number {
    return this.#column(this.#start + i, SEGMENT);
  }

  /** Number of the first piece that has an entry above `index`; `length` if there is none. */
  findAbove(index: number): number {
    let low = 0;
    let high = this.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.endOf(middle) > index + 1) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Entries that were just saved: what was stored from the first of them on is deleted. */
  append(piece: Piece): void {
    this.truncateFrom(piece.first);
    if (this.#end === this.#firsts.length) this.#makeRoom(1);
    this.#set(this.#end, piece);
    this.#end += 1;
    this.#use.retain(piece.segment, piece.sizeBytes);
  }

  /** Drops everything from `index` on. */
  truncateFrom(index: number): void {
    while (this.length > 0) {
      const last = this.at(this.length - 1);
      if (last.first + last.count <= index) return;
      if (last.first < index) {
        this.#columns[(this.#end - 1) * COLUMNS + COUNT] = index - last.first;
        return;
      }
      this.#end -= 1;
      this.#use.release(last.segment, last.sizeBytes);
    }
  }

  /** Drops everything up to and including `index`; returns whether there was anything. */
  trimTo(index: number): boolean {
    let changed = false;
    while (this.length > 0 && this.firstOf(0) <= index) {
      changed = true;
      const piece = this.at(0);
      const end = piece.first + piece.count;
      if (end > index + 1) {
        this.#set(this.#start, { ...piece, first: index + 1, count: end - index - 1 });
        break;
      }
      this.#start += 1;
      this.#use.release(piece.segment, piece.sizeBytes);
    }
    if (this.#firsts.length > LARGE && this.length < this.#firsts.length / 8) this.#move(2 * this.length);
    return changed;
  }

  clear(): void {
    this.truncateFrom(0);
  }

  /** Entries that lie elsewhere now, or whose old place is gone: nothing else is dropped. */
  relocate(piece: Piece): void {
    const end = piece.first + piece.count;
    const from = this.findAbove(piece.first - 1);
    let to = from;
    while (to < this.length && this.firstOf(to) < end) to += 1;
    const replaced = Array.from({ length: to - from }, (_, i) => this.at(from + i));
    const rest: Piece[] = [];
    for (const each of replaced) {
      if (each.first < piece.first) rest.push({ ...each, count: piece.first - each.first });
    }
    rest.push(piece);
    for (const each of replaced) {
      const eachEnd = each.first + each.count;
      if (eachEnd > end) rest.push({ ...each, first: end, count: eachEnd - end });
    }
    for (const each of rest) this.#use.retain(each.segment, each.sizeBytes);
    for (const each of replaced) this.#use.release(each.segment, each.sizeBytes);
    this.#splice(from, to, rest);
  }

  #splice(from: number, to: number, pieces: readonly Piece[]): void {
    const growth = pieces.length - (to - from);
    if (growth > 0 && this.#end + growth > this.#firsts.length) this.#makeRoom(growth);
    const tail = this.#start + to;
    this.#firsts.copyWithin(tail + growth, tail, this.#end);
    this.#columns.copyWithin((tail + growth) * COLUMNS, tail * COLUMNS, this.#end * COLUMNS);
    this.#end += growth;
    for (const [i, piece] of pieces.entries()) this.#set(this.#start + from + i, piece);
  }

  #column(at: number, column: number): number {
    return this.#columns[at * COLUMNS + column] as number;
  }

  #set(at: number, { first, count, segment, offset, sizeBytes }: Piece): void {
    this.#firsts[at] = first;
    this.#columns.set([count, segment, offset, sizeBytes], at * COLUMNS);
  }

  /** Moves the pieces to the front, into larger arrays if these are more than half full. */
  #makeRoom(more: number): void {
    const needed = 2 * (this.length + more);
    this.#move(needed > this.#firsts.length ? Math.max(FIRST_CAPACITY, needed) : this.#firsts.length);
  }

  #move(capacity: number): void {
    const isSame = capacity === this.#firsts.length;
    const firsts = isSame ? this.#firsts : new Float64Array(capacity);
    const columns = isSame ? this.#columns : new Uint32Array(capacity * COLUMNS);
    const { length } = this;
    firsts.set(this.#firsts.subarray(this.#start, this.#end));
    columns.set(this.#columns.subarray(this.#start * COLUMNS, this.#end * COLUMNS));
    this.#firsts = firsts;
    this.#columns = columns;
    this.#start = 0;
    this.#end = length;
  }
}
