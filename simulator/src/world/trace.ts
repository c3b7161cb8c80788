import { createHash } from 'node:crypto';

export type TraceSink = (line: string) => void;

const KEPT_LINES = 400;
const HASHED_AT_ONCE = 512;

/**
 * What has happened, line by line. All of it goes into the hash by which two runs are compared; only news, as opposed
 * to mere steps, is kept for people.
 */
export class Trace {
  readonly #hash = createHash('sha256');
  readonly #sink: TraceSink | undefined;
  readonly #isVerbose: boolean;
  #waiting: string[] = [];
  #news: string[] = [];

  /** @param sink hears each piece of news, and with `isVerbose` each step */
  constructor(sink?: TraceSink, isVerbose = false) {
    this.#sink = sink;
    this.#isVerbose = isVerbose;
  }

  /** One step of the simulation; of no interest by itself. */
  step(atMs: number, label: string, who: string | undefined): void {
    const line = `${atMs.toFixed(3)} ${who ?? '-'} ${label}`;
    this.#add(line);
    if (this.#isVerbose) this.#sink?.(line);
  }

  /** A detail that must be the same in every run of the seed. */
  detail(text: string): void {
    this.#add(text);
    if (this.#isVerbose) this.#sink?.(`    ${text}`);
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

  #add(line: string): void {
    this.#waiting.push(line);
    if (this.#waiting.length >= HASHED_AT_ONCE) this.#flush();
  }

  #flush(): void {
    this.#hash.update(this.#waiting.join('\n'));
    this.#hash.update('\n');
    this.#waiting = [];
  }
}
