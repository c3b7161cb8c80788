import type { Model } from './model.js';
import type { Operation } from './operation.js';
import { OrderSearch } from './order-search.js';

export interface CheckOptions {
  /** When the search gives up, undecided. Default 30 s. */
  timeLimitMs?: number;
}

/** The part of a history that can't be explained. */
export interface Violation<Input, Output> {
  readonly part: string | number;
  /** The operations of that part, up to the one that can't be explained; what returned later counts as open. */
  readonly operations: readonly Operation<Input, Output>[];
  /** As many of them as can be put in an order. */
  readonly order: readonly Operation<Input, Output>[];
  /** Those of which one had to come next, and none could. */
  readonly stuck: readonly Operation<Input, Output>[];
}

export type CheckResult<Input, Output> =
  | { verdict: 'ok'; partCount: number; operationCount: number }
  | { verdict: 'violation'; violation: Violation<Input, Output>; message: string }
  /** Neither shown to be right nor to be wrong. */
  | { verdict: 'undecided'; part: string | number; reason: string };

const DEFAULT_TIME_LIMIT_MS = 30_000;
const SHOWN_BEFORE_VIOLATION = 12;

/**
 * Whether a history is linearizable (Herlihy and Wing 1990): whether each operation can be given an instant between
 * its invocation and its return so that the model, taking them in that order, answers as the object did. Two
 * operations that touch at one instant are concurrent.
 */
export function checkLinearizable<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: Iterable<Operation<Input, Output>>,
  options: CheckOptions = {},
): CheckResult<Input, Output> {
  const deadline = performance.now() + (options.timeLimitMs ?? DEFAULT_TIME_LIMIT_MS);
  const isOver = (): boolean => performance.now() > deadline;
  const parts = partsOf(model, history);
  let operationCount = 0;
  for (const [part, operations] of parts) {
    operationCount += operations.length;
    const result = new OrderSearch(model, operations).run(isOver);
    if (result.verdict === 'undecided') return { verdict: 'undecided', part, reason: result.reason };
    if (result.verdict === 'violation') {
      const violation = { part, operations: upToCulprit(operations, result.stuck), ...result };
      return { verdict: 'violation', violation, message: explain(model, violation) };
    }
  }
  return { verdict: 'ok', partCount: parts.size, operationCount };
}

/** Operations by part, in the order of the parts' first appearance. */
function partsOf<State, Input, Output>(
  model: Model<State, Input, Output>,
  history: Iterable<Operation<Input, Output>>,
): Map<string | number, Operation<Input, Output>[]> {
  const parts = new Map<string | number, Operation<Input, Output>[]>();
  for (const operation of history) {
    const part = model.partOf?.(operation.input) ?? '';
    const operations = parts.get(part);
    if (operations === undefined) parts.set(part, [operation]);
    else operations.push(operation);
  }
  return parts;
}

/** The contradiction shows when the first of the stuck operations returns: nothing that began later is part of it. */
function upToCulprit<Input, Output>(
  operations: readonly Operation<Input, Output>[],
  stuck: readonly Operation<Input, Output>[],
): Operation<Input, Output>[] {
  const endsAt = Math.min(...stuck.map(({ returnedAt }) => returnedAt ?? Infinity));
  return operations.filter(({ invokedAt }) => invokedAt <= endsAt).sort((a, b) => a.invokedAt - b.invokedAt);
}

function explain<State, Input, Output>(
  model: Model<State, Input, Output>,
  { part, order, stuck }: Violation<Input, Output>,
): string {
  const where = part === '' ? '' : ` of ${String(part)}`;
  let state = model.initial();
  const steps = order.map((operation) => {
    const next = model.step(state, operation.input, operation.output);
    if (typeof next !== 'symbol') state = next;
    return `  ${formatOperation(model, operation)}  → ${model.describeState(state)}`;
  });
  const shown = steps.slice(-SHOWN_BEFORE_VIOLATION);
  const omitted = steps.length - shown.length;
  return [
    `no order of the operations${where} explains what was seen. The longest that does:`,
    ...(omitted > 0 ? [`  … ${omitted} more`] : []),
    ...shown,
    `then none of these can be next, in state ${model.describeState(state)}:`,
    ...stuck.map((operation) => `  ${formatOperation(model, operation)}`),
  ].join('\n');
}

/** One operation as a line: `client 3  put x = 7  [12, 15.5]`. */
export function formatOperation<State, Input, Output>(
  model: Model<State, Input, Output>,
  { client, input, output, invokedAt, returnedAt }: Operation<Input, Output>,
): string {
  const who = client === undefined ? '' : `client ${client}  `;
  return `${who}${model.describe(input, output)}  [${invokedAt}, ${returnedAt ?? 'unknown'}]`;
}
