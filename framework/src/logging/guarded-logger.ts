import { messageOf } from '../errors/inspect.js';
import { isThenable } from '../runtime/is-thenable.js';
import type { ILogger, ILoggerFactory, LogFields, LogLevels, LogModule, LogLevel } from './logger.js';

type Method = Exclude<LogLevel, 'silent'>;

/**
 * The logger of the application, which may throw or reject: a line that is lost is no reason for a replica to fail. The
 * first such failure is a warning of the process, for there is no other place to say it.
 */
export class GuardedLoggerFactory implements ILoggerFactory {
  readonly #inner: ILoggerFactory;
  readonly #loggers = new Map<LogModule, ILogger>();
  #hasWarned = false;

  constructor(inner: ILoggerFactory) {
    this.#inner = inner;
  }

  getLogger(module: LogModule): ILogger {
    let logger = this.#loggers.get(module);
    if (logger === undefined) {
      const inner = this.#inner.getLogger(module);
      const guarded =
        (method: Method) =>
        (message: string, fields?: LogFields): void =>
          this.#call(() => (fields === undefined ? inner[method](message) : inner[method](message, fields)));
      logger = {
        debug: guarded('debug'),
        info: guarded('info'),
        warn: guarded('warn'),
        error: guarded('error'),
      };
      this.#loggers.set(module, logger);
    }
    return logger;
  }

  setLevels(levels: LogLevels): void {
    this.#call(() => this.#inner.setLevels?.(levels));
  }

  #call(write: () => unknown): void {
    try {
      const returned = write();
      if (isThenable(returned)) returned.then(undefined, (error: unknown) => this.#failed(error));
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    process.emitWarning(`Drakkar: the logger failed, and lines are lost: ${messageOf(error)}`);
  }
}
