import type { Dice } from '../world/dice.js';

/** Bytes that grow at the end. */
class Content {
  #data = new Uint8Array(0);
  length = 0;

  read(buffer: Uint8Array, offset: number): number {
    const piece = this.#data.subarray(
      Math.min(offset, this.length),
      Math.min(offset + buffer.length, this.length),
    );
    buffer.set(piece);
    return piece.length;
  }

  write(data: Uint8Array, offset: number): void {
    const end = offset + data.length;
    if (end > this.#data.length) {
      const grown = new Uint8Array(Math.max(end, 2 * this.#data.length));
      grown.set(this.#data.subarray(0, this.length));
      this.#data = grown;
    }
    if (offset > this.length) this.#data.fill(0, this.length, offset);
    this.#data.set(data, offset);
    this.length = Math.max(this.length, end);
  }

  truncate(sizeBytes: number): void {
    if (sizeBytes < this.length) this.length = sizeBytes;
    else this.write(new Uint8Array(sizeBytes - this.length), this.length);
  }

  flip(offset: number, bit: number): void {
    if (offset < this.length) this.#data[offset] = (this.#data[offset] ?? 0) ^ (1 << bit);
  }

  view(): Uint8Array {
    return this.#data.subarray(0, this.length);
  }

  copy(): Content {
    const copy = new Content();
    copy.write(this.view(), 0);
    return copy;
  }
}

type Mutation = { offset: number; data: Uint8Array } | { truncateTo: number };

/** What a crash did to what was not synced. */
export interface CrashReport {
  lost: number;
  torn: number;
  reordered: number;
}

const SECTOR_BYTES = 512;

function apply(content: Content, mutation: Mutation): void {
  if ('truncateTo' in mutation) content.truncate(mutation.truncateTo);
  else content.write(mutation.data, mutation.offset);
}

/** Some sectors of a write get there, others do not. */
function applyTorn(
  content: Content,
  { offset, data }: { offset: number; data: Uint8Array },
  dice: Dice,
): void {
  const cut = offset + dice.int(data.length);
  for (let from = offset; from < offset + data.length;) {
    const end = Math.min(offset + data.length, (Math.floor(from / SECTOR_BYTES) + 1) * SECTOR_BYTES);
    const reaches = dice.chance(0.5);
    // Within a sector only the beginning may have got there.
    const upTo = cut > from && cut < end ? cut : end;
    if (reaches) content.write(data.subarray(from - offset, upTo - offset), from);
    from = end;
  }
}

/** A file: what its readers see, what is on the platter for certain, and what is on its way there. */
export class FileNode {
  readonly kind = 'file';
  readonly current = new Content();
  #durable = new Content();
  #pending: Mutation[] = [];

  write(data: Uint8Array, offset: number): void {
    const copy = data.slice();
    this.current.write(copy, offset);
    this.#pending.push({ offset, data: copy });
  }

  truncate(sizeBytes: number): void {
    this.current.truncate(sizeBytes);
    this.#pending.push({ truncateTo: sizeBytes });
  }

  sync(): void {
    for (const mutation of this.#pending) apply(this.#durable, mutation);
    this.#pending = [];
  }

  /** As some systems do it: what could not be written counts as written from now on, and is read as such. */
  failSync(dice: Dice): void {
    for (const mutation of this.#pending) if (dice.chance(0.5)) apply(this.#durable, mutation);
    this.#pending = [];
  }

  flip(offset: number, bit: number): void {
    this.current.flip(offset, bit);
    this.#durable.flip(offset, bit);
  }

  /** The file after a crash. */
  survive(dice: Dice, report: CrashReport): FileNode {
    const content = this.#durable.copy();
    const pending = this.#pending;
    if (pending.length > 0) this.#keepSome(content, pending, dice, report);
    const file = new FileNode();
    file.current.write(content.view(), 0);
    file.#durable = content;
    return file;
  }

  #keepSome(content: Content, pending: readonly Mutation[], dice: Dice, report: CrashReport): void {
    const mode = dice.pick([0, 1, 2, 3, 3]);
    const keepCount = mode === 0 ? pending.length : mode === 1 ? 0 : dice.int(pending.length + 1);
    let wasLost = false;
    for (const [i, mutation] of pending.entries()) {
      // Mode 3: each for itself, so that later writes may get there without earlier ones.
      const isKept = mode === 3 ? dice.chance(0.5) : i < keepCount;
      if (isKept) {
        apply(content, mutation);
        if (wasLost) report.reordered += 1;
        continue;
      }
      wasLost = true;
      report.lost += 1;
      if (mode === 1 || 'truncateTo' in mutation || mutation.data.length === 0 || !dice.chance(0.5)) continue;
      applyTorn(content, mutation, dice);
      report.torn += 1;
    }
  }
}

/** What one call did to the names of a folder; on the platter it is there wholly or not at all. */
type NameChange = { name: string; node: DiskNode | undefined }[];

export class DirNode {
  readonly kind = 'directory';
  readonly names = new Map<string, DiskNode>();
  readonly #durable = new Map<string, DiskNode>();
  #pending: NameChange[] = [];

  change(changes: NameChange): void {
    for (const { name, node } of changes) setName(this.names, name, node);
    this.#pending.push(changes);
  }

  sync(): void {
    for (const changes of this.#pending) this.#apply(changes);
    this.#pending = [];
  }

  /** The folder after a crash: names change in the order in which they were changed, up to some point. */
  survive(dice: Dice, report: CrashReport, done: Map<DiskNode, DiskNode>): DirNode {
    const keepCount = this.#pending.length === 0 ? 0 : dice.int(this.#pending.length + 1);
    report.lost += this.#pending.length - keepCount;
    for (const changes of this.#pending.slice(0, keepCount)) this.#apply(changes);
    const dir = new DirNode();
    for (const [name, node] of this.#durable) {
      const before = done.get(node);
      const after =
        before ?? (node.kind === 'file' ? node.survive(dice, report) : node.survive(dice, report, done));
      done.set(node, after);
      dir.names.set(name, after);
      dir.#durable.set(name, after);
    }
    return dir;
  }

  #apply(changes: NameChange): void {
    for (const { name, node } of changes) setName(this.#durable, name, node);
  }
}

export type DiskNode = FileNode | DirNode;

function setName(names: Map<string, DiskNode>, name: string, node: DiskNode | undefined): void {
  if (node === undefined) names.delete(name);
  else names.set(name, node);
}
