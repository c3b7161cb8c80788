import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino';
import { write } from 'node:fs';
import type { ILogger, ILoggerFactory, LogFields, LogLevel, LogLevels, LogModule } from './logger.js';

const STDOUT_FD = 1;
const STDERR_FD = 2;
/** What waits for a reader that does not read, or a disk that is full; lines beyond it are dropped. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

class PinoLogger implements ILogger {
  constructor(private readonly logger: Logger) {}

  setLevel(level: string): void {
    this.logger.level = level;
  }

  debug(message: string, fields?: LogFields): void {
    this.logger.debug(fields ?? {}, message);
  }

  info(message: string, fields?: LogFields): void {
    this.logger.info(fields ?? {}, message);
  }

  warn(message: string, fields?: LogFields): void {
    this.logger.warn(fields ?? {}, message);
  }

  error(message: string, fields?: LogFields): void {
    this.logger.error(fields ?? {}, message);
  }
}

/** The standard output. That it takes nothing any more is no reason for a host to end; the error output says so, once. */
function standardOutput(): DestinationStream {
  const stream = pino.destination({ fd: STDOUT_FD, sync: false, maxLength: MAX_WAITING_BYTES });
  let isTold = false;
  let isFailing = false;
  const flushSync = stream.flushSync.bind(stream);
  // At the exit of the process it is called for what waits, and would try until that is written.
  stream.flushSync = () => {
    if (!isFailing) flushSync();
  };
  stream.on('write', () => (isFailing = false));
  stream.on('error', (error: Error) => {
    isFailing = true;
    if (isTold) return;
    isTold = true;
    const line = `drakkar: log lines are lost, since the standard output does not take them: ${error.message}\n`;
    write(STDERR_FD, line, () => undefined); // which may be closed, too
  });
  return stream;
}

/** Lines of JSON to the standard output, or to `destination`; pipe them to a viewer of your choice. */
export class PinoLoggerFactory implements ILoggerFactory {
  private readonly root: Logger;
  private readonly loggers = new Map<LogModule, PinoLogger>();
  private levels: LogLevels;

  constructor(levels: LogLevels, destination: DestinationStream = standardOutput()) {
    this.levels = levels;
    const options = {
      name: 'drakkar',
      level: levels.level,
      serializers: { err: stdSerializers.errWithCause },
    };
    this.root = pino(options, destination);
  }

  getLogger(module: LogModule): ILogger {
    let logger = this.loggers.get(module);
    if (logger === undefined) {
      logger = new PinoLogger(this.root.child({ module }, { level: this.#levelOf(module) }));
      this.loggers.set(module, logger);
    }
    return logger;
  }

  setLevels(levels: LogLevels): void {
    this.levels = levels;
    for (const [module, logger] of this.loggers) logger.setLevel(this.#levelOf(module));
  }

  #levelOf(module: LogModule): LogLevel {
    return this.levels.modules[module] ?? this.levels.level;
  }
}
