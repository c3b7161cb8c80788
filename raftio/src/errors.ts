/**
 * What the caller of something that failed may do. One of:
 * - `retry`: nothing happened; the same call may be made again here;
 * - `retry-elsewhere`: nothing happened and will not here; another host may help;
 * - `unknown`: it may or may not have happened, or may still; only a session makes a retry safe;
 * - `fix`: the call or the configuration is wrong, a retry gives the same;
 * - `fatal-replica`, `fatal-host`: this replica, or this host, can't go on.
 */
export type ErrorKind = 'retry' | 'retry-elsewhere' | 'unknown' | 'fix' | 'fatal-replica' | 'fatal-host';

const BRAND = Symbol.for('drakkar.error');

/**
 * Base of every error of Drakkar. Recognised by a brand and matched by `code`, never by `instanceof`, so that two
 * copies of the package in one process agree.
 */
export class DrakkarError extends Error {
  readonly code: string;
  readonly kind: ErrorKind;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    kind: ErrorKind,
    message: string,
    options: { cause?: unknown; details?: Record<string, unknown> } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.kind = kind;
    this.details = options.details ?? {};
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** Whether the same call may be made again without a risk of doing it twice. */
  get retrySafe(): boolean {
    return this.kind === 'retry' || this.kind === 'retry-elsewhere';
  }

  /** Whether it is certain that the request had no effect and will have none. */
  get outcomeKnown(): boolean {
    return this.kind !== 'unknown';
  }
}

export function isDrakkarError(value: unknown): value is DrakkarError {
  return typeof value === 'object' && value !== null && BRAND in value;
}

/** Whether `value` is Drakkar's error with that code, from whichever copy of the package. */
export function hasErrorCode(value: unknown, code: string): boolean {
  return isDrakkarError(value) && value.code === code;
}

type Options = { cause?: unknown; details?: Record<string, unknown> };

export class ErrLogDBFenced extends DrakkarError {
  constructor(message = 'a write or sync failed earlier; the LogDB accepts nothing more', options?: Options) {
    super('ERR_LOGDB_FENCED', 'fatal-host', message, options);
  }
}
export class ErrLogDBClosed extends DrakkarError {
  constructor(message = 'the LogDB is closed', options?: Options) {
    super('ERR_LOGDB_CLOSED', 'fix', message, options);
  }
}
export class ErrLogDBLocked extends DrakkarError {
  constructor(message: string, options?: Options) {
    super('ERR_LOGDB_LOCKED', 'fix', message, options);
  }
}
/** The LogDB can't be opened as configured: a folder is missing, not permitted, or belongs to another log. */
export class ErrLogDBOpen extends DrakkarError {
  constructor(message: string, options?: Options) {
    super('ERR_LOGDB_OPEN', 'fix', message, options);
  }
}
/** Stored bytes are not what was written: bit rot, a foreign file, a bug. */
export class ErrLogDBCorrupt extends DrakkarError {
  constructor(message: string, options?: Options) {
    super('ERR_LOGDB_CORRUPT', 'fatal-replica', message, options);
  }
}
/**
 * A LogDB refused one replica's update before it wrote anything of the call: it can't be encoded. The caller may make the call again without that update.
 */
export class ErrUpdateRefused extends DrakkarError {
  constructor(message: string, options?: Options) {
    super('ERR_UPDATE_REFUSED', 'fatal-replica', message, options);
  }
}
/** Bytes that are not a well-formed message. */
export class ErrMalformed extends DrakkarError {
  constructor(message: string, options?: Options) {
    super('ERR_MALFORMED', 'fix', message, options);
  }
}
/** A 64-bit id, index or term above Number.MAX_SAFE_INTEGER. */
export class ErrUnsafeInteger extends DrakkarError {
  constructor(message: string, options?: Options) {
    super('ERR_UNSAFE_INTEGER', 'fix', message, options);
  }
}
export class ErrMessageTooLarge extends DrakkarError {
  constructor(message: string, options?: Options) {
    super('ERR_MESSAGE_TOO_LARGE', 'fix', message, options);
  }
}
export class ErrConnectionClosed extends DrakkarError {
  constructor(message = 'the connection is closed', options?: Options) {
    super('ERR_CONNECTION_CLOSED', 'retry', message, options);
  }
}
export class ErrConnectFailed extends DrakkarError {
  constructor(message: string, options?: Options) {
    super('ERR_CONNECT_FAILED', 'retry', message, options);
  }
}
/** The peer could not be authenticated, or refused us. */
export class ErrTLS extends DrakkarError {
  constructor(message: string, options?: Options) {
    super('ERR_TLS', 'fix', message, options);
  }
}
export class ErrAddressInUse extends DrakkarError {
  constructor(message: string, options?: Options) {
    super('ERR_ADDRESS_IN_USE', 'fix', message, options);
  }
}
export class ErrInvalidAddress extends DrakkarError {
  constructor(message: string, options?: Options) {
    super('ERR_INVALID_ADDRESS', 'fix', message, options);
  }
}
export class ErrTransportStopped extends DrakkarError {
  constructor(message = 'the transport is stopped', options?: Options) {
    super('ERR_TRANSPORT_STOPPED', 'fix', message, options);
  }
}
/** The adapter does not have the capability that the call needs. */
export class ErrUnsupported extends DrakkarError {
  constructor(message: string, options?: Options) {
    super('ERR_UNSUPPORTED', 'fix', message, options);
  }
}
