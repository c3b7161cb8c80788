import { type RegisterOperation, type RegisterValue, formatOperation, partitionByKey } from './history.js';
import { minimiseViolation } from './minimise.js';
import { RegisterSearch, type SearchResult } from './search.js';

export interface LinearizabilityOptions {
  /** What every key holds at the start; absent if not given. */
  initial?: RegisterValue;
  /** When the search gives up, undecided. */
  timeLimitMs?: number;
}

export type LinearizabilityResult =
  | { verdict: 'ok'; keyCount: number; operationCount: number }
  | {
      verdict: 'violation';
      key: number | string;
      /** The operations, of that key, that contradict each other; no more than are needed to see it. */
      operations: RegisterOperation[];
      message: string;
    }
  /** Neither shown to be right nor to be wrong. */
  | { verdict: 'undecided'; key: number | string; reason: string };

const DEFAULT_TIME_LIMIT_MS = 30_000;
const MINIMISE_TIME_LIMIT_MS = 2_000;

/**
 * Whether a history of puts, gets and deletes on independent registers is linearizable (Herlihy and Wing 1990): whether
 * each operation can be given an instant between its invocation and its return so that every get sees the last write
 * before it. Keys are independent, so each is searched alone.
 */
export function checkLinearizableRegister(
  history: Iterable<RegisterOperation>,
  options: LinearizabilityOptions = {},
): LinearizabilityResult {
  const deadline = performance.now() + (options.timeLimitMs ?? DEFAULT_TIME_LIMIT_MS);
  const partitions = partitionByKey(history);
  let operationCount = 0;
  for (const [key, operations] of partitions) {
    operationCount += operations.length;
    const result = searchUntil(operations, options.initial, deadline);
    if (result.verdict === 'undecided') return { verdict: 'undecided', key, reason: result.reason };
    if (result.verdict === 'violation') {
      return describeViolation(key, operations, result.culprit, options.initial);
    }
  }
  return { verdict: 'ok', keyCount: partitions.size, operationCount };
}

function searchUntil(
  operations: readonly RegisterOperation[],
  initial: RegisterValue,
  deadline: number,
): SearchResult {
  const search = new RegisterSearch(initial);
  return search.run(operations, () => performance.now() > deadline);
}

function describeViolation(
  key: number | string,
  operations: readonly RegisterOperation[],
  culprit: RegisterOperation,
  initial: RegisterValue,
): LinearizabilityResult {
  const endsAt = culprit.returnedAt ?? Infinity;
  const prefix = operations
    .filter(({ invokedAt }) => invokedAt <= endsAt)
    // What returned later was still open when the contradiction showed.
    .map((operation) =>
      operation.returnedAt !== undefined && operation.returnedAt > endsAt && operation.kind !== 'get'
        ? { ...operation, returnedAt: undefined }
        : operation,
    )
    .filter(({ kind, returnedAt }) => kind !== 'get' || (returnedAt !== undefined && returnedAt <= endsAt));
  const deadline = performance.now() + MINIMISE_TIME_LIMIT_MS;
  const smallest = minimiseViolation(prefix, (candidate) => {
    return searchUntil(candidate, initial, deadline).verdict === 'violation';
  });
  const lines = smallest.map((operation) => `  ${formatOperation(operation)}`);
  return {
    verdict: 'violation',
    key,
    operations: smallest,
    message: `key ${key}: no order of these operations explains what they saw\n${lines.join('\n')}`,
  };
}
