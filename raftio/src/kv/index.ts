export { CallsUnderWay } from './calls-under-way.js';
export { Committer } from './committer.js';
export {
  type IOrderedKV,
  type KVOp,
  type KVPage,
  type KVPair,
  type KVPairRange,
  type KVRange,
  MAX_KEY_SIZE_BYTES,
} from './contract.js';
export { type KVKeyOp, expandRanges } from './expand-ranges.js';
export { fieldOf, isNotFound, messageOf } from './failures.js';
export { type GateSlot, OrderGate } from './gate.js';
export { KVLogDB, type KVLogDBOptions } from './kv-logdb.js';
export { type HeldLock, type LockedLogDB, openLockedLogDB } from './open-locked.js';
export { type KVPlace, type KVTestRunner, orderedKVSuite } from './ordered-kv-suite.js';
export { type Placement, findPlacement, recordPlacement, syncFolder, writeFileDurable } from './placement.js';
export { makePrivate } from './private-files.js';
