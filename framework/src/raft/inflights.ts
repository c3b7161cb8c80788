/** Replicate messages on their way to one remote, oldest first: last index and size of each. A ring that grows. */
export class Inflights {
  private lasts: number[] = new Array<number>(16).fill(0);
  private sizes: number[] = new Array<number>(16).fill(0);
  private head = 0;
  private used = 0;
  private total = 0;

  get count(): number {
    return this.used;
  }

  get sizeBytes(): number {
    return this.total;
  }

  add(lastIndex: number, sizeBytes: number): void {
    if (this.used === this.lasts.length) this.grow();
    const slot = (this.head + this.used) % this.lasts.length;
    this.lasts[slot] = lastIndex;
    this.sizes[slot] = sizeBytes;
    this.used += 1;
    this.total += sizeBytes;
  }

  /** Everything up to `index` has arrived. */
  freeTo(index: number): void {
    while (this.used > 0 && (this.lasts[this.head] as number) <= index) this.freeFirst();
  }

  freeFirst(): void {
    if (this.used === 0) return;
    this.total -= this.sizes[this.head] as number;
    this.head = (this.head + 1) % this.lasts.length;
    this.used -= 1;
  }

  clear(): void {
    this.head = 0;
    this.used = 0;
    this.total = 0;
  }

  private grow(): void {
    const order = (from: number[]): number[] => [...from.slice(this.head), ...from.slice(0, this.head)];
    const room = new Array<number>(this.lasts.length).fill(0);
    this.lasts = [...order(this.lasts), ...room];
    this.sizes = [...order(this.sizes), ...room];
    this.head = 0;
  }
}
