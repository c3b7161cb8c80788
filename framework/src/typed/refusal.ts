import { type DrakkarError, hasErrorCode } from '@drakkar/raftio';

const BRAND = Symbol.for('drakkar.refusal');

/** What a command or query throws to refuse: see `defineRefusal`. */
export class Refusal<Data = unknown> extends Error {
  readonly reason: string;
  readonly data: Data;

  constructor(reason: string, data: Data) {
    super(`refused: ${reason}`);
    this.name = 'Refusal';
    this.reason = reason;
    this.data = data;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/** The error that the caller gets for a refusal: `ErrRefused`, with the reason and its data. */
export interface RefusedError<Data = unknown> extends DrakkarError {
  readonly details: { readonly reason: string; readonly data: Data };
}

/** A kind of refusal: `throw new InsufficientFunds({ balance })` in a command, `InsufficientFunds.is(error)` at the caller. */
export interface RefusalClass<Data> {
  new (...data: undefined extends Data ? [data?: Data] : [data: Data]): Refusal<Data>;
  readonly reason: string;
  /** Whether a call failed with this refusal; then `error.details.data` is its data. */
  is(error: unknown): error is RefusedError<Data>;
}

/**
 * Makes a class of errors that are answers: a command that throws one leaves the state as it was, and its caller gets
 * `ErrRefused`. Any other error that a command throws stops the replica.
 *
 * @param reason stable, and unique within the state machine; what is stored and sent
 */
export function defineRefusal<Data = undefined>(reason: string): RefusalClass<Data> {
  return class extends Refusal<Data> {
    static readonly reason = reason;

    constructor(data?: Data) {
      super(reason, data as Data);
    }

    static is(error: unknown): error is RefusedError<Data> {
      return hasErrorCode(error, 'ERR_REFUSED') && (error as DrakkarError).details.reason === reason;
    }
  };
}

/** Not by instanceof: two copies of the package may be loaded. */
export function isRefusal(error: unknown): error is Refusal {
  return typeof error === 'object' && error !== null && BRAND in error;
}
