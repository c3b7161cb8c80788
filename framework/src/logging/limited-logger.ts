import { boundedDetails, printable } from '@drakkar/raftio';
import type { IClock } from '../runtime/clock.js';
import type { ILogger, LogFields, LogLevel } from './logger.js';

/** Lines of one message in a period; what comes above them is counted, and told with the next. */
const MAX_LINES = 5;
const PERIOD_MS = 10_000;
/** Messages that are told apart; texts of others' making must not be among them. */
const MAX_CAUSES = 256;

interface Cause {
  sinceMs: number;
  lines: number;
  suppressed: number;
}

/**
 * For lines that others can cause, and put words into: of each message a few in ten seconds, with how many were left
 * out; another message is logged at once. Fields are bounded in length, on one line, and without raw bytes; an error
 * goes under `err`.
 */
export class LimitedLogger implements ILogger {
  readonly #inner: ILogger;
  readonly #clock: IClock;
  readonly #causes = new Map<string, Cause>();

  constructor(inner: ILogger, clock: IClock) {
    this.#inner = inner;
    this.#clock = clock;
  }

  debug(message: string, fields?: LogFields): void {
    this.#log('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#log('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#log('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#log('error', message, fields);
  }

  #log(level: Exclude<LogLevel, 'silent'>, message: string, fields: LogFields = {}): void {
    const cause = this.#causeOf(message);
    if (cause.lines >= MAX_LINES) {
      cause.suppressed += 1;
      return;
    }
    cause.lines += 1;
    const { suppressed } = cause;
    cause.suppressed = 0;
    const left = suppressed === 0 ? {} : { suppressedBefore: suppressed };
    this.#inner[level](printable(message), { ...boundedDetails(fields), ...left });
  }

  #causeOf(message: string): Cause {
    const nowMs = this.#clock.nowMs();
    let cause = this.#causes.get(message);
    if (cause === undefined) {
      if (this.#causes.size >= MAX_CAUSES) this.#causes.clear();
      cause = { sinceMs: nowMs, lines: 0, suppressed: 0 };
      this.#causes.set(message, cause);
    }
    if (nowMs - cause.sinceMs >= PERIOD_MS) {
      cause.sinceMs = nowMs;
      cause.lines = 0;
    }
    return cause;
  }
}
