import { DrakkarError, type ErrorContext } from '@drakkar/raftio';

/** One mistake in a configuration. */
export interface ConfigProblem {
  /** Where, e.g. `logdb.options.mapSize`; empty for the configuration as a whole. */
  path: string;
  /** What is wrong and what is allowed; begins in lower case, has no full stop. */
  message: string;
  /** What was probably meant, for a misspelt key, value or module name. */
  suggestion?: string;
  /** Place in the file, counted from 1, when the configuration came from one. */
  line?: number;
  column?: number;
}

/** Lists every mistake of a configuration at once, also in `problems`. */
export class ErrInvalidConfig extends DrakkarError {
  readonly problems: readonly ConfigProblem[];

  constructor(message: string, problems: readonly ConfigProblem[] = [], context: ErrorContext = {}) {
    super('ERR_INVALID_CONFIG', { effect: 'none', retry: 'never' }, message, {
      ...context,
      details: { ...context.details, problems },
    });
    this.problems = problems;
  }
}

/** The adapter that the configuration names is not installed, or not where it says. */
export class ErrModuleNotFound extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_MODULE_NOT_FOUND', { effect: 'none', retry: 'never' }, message, context);
  }
}

/** What the configuration names is there, but is not an adapter of the right kind. */
export class ErrInvalidModule extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_INVALID_MODULE', { effect: 'none', retry: 'never' }, message, context);
  }
}

/** The data directory belongs to another NodeHost. */
export class ErrNotOwner extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_NOT_OWNER', { effect: 'none', retry: 'never' }, message, context);
  }
}

export class ErrDeploymentIDChanged extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_DEPLOYMENT_ID_CHANGED', { effect: 'none', retry: 'never' }, message, context);
  }
}

export class ErrHardSettingsChanged extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_HARD_SETTINGS_CHANGED', { effect: 'none', retry: 'never' }, message, context);
  }
}

/** The data directory is of a format, or a shape, that this release does not read. */
export class ErrIncompatibleData extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_INCOMPATIBLE_DATA', { effect: 'none', retry: 'never' }, message, context);
  }
}

/** The data directory was written by another LogDB than the one configured. */
export class ErrLogDBType extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_LOGDB_TYPE', { effect: 'none', retry: 'never' }, message, context);
  }
}

/** Another NodeHost, in this process or another, has the data directory open. */
export class ErrLockDirectory extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_LOCK_DIRECTORY', { effect: 'none', retry: 'never' }, message, context);
  }
}

/** The data directory can't be made, or can't be written to. */
export class ErrDirNotExist extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_DIR_NOT_EXIST', { effect: 'none', retry: 'never' }, message, context);
  }
}

/** The data directory is on a network file system, where its lock proves nothing. */
export class ErrNetworkFileSystem extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_NETWORK_FILE_SYSTEM', { effect: 'none', retry: 'never' }, message, context);
  }
}

/** A folder of the data directory is not where it was when the host was started. */
export class ErrDataDirGone extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_DATA_DIR_GONE', { effect: 'unknown', retry: 'elsewhere' }, message, context);
  }
}

/** Replicas had not stopped when the time for that was over. */
export class ErrStopTimeout extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_STOP_TIMEOUT', { effect: 'unknown', retry: 'never' }, message, context);
  }
}

/** The record that says whose the data directory is, is damaged or missing. */
export class ErrDataDirCorrupt extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_DATA_DIR_CORRUPT', { effect: 'none', retry: 'never' }, message, context);
  }
}
