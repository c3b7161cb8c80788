export {
  type IOrderedKV,
  type KVOp,
  type KVPage,
  type KVPair,
  type KVPairRange,
  type KVRange,
  MAX_KEY_SIZE_BYTES,
} from './contract.js';
export { KVLogDB, type KVLogDBOptions } from './kv-logdb.js';
