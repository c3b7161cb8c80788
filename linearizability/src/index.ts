export {
  type LinearizabilityOptions,
  type LinearizabilityResult,
  checkLinearizableRegister,
} from './check.js';
export {
  type CheckOptions,
  type CheckResult,
  type Violation,
  checkLinearizable,
} from './check-linearizable.js';
export { IMPOSSIBLE, type Model } from './model.js';
export type { Operation } from './operation.js';
export { type RegisterInput, type RegisterOutput, type Value, registerModel } from './models/register.js';
export { type KeyValueInput, keyValueModel } from './models/key-value.js';
export { type CounterInput, type CounterOutput, counterModel } from './models/counter.js';
export {
  type AppendListInput,
  type AppendListOutput,
  type ListNode,
  appendListModel,
} from './models/append-list.js';
export { drawViolation } from './picture.js';
export {
  ErrInvalidHistory,
  appendListHistory,
  counterHistory,
  keyValueHistory,
  registerHistory,
} from './jepsen.js';
export { type RegisterOperation, type RegisterValue } from './history.js';
