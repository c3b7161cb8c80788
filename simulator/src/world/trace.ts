import { createHash } from 'node:crypto';

export type TraceSink = (line: string) => void;

const KEPT_LINES = 400;
const HASHED_AT_ONCE = 512;
/** Numbers that one step or measure puts into the hash, at most. */
const NUMBERS_AT_ONCE = 3;
/** Stands for a line among the numbers, so that their order counts. */
const A_LINE = -1;

/**
 * What has happened, line by line. All of it goes into the hash by which two runs are compared; only news, as opposed
 * to mere steps, is kept for people.
 */
export class Trace {
  readonly #hash = createHash('sha256');
  readonly #sink: TraceSink | undefined;
  readonly #isVerbose: boolean;
  #waiting: string[] = [];
  readonly #numbers = new Float64Array(2 * HASHED_AT_ONCE);
  #numberCount = 0;
  /** Names, numbered as they are first seen. */
  readonly #names = new Map<string, number>();
  #news: string[] = [];

  /** @param sink hears each piece of news, and with `isVerbose` each step */
  constructor(sink?: TraceSink, isVerbose = false) {
    this.#sink = sink;
    this.#isVerbose = isVerbose;
  }

  /** One step of the simulation; of no interest by itself. */
  step(atMs: number, label: string, who: string | undefined): void {
    this.#addNumbers(atMs, this.#numberOf(who ?? '-'), this.#numberOf(label));
    if (this.#isVerbose) this.#sink?.(`${atMs.toFixed(3)} ${who ?? '-'} ${label}`);
  }

  /** A detail that must be the same in every run of the seed. */
  detail(text: string): void {
    this.#add(text);
    if (this.#isVerbose) this.#sink?.(`    ${text}`);
  }

  /** A detail that is two numbers. */
  measure(what: string, first: number, second: number): void {
    this.#addNumbers(this.#numberOf(what), first, second);
    if (this.#isVerbose) this.#sink?.(`    ${what} ${first} ${second}`);
  }

  /** Something worth telling. */
  news(atMs: number, who: string, text: string): void {
    const line = `${(atMs / 1000).toFixed(3).padStart(9)} s  ${who.padEnd(6)} ${text}`;
    this.#add(line);
    this.#news.push(line);
    if (this.#news.length > 2 * KEPT_LINES) this.#news = this.#news.slice(-KEPT_LINES);
    this.#sink?.(line);
  }

  get lastNews(): readonly string[] {
    return this.#news.slice(-KEPT_LINES);
  }

  /** To be asked once, at the end. */
  digest(): string {
    this.#flush();
    return this.#hash.digest('hex').slice(0, 32);
  }

  #numberOf(name: string): number {
    let number = this.#names.get(name);
    if (number === undefined) {
      number = this.#names.size;
      this.#names.set(name, number);
      this.#add(name);
    }
    return number;
  }

  #addNumbers(first: number, second: number, third: number): void {
    const numbers = this.#numbers;
    if (this.#numberCount + NUMBERS_AT_ONCE > numbers.length) this.#flush();
    numbers[this.#numberCount++] = first;
    numbers[this.#numberCount++] = second;
    numbers[this.#numberCount++] = third;
  }

  #add(line: string): void {
    if (this.#numberCount === this.#numbers.length) this.#flush();
    this.#numbers[this.#numberCount++] = A_LINE;
    this.#waiting.push(line);
    if (this.#waiting.length >= HASHED_AT_ONCE) this.#flush();
  }

  #flush(): void {
    this.#hash.update(this.#numbers.subarray(0, this.#numberCount));
    this.#numberCount = 0;
    this.#hash.update(this.#waiting.join('\n'));
    this.#hash.update('\n');
    this.#waiting = [];
  }
}
