const LIVE_INTERVAL_MS = 200;
const LINE_INTERVAL_MS = 2_000;

/** Shows how things go: one line that changes on a terminal, otherwise a line now and then. */
export class Progress {
  readonly #out: NodeJS.WriteStream;
  readonly #isLive: boolean;
  readonly #lineIntervalMs: number;
  #timer: NodeJS.Timeout | undefined;
  #isLineOpen = false;

  /** @param lineIntervalMs between two lines, where they can't take each other's place */
  constructor(out: NodeJS.WriteStream, lineIntervalMs = LINE_INTERVAL_MS) {
    this.#out = out;
    this.#lineIntervalMs = lineIntervalMs;
    this.#isLive = out.isTTY && process.env['TERM'] !== 'dumb';
  }

  /** Shows `line()` again and again until `stop`. */
  follow(line: () => string): void {
    this.stop();
    const show = (): void => {
      if (!this.#isLive) {
        this.#out.write(`${line()}\n`);
        return;
      }
      this.#out.write(`\r\u001b[2K${line().slice(0, Math.max(20, this.#out.columns - 1))}`);
      this.#isLineOpen = true;
    };
    this.#timer = setInterval(show, this.#isLive ? LIVE_INTERVAL_MS : this.#lineIntervalMs);
  }

  /** A line that stays. */
  say(line: string): void {
    if (this.#isLineOpen) this.#out.write('\r\u001b[2K');
    this.#isLineOpen = false;
    this.#out.write(`${line}\n`);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (this.#isLineOpen) this.#out.write('\n');
    this.#isLineOpen = false;
  }
}
