import { type DestinationStream, type Logger, pino, stdSerializers } from 'pino';
import type { ILogger, ILoggerFactory, LogFields, LogLevel, LogModule } from './logger.js';

export interface LogLevels {
  readonly level: LogLevel;
  readonly modules: Readonly<Partial<Record<LogModule, LogLevel>>>;
}

class PinoLogger implements ILogger {
  constructor(private readonly logger: Logger) {}

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

/** Lines of JSON to the standard output, or to `destination`; pipe them to a viewer of your choice. */
export class PinoLoggerFactory implements ILoggerFactory {
  private readonly root: Logger;
  private readonly loggers = new Map<LogModule, ILogger>();

  constructor(
    private readonly levels: LogLevels,
    destination?: DestinationStream,
  ) {
    const options = {
      name: 'drakkar',
      level: levels.level,
      serializers: { err: stdSerializers.errWithCause },
    };
    this.root = destination === undefined ? pino(options) : pino(options, destination);
  }

  getLogger(module: LogModule): ILogger {
    let logger = this.loggers.get(module);
    if (logger === undefined) {
      const level = this.levels.modules[module] ?? this.levels.level;
      logger = new PinoLogger(this.root.child({ module }, { level }));
      this.loggers.set(module, logger);
    }
    return logger;
  }
}
