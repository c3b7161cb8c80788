import { IMPOSSIBLE, type Model } from '../model.js';

/** `undefined`: absent, never written. */
export type Value = number | string | undefined;

export type RegisterInput =
  | { readonly kind: 'read' }
  | { readonly kind: 'write'; readonly value: Value }
  /** Compare and set: writes `value` if the register holds `expected`. */
  | { readonly kind: 'cas'; readonly expected: Value; readonly value: Value };

export interface RegisterOutput {
  /** Present in that of a read. */
  readonly value?: Value;
  /** Present in that of a compare-and-set. */
  readonly isSet?: boolean;
}

export function showValue(value: Value): string {
  return value === undefined ? 'absent' : String(value);
}

export function stepRegister(
  state: Value,
  input: RegisterInput,
  output: RegisterOutput | undefined,
): Value | typeof IMPOSSIBLE {
  switch (input.kind) {
    case 'read':
      return output === undefined || output.value === state ? state : IMPOSSIBLE;
    case 'write':
      return input.value;
    case 'cas': {
      const sets = state === input.expected;
      if (output?.isSet !== undefined && output.isSet !== sets) return IMPOSSIBLE;
      return sets ? input.value : state;
    }
  }
}

export function describeRegister(input: RegisterInput, output: RegisterOutput | undefined): string {
  switch (input.kind) {
    case 'read':
      return `read ${output === undefined ? '?' : showValue(output.value)}`;
    case 'write':
      return `write ${showValue(input.value)}`;
    case 'cas': {
      const outcome = output?.isSet === undefined ? '?' : output.isSet ? 'set' : 'not set';
      return `cas ${showValue(input.expected)} → ${showValue(input.value)}: ${outcome}`;
    }
  }
}

/** A compare-and-set that did not set is a kind of read. */
export function isRegisterRead(input: RegisterInput, output: RegisterOutput | undefined): boolean {
  return input.kind === 'read' || (input.kind === 'cas' && output?.isSet === false);
}

export function keyOfValue(value: Value): string {
  return `${typeof value}:${String(value)}`;
}

/** One register: read, write, compare and set. */
export function registerModel(initial?: Value): Model<Value, RegisterInput, RegisterOutput> {
  return {
    name: 'register',
    initial: () => initial,
    step: stepRegister,
    stateKey: keyOfValue,
    isReadOnly: isRegisterRead,
    describe: describeRegister,
    describeState: showValue,
  };
}
