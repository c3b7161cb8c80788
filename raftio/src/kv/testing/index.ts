export { entries } from './fixtures.js';
export { kvLogDBTests } from './logdb-tests.js';
export { type KVPlace, orderedKVTests } from './ordered-kv-tests.js';
export { type Failure, TestLogs, entriesOf, failureOf, indexesOf, updateOf } from './test-logs.js';
