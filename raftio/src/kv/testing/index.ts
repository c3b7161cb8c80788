export { entries } from './fixtures.js';
export { kvLogDBTests } from './logdb-tests.js';
export { TestLogs, entriesOf, failureOf, indexesOf, updateOf } from './test-logs.js';
