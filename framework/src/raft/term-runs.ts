import { violated } from './errors.js';

/**
 * Terms of a log, kept as runs: terms only grow along a log (paper, section 5.3), so a few pairs of numbers tell the
 * term of every entry, and nobody has to ask the disk. Known from `base` on, the index before the first entry.
 */
export class TermRuns {
  private readonly starts: number[];
  private readonly terms: number[];

  constructor(base: number, term: number) {
    this.starts = [base];
    this.terms = [term];
  }

  /** Lowest index of which the term is known. */
  get base(): number {
    return this.starts[0] as number;
  }

  get lastTerm(): number {
    return this.terms[this.terms.length - 1] as number;
  }

  get runCount(): number {
    return this.starts.length;
  }

  /** Term of the entry at `index`; -1 below `base`. Above the log's end it gives the last term: the caller knows. */
  termAt(index: number): number {
    const last = this.starts.length - 1;
    if (index >= (this.starts[last] as number)) return this.terms[last] as number;
    if (index < (this.starts[0] as number)) return -1;
    return this.terms[this.runOf(index)] as number;
  }

  /** Records that the log goes on at `index` with `term`. */
  append(index: number, term: number): void {
    const lastTerm = this.lastTerm;
    if (term === lastTerm) return;
    if (term < lastTerm) violated('the term went back along the log', { index, term, lastTerm });
    this.starts.push(index);
    this.terms.push(term);
  }

  /** Forgets `index` and everything above it. */
  truncateFrom(index: number): void {
    if (index <= this.base) violated('truncation below the known terms', { index, base: this.base });
    while ((this.starts[this.starts.length - 1] as number) >= index) {
      this.starts.pop();
      this.terms.pop();
    }
  }

  /** Forgets what is below `base`. */
  trimTo(base: number): void {
    if (base <= this.base) return;
    const run = this.runOf(base);
    this.starts.splice(0, run);
    this.terms.splice(0, run);
    this.starts[0] = base;
  }

  reset(base: number, term: number): void {
    this.starts.length = 1;
    this.terms.length = 1;
    this.starts[0] = base;
    this.terms[0] = term;
  }

  /** Largest index of at most `index` whose term is at most `term`; `base` when there is none. */
  lastAtOrBelow(index: number, term: number): number {
    if (index <= this.base) return this.base;
    let end = index;
    for (let run = this.runOf(index); run >= 0; run--) {
      if ((this.terms[run] as number) <= term) return end;
      end = (this.starts[run] as number) - 1;
    }
    return this.base;
  }

  private runOf(index: number): number {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.starts[middle] as number) <= index) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}
