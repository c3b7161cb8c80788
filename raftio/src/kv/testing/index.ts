export { entries } from './fixtures.js';
export { LogModel } from './log-model.js';
export { type Action, actionArbitrary, runAction } from './model-actions.js';
export { kvLogDBTests } from './logdb-tests.js';
export { TestLogs, entriesOf, failureOf, indexesOf, updateOf } from './test-logs.js';
