/** Whether what failed may have had an effect: `none`, it had none and will have none; `unknown`, it may have had one, in part or whole, or may yet. */
export type ErrorEffect = 'none' | 'unknown';

/**
 * Where the same call, made again after a pause, may succeed: `here`, on the same host; `elsewhere`, on another host
 * alone; `never`, the same call gives the same.
 */
export type ErrorRetry = 'here' | 'elsewhere' | 'never';

/** What an error claims of the operation that ended with it. */
export interface ErrorClaim {
  readonly effect: ErrorEffect;
  readonly retry: ErrorRetry;
}

/** @deprecated What version 0.1 had in place of `effect` and `retry`. */
export type ErrorKind = 'retry' | 'retry-elsewhere' | 'unknown' | 'fix' | 'fatal-replica' | 'fatal-host';

/** What a kind, given by an adapter that was written for 0.1, says for certain. */
const CLAIM_OF_KIND: Readonly<Record<ErrorKind, ErrorClaim>> = {
  retry: { effect: 'none', retry: 'here' },
  'retry-elsewhere': { effect: 'none', retry: 'elsewhere' },
  unknown: { effect: 'unknown', retry: 'here' },
  fix: { effect: 'none', retry: 'never' },
  'fatal-replica': { effect: 'unknown', retry: 'elsewhere' },
  'fatal-host': { effect: 'unknown', retry: 'elsewhere' },
};

const KIND_OF_RETRY: Readonly<Record<ErrorRetry, ErrorKind>> = {
  here: 'retry',
  elsewhere: 'retry-elsewhere',
  never: 'fix',
};

/** What every error takes beside its message; a claim of the place where it is thrown goes before that of its class. */
export interface ErrorContext extends Partial<ErrorClaim> {
  cause?: unknown;
  details?: Record<string, unknown>;
}

const BRAND = Symbol.for('drakkar.error');

/**
 * Base of every error of Drakkar. Recognised by a brand and matched by `code`, never by `instanceof`, so that two
 * copies of the package in one process agree.
 */
export class DrakkarError extends Error implements ErrorClaim {
  readonly code: string;
  readonly effect: ErrorEffect;
  readonly retry: ErrorRetry;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: string, claim: ErrorClaim | ErrorKind, message: string, context: ErrorContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    const { effect, retry } = typeof claim === 'string' ? CLAIM_OF_KIND[claim] : claim;
    this.name = new.target.name;
    this.code = code;
    this.effect = context.effect ?? effect;
    this.retry = context.retry ?? retry;
    this.details = context.details ?? {};
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** @deprecated Use `effect` and `retry`. The kinds `fatal-replica` and `fatal-host` are given no more. */
  get kind(): ErrorKind {
    return this.effect === 'unknown' ? 'unknown' : KIND_OF_RETRY[this.retry];
  }

  /** @deprecated Whether `effect` is `none` and `retry` is `here`. */
  get retrySafe(): boolean {
    return this.effect === 'none' && this.retry === 'here';
  }

  /** @deprecated Whether `effect` is `none`. */
  get outcomeKnown(): boolean {
    return this.effect === 'none';
  }
}

export function isDrakkarError(value: unknown): value is DrakkarError {
  return typeof value === 'object' && value !== null && BRAND in value;
}

/** The error with another claim, for an operation of which the one that failed is a part. Its `cause` is `error`. */
export function withClaim(error: DrakkarError, claim: Partial<ErrorClaim>): DrakkarError {
  const { code, effect, retry, message, name, details } = error;
  const restated = new DrakkarError(code, { effect, retry, ...claim }, message, { cause: error, details });
  restated.name = name;
  return restated;
}

/** Whether `value` is Drakkar's error with that code, from whichever copy of the package. */
export function hasErrorCode(value: unknown, code: string): boolean {
  return isDrakkarError(value) && value.code === code;
}

export class ErrLogDBFenced extends DrakkarError {
  constructor(
    message = 'a write or sync failed earlier; the LogDB accepts nothing more',
    context?: ErrorContext,
  ) {
    super('ERR_LOGDB_FENCED', { effect: 'unknown', retry: 'elsewhere' }, message, context);
  }
}
export class ErrLogDBClosed extends DrakkarError {
  constructor(message = 'the LogDB is closed', context?: ErrorContext) {
    super('ERR_LOGDB_CLOSED', { effect: 'none', retry: 'never' }, message, context);
  }
}
export class ErrLogDBLocked extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_LOGDB_LOCKED', { effect: 'none', retry: 'never' }, message, context);
  }
}
/** The LogDB can't be opened as configured: a folder is missing, not permitted, or belongs to another log. */
export class ErrLogDBOpen extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_LOGDB_OPEN', { effect: 'none', retry: 'never' }, message, context);
  }
}
/** Stored bytes are not what was written: bit rot, a foreign file, a bug. */
export class ErrLogDBCorrupt extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_LOGDB_CORRUPT', { effect: 'unknown', retry: 'never' }, message, context);
  }
}
/**
 * A LogDB refused one replica's update before it wrote anything of the call: it can't be encoded. The caller may make the call again without that update.
 */
export class ErrUpdateRefused extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_UPDATE_REFUSED', { effect: 'none', retry: 'never' }, message, context);
  }
}
/** Bytes that are not a well-formed message. */
export class ErrMalformed extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_MALFORMED', { effect: 'none', retry: 'never' }, message, context);
  }
}
/** A 64-bit id, index or term above Number.MAX_SAFE_INTEGER. */
export class ErrUnsafeInteger extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_UNSAFE_INTEGER', { effect: 'none', retry: 'never' }, message, context);
  }
}
export class ErrMessageTooLarge extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_MESSAGE_TOO_LARGE', { effect: 'none', retry: 'never' }, message, context);
  }
}
export class ErrConnectionClosed extends DrakkarError {
  constructor(message = 'the connection is closed', context?: ErrorContext) {
    super('ERR_CONNECTION_CLOSED', { effect: 'unknown', retry: 'here' }, message, context);
  }
}
export class ErrConnectFailed extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_CONNECT_FAILED', { effect: 'none', retry: 'here' }, message, context);
  }
}
/** The peer could not be authenticated, or refused us. */
export class ErrTLS extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_TLS', { effect: 'none', retry: 'never' }, message, context);
  }
}
export class ErrAddressInUse extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_ADDRESS_IN_USE', { effect: 'none', retry: 'never' }, message, context);
  }
}
export class ErrInvalidAddress extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_INVALID_ADDRESS', { effect: 'none', retry: 'never' }, message, context);
  }
}
export class ErrTransportStopped extends DrakkarError {
  constructor(message = 'the transport is stopped', context?: ErrorContext) {
    super('ERR_TRANSPORT_STOPPED', { effect: 'none', retry: 'never' }, message, context);
  }
}
/** The adapter does not have the capability that the call needs. */
export class ErrUnsupported extends DrakkarError {
  constructor(message: string, context?: ErrorContext) {
    super('ERR_UNSUPPORTED', { effect: 'none', retry: 'never' }, message, context);
  }
}
