import { write } from 'node:fs';
import { isatty } from 'node:tty';
import type { CliIO } from './output.js';

const STDOUT_FD = 1;
/** Where the standard output takes no more for now, and is not one that can be waited for. */
const RETRY_MS = 10;
/** Codes by which a stream says that its reader is gone; a terminal says EIO. */
const READER_GONE = ['EPIPE', 'ECONNRESET', 'EBADF'];

/**
 * The streams of this process. One whose reader is gone takes what is written and drops it: the command goes on, so
 * that it leaves everything in order and ends with the exit code that it would have had. What is written to the standard
 * output is on its way while the command goes on, for a reader that does not read must not hold up a host that stops.
 */
export class ProcessIO implements CliIO {
  readonly isTerminal = process.stderr.isTTY;
  #queue: Buffer[] = [];
  #isWriting = false;
  #lost: NodeJS.ErrnoException | undefined;
  #isStderrLost = false;
  #onLost: (error: Error) => void = () => undefined;
  #onDrained: () => void = () => undefined;

  constructor() {
    // Node.js would end the process.
    process.stderr.on('error', () => (this.#isStderrLost = true));
  }

  stdout(text: string): void {
    if (this.#lost !== undefined || text === '') return;
    this.#queue.push(Buffer.from(text));
    if (!this.#isWriting) this.#write();
  }

  stderr(text: string): void {
    if (!this.#isStderrLost) process.stderr.write(text);
  }

  onStdoutLost(listener: (error: Error) => void): void {
    this.#onLost = listener;
  }

  /** Why the standard output did not take a result, when that is not because nobody reads it. */
  get failure(): Error | undefined {
    const code = this.#lost?.code ?? '';
    const isGone = READER_GONE.includes(code) || (code === 'EIO' && isatty(STDOUT_FD));
    return isGone ? undefined : this.#lost;
  }

  /** Resolves when all that was written to the standard output was taken, or will never be. */
  async drained(): Promise<void> {
    if (!this.#isWriting) return;
    await new Promise<void>((resolve) => (this.#onDrained = resolve));
  }

  #write(): void {
    const [next] = this.#queue;
    this.#isWriting = next !== undefined;
    if (next === undefined) {
      this.#onDrained();
      return;
    }
    write(STDOUT_FD, next, (error, writtenBytes) => {
      if (error?.code === 'EAGAIN') {
        setTimeout(() => this.#write(), RETRY_MS);
        return;
      }
      if (error !== null) this.#lose(error);
      else if (writtenBytes < next.length) this.#queue[0] = next.subarray(writtenBytes);
      else this.#queue.shift();
      this.#write();
    });
  }

  #lose(error: NodeJS.ErrnoException): void {
    this.#queue = [];
    this.#lost = error;
    this.#onLost(error);
  }
}
