export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';
export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'info', 'warn', 'error', 'silent'];

/** Parts of the framework whose level can be set apart. */
export type LogModule = 'nodehost' | 'engine' | 'raft' | 'rsm' | 'transport' | 'logdb' | 'config';
export const LOG_MODULES: readonly LogModule[] = [
  'nodehost',
  'engine',
  'raft',
  'rsm',
  'transport',
  'logdb',
  'config',
];

/** What a log line is about, beside its message. An error goes under `err`. */
export type LogFields = Readonly<Record<string, unknown>>;

export interface ILogger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** What is logged: `modules` has those whose level is another. */
export interface LogLevels {
  readonly level: LogLevel;
  readonly modules: Readonly<Partial<Record<LogModule, LogLevel>>>;
}

export interface ILoggerFactory {
  /** The logger of one part of the framework; the same one each time. */
  getLogger(module: LogModule): ILogger;
  /** Changes the levels of all loggers, those that were given out, too. Without it levels stay as they are. */
  setLevels?(levels: LogLevels): void;
}

export const LoggerFactoryID = Symbol.for('@drakkar/framework/ILoggerFactory');

const nothing = (): void => undefined;

/** Says nothing. */
export const silentLogger: ILogger = Object.freeze({
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
});
export const silentLoggerFactory: ILoggerFactory = Object.freeze({ getLogger: () => silentLogger });
