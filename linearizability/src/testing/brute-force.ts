import { IMPOSSIBLE, type Model } from '../model.js';
import type { Operation } from '../operation.js';

/**
 * The definition, word by word: some order of the completed operations, and of some of the others, that keeps the order
 * of those that did not overlap and that the model can follow. For a handful of operations only.
 */
export function isLinearizableByDefinition<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
): boolean {
  const parts = new Map<string | number, Operation<Input, Output>[]>();
  for (const operation of operations) {
    const part = model.partOf?.(operation.input) ?? '';
    parts.set(part, [...(parts.get(part) ?? []), operation]);
  }
  return [...parts.values()].every((part) =>
    orders(part).some(
      (order) =>
        part.every((operation) => operation.returnedAt === undefined || order.includes(operation)) &&
        keepsRealTime(order) &&
        isLegal(model, order),
    ),
  );
}

/** Every order of every subset. */
function orders<T>(items: readonly T[]): T[][] {
  const rest = items.map((item) => ({ item, others: items.filter((other) => other !== item) }));
  return [[], ...rest.flatMap(({ item, others }) => orders(others).map((order) => [item, ...order]))];
}

function keepsRealTime<Input, Output>(order: readonly Operation<Input, Output>[]): boolean {
  return order.every((later, position) =>
    order.slice(0, position).every((earlier) => earlier.invokedAt <= (later.returnedAt ?? Infinity)),
  );
}

function isLegal<State, Input, Output>(
  model: Model<State, Input, Output>,
  order: readonly Operation<Input, Output>[],
): boolean {
  let state = model.initial();
  for (const { input, output } of order) {
    const next = model.step(state, input, output);
    if (next === IMPOSSIBLE) return false;
    state = next;
  }
  return true;
}
