import { isDrakkarError } from '@drakkar/raftio';
import { ErrCanceled } from '@drakkar/framework';
import { messageOf } from '@drakkar/framework/internals';
import { CommandSignals } from './signals.js';

/**
 * `ok`: done; `problems`: done, and something is wrong with the data; `failed`: could not be done; `unchecked`: the data
 * could not be read to the end, for a reason that says nothing of the data.
 */
export const ExitCode = Object.freeze({ ok: 0, problems: 1, failed: 2, unchecked: 3 } as const);
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Where a command writes to. */
export interface CliIO {
  stdout(text: string): void;
  stderr(text: string): void;
  /** Whether progress may be drawn over itself. */
  readonly isTerminal: boolean;
  /** Calls `listener` when the standard output takes nothing any more; once, with the reason. */
  onStdoutLost?(listener: (error: Error) => void): void;
}

export interface OutputOptions {
  /** Whether results are JSON; otherwise text. */
  isJSON: boolean;
  /** Whether the command gives lines over time, and not one result. Default: one result. */
  isStream?: boolean;
  signals?: CommandSignals;
}

const PROGRESS_INTERVAL_MS = 200;
/** Where progress can't be drawn over, as in a log file, it comes seldom. */
const PLAIN_PROGRESS_INTERVAL_MS = 5_000;

/**
 * What every command prints with: results to the standard output, as text or as JSON, all else to the error output. A
 * command gives one result, which is printed at its end, unless it has failed by then; or it gives lines over time.
 */
export class Output {
  readonly #io: CliIO;
  readonly isJSON: boolean;
  readonly signals: CommandSignals;
  readonly #isStream: boolean;
  #result = '';
  #progressAtMs = performance.now();
  #hasProgress = false;

  constructor(io: CliIO, { isJSON, isStream = false, signals = new CommandSignals() }: OutputOptions) {
    this.#io = io;
    this.isJSON = isJSON;
    this.#isStream = isStream;
    this.signals = signals;
  }

  /** The result of a command: `value` with --json, otherwise the lines. */
  result(value: object, lines: readonly string[]): void {
    this.#result = this.isJSON ? `${toJSON(value, 2)}\n` : lines.map((line) => `${line}\n`).join('');
  }

  /** A result that another process has printed for this one. */
  printed(result: string): void {
    this.#result = result;
  }

  /** Prints the result: nothing that follows may fail. */
  end(): void {
    this.#clearProgress();
    if (this.#result !== '') this.#io.stdout(this.#result);
    this.#result = '';
  }

  /** One of several results that come over time: with --json one line each. */
  event(value: object, line: string): void {
    this.#clearProgress();
    this.#io.stdout(`${this.isJSON ? toJSON(value) : line}\n`);
  }

  warn(message: string): void {
    this.#clearProgress();
    this.#io.stderr(`drakkar: ${message}\n`);
  }

  /** For commands that print and end, where they can be left: throws ErrCanceled once they are asked to stop. */
  checkStopped(): void {
    const { stopping, reason } = this.signals;
    if (stopping !== undefined) throw new ErrCanceled(`ended by ${reason}, before it was done`);
  }

  /**
   * How far long work has come; most calls print nothing. Throws ErrCanceled when the command was asked to stop.
   */
  progress(text: string): void {
    this.checkStopped();
    const nowMs = performance.now();
    const { isTerminal } = this.#io;
    const intervalMs = isTerminal ? PROGRESS_INTERVAL_MS : PLAIN_PROGRESS_INTERVAL_MS;
    if (nowMs - this.#progressAtMs < intervalMs) return;
    this.#progressAtMs = nowMs;
    this.#hasProgress = isTerminal;
    this.#io.stderr(isTerminal ? `\r\u001b[K${text}` : `${text}\n`);
  }

  /** What could not be done, and why: on the error output, and with --json also as the result, or as the last line. */
  failure(error: unknown): void {
    const { code, message } = describeError(error);
    this.warn(code === undefined ? message : `${message} [${code}]`);
    this.failureResult(error);
  }

  /** The part of `failure` that is the result. */
  failureResult(error: unknown): void {
    const { code, message } = describeError(error);
    const details = isDrakkarError(error) ? error.details : {};
    const stack = isDrakkarError(error) || !(error instanceof Error) ? undefined : error.stack;
    const described = { code, message, details, stack };
    if (this.#isStream) {
      if (this.isJSON) this.event({ event: 'failed', error: described }, '');
    } else if (this.isJSON) this.result({ ok: false, error: described }, []);
    else this.#result = '';
  }

  onStdoutLost(listener: (error: Error) => void): void {
    this.#io.onStdoutLost?.(listener);
  }

  #clearProgress(): void {
    if (!this.#hasProgress) return;
    this.#hasProgress = false;
    this.#io.stderr('\r\u001b[K');
  }
}

export function describeError(error: unknown): { code?: string; message: string } {
  return isDrakkarError(error) ? { code: error.code, message: error.message } : { message: messageOf(error) };
}

/** 64-bit numbers become strings, maps become objects. */
function toJSON(value: unknown, indent?: number): string {
  const replace = (_key: string, each: unknown): unknown => {
    if (typeof each === 'bigint') return String(each);
    return each instanceof Map ? Object.fromEntries(each) : each;
  };
  return JSON.stringify(value, replace, indent);
}
