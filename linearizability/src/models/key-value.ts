import type { Model } from '../model.js';
import {
  type RegisterInput,
  type RegisterOutput,
  type Value,
  describeRegister,
  isRegisterRead,
  keyOfValue,
  showValue,
  stepRegister,
} from './register.js';

/** A delete is a write of `undefined`. */
export type KeyValueInput = RegisterInput & { readonly key: number | string };

/** A map whose keys are registers of their own: read, write, compare and set of one key at a time. */
export function keyValueModel(initial?: Value): Model<Value, KeyValueInput, RegisterOutput> {
  return {
    name: 'key-value',
    initial: () => initial,
    step: stepRegister,
    stateKey: keyOfValue,
    isReadOnly: isRegisterRead,
    partOf: ({ key }) => key,
    describe: (input, output) => `${String(input.key)}: ${describeRegister(input, output)}`,
    describeState: showValue,
  };
}
