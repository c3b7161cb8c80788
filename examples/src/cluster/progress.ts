const LIVE_INTERVAL_MS = 200;
const LINE_INTERVAL_MS = 2_000;

/** Shows how things go: one line that changes on a terminal, otherwise a line now and then. */
export class Progress {
  readonly #out: NodeJS.WriteStream;
  readonly #isLive: boolean;
  #timer: NodeJS.Timeout | undefined;
  #isLineOpen = false;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
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
    this.#timer = setInterval(show, this.#isLive ? LIVE_INTERVAL_MS : LINE_INTERVAL_MS);
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
