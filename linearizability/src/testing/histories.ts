import { type RegisterOperation, type RegisterValue, valueWritten } from '../history.js';

export type Random = (bound: number) => number;

/** A small linear congruential generator: same seed, same numbers. */
export function seededRandom(seed: number): Random {
  let state = (seed * 2_654_435_761) >>> 0;
  const next = (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  next();
  return (bound) => Math.floor(next() * bound);
}

/**
 * What `clients` saw of one atomic register: each call takes effect at an instant of its own between its two ends,
 * so the history is linearizable. Writes are of ever new values unless `values` bounds them; of `unknownOneIn` calls,
 * one never returns.
 */
export function atomicHistory(
  random: Random,
  options: { length: number; clients: number; values?: number; unknownOneIn: number },
): RegisterOperation[] {
  const free = new Array<number>(options.clients).fill(0);
  const plan = Array.from({ length: options.length }, (_, i) => {
    const client = random(options.clients);
    const invokedAt = (free[client] ?? 0) + 1 + random(5);
    const effectAt = invokedAt + random(10) + random(1_000) / 1_000;
    const returnedAt = Math.ceil(effectAt) + random(10);
    free[client] = returnedAt;
    const isUnknown = random(options.unknownOneIn) === 0;
    const roll = random(10);
    const kind: RegisterOperation['kind'] = roll < 4 ? 'put' : roll < 9 ? 'get' : 'delete';
    const value = options.values === undefined ? i : random(options.values);
    return { client, kind, value, invokedAt, effectAt, returnedAt, isUnknown, isApplied: random(2) === 0 };
  });
  let register: RegisterValue;
  return plan
    .sort((a, b) => a.effectAt - b.effectAt)
    .map(({ client, kind, value, invokedAt, returnedAt, isUnknown, isApplied }) => {
      if (kind !== 'get' && (!isUnknown || isApplied)) register = kind === 'put' ? value : undefined;
      return {
        key: 'x',
        client,
        kind,
        value: kind === 'get' ? register : kind === 'put' ? value : undefined,
        invokedAt,
        returnedAt: isUnknown ? undefined : returnedAt,
      };
    });
}

/** Changes what one read saw, or when one operation was: the result may or may not be linearizable. */
export function mutate(history: readonly RegisterOperation[], random: Random): RegisterOperation[] {
  const at = random(history.length);
  return history.map((operation, i) => {
    if (i !== at) return operation;
    if (operation.kind === 'get') return { ...operation, value: random(4) === 0 ? undefined : random(3) };
    const length = (operation.returnedAt ?? operation.invokedAt + 1) - operation.invokedAt;
    const invokedAt = random(30);
    return { ...operation, invokedAt, returnedAt: invokedAt + length };
  });
}

/** The definition itself, tried on every order; for histories of one key and a few operations. */
export function isLinearizableByTrial(history: readonly RegisterOperation[]): boolean {
  const keys = new Set(history.map(({ key }) => key));
  return [...keys].every((key) =>
    canBeOrdered(
      history.filter((operation) => operation.key === key),
      undefined,
    ),
  );
}

function canBeOrdered(left: readonly RegisterOperation[], register: RegisterValue): boolean {
  if (left.every(({ returnedAt }) => returnedAt === undefined)) return true;
  return left.some((operation, i) => {
    const isFirst = left.every(({ returnedAt }) => (returnedAt ?? Infinity) >= operation.invokedAt);
    if (!isFirst) return false;
    if (operation.kind === 'get' && operation.returnedAt !== undefined && operation.value !== register) {
      return false;
    }
    const after = operation.kind === 'get' ? register : valueWritten(operation);
    return canBeOrdered([...left.slice(0, i), ...left.slice(i + 1)], after);
  });
}
