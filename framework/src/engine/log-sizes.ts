/** Bytes of log between two marks, to begin with. */
const STEP_BYTES = 1024 * 1024;
const MAX_MARKS = 2048;

/** How many bytes of log lie between two indexes, as far as entries were seen since the start, to within a step. */
export class LogSizes {
  /** Ascending; `totalBytes` counts all entries up to `index`. */
  #marks: { index: number; totalBytes: number }[] = [];
  #totalBytes = 0;
  #stepBytes = STEP_BYTES;

  /** Entries up to `lastIndex`, which follow on those of the call before. */
  add(lastIndex: number, sizeBytes: number): void {
    this.#totalBytes += sizeBytes;
    const last = this.#marks.at(-1);
    if (last !== undefined && this.#totalBytes - last.totalBytes < this.#stepBytes) return;
    this.#marks.push({ index: lastIndex, totalBytes: this.#totalBytes });
    if (this.#marks.length <= MAX_MARKS) return;
    this.#marks = this.#marks.filter((_, position) => position % 2 === 0);
    this.#stepBytes *= 2;
  }

  /** Of the entries from `low` + 1 to `high`. */
  between(low: number, high: number): number {
    return this.#upTo(high) - this.#upTo(low);
  }

  #upTo(index: number): number {
    const { length } = this.#marks;
    if (length > 0 && (this.#marks[length - 1]?.index ?? 0) <= index) return this.#totalBytes;
    return this.#marks.findLast((mark) => mark.index <= index)?.totalBytes ?? 0;
  }
}
