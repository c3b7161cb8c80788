import { isDrakkarError } from '@drakkar/raftio';
import { messageOf } from '../errors/inspect.js';

/** `ok`: done; `problems`: done, and something is wrong with the data; `failed`: could not be done. */
export const ExitCode = Object.freeze({ ok: 0, problems: 1, failed: 2 } as const);
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Where a command writes to. */
export interface CliIO {
  stdout(text: string): void;
  stderr(text: string): void;
  /** Whether progress may be drawn over itself. */
  readonly isTerminal: boolean;
}

export const processIO: CliIO = {
  stdout: (text) => void process.stdout.write(text),
  stderr: (text) => void process.stderr.write(text),
  isTerminal: process.stderr.isTTY,
};

const PROGRESS_INTERVAL_MS = 200;
/** Where progress can't be drawn over, as in a log file, it comes seldom. */
const PLAIN_PROGRESS_INTERVAL_MS = 5_000;

/** What every command prints with: results to the standard output, as text or as JSON, all else to the error output. */
export class Output {
  readonly #io: CliIO;
  readonly isJSON: boolean;
  #progressAtMs = performance.now();
  #hasProgress = false;

  constructor(io: CliIO, isJSON: boolean) {
    this.#io = io;
    this.isJSON = isJSON;
  }

  /** The result of a command: `value` with --json, otherwise the lines. */
  result(value: object, lines: readonly string[]): void {
    this.#clearProgress();
    this.#io.stdout(this.isJSON ? `${toJSON(value, 2)}\n` : lines.map((line) => `${line}\n`).join(''));
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

  /** How far long work has come; most calls print nothing. */
  progress(text: string): void {
    const nowMs = performance.now();
    const { isTerminal } = this.#io;
    const intervalMs = isTerminal ? PROGRESS_INTERVAL_MS : PLAIN_PROGRESS_INTERVAL_MS;
    if (nowMs - this.#progressAtMs < intervalMs) return;
    this.#progressAtMs = nowMs;
    this.#hasProgress = isTerminal;
    this.#io.stderr(isTerminal ? `\r\u001b[K${text}` : `${text}\n`);
  }

  /** What could not be done, and why: on the error output, and with --json also as the result. */
  failure(error: unknown): void {
    const { code, message } = describeError(error);
    this.warn(code === undefined ? message : `${message} [${code}]`);
    if (this.isJSON) {
      const details = isDrakkarError(error) ? error.details : {};
      this.#io.stdout(`${toJSON({ ok: false, error: { code, message, details } }, 2)}\n`);
    }
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
