import { CallKind, type JournaledCall } from './journal.js';

export interface Latency {
  p50Ms: number;
  p99Ms: number;
}

export interface Figures {
  seconds: number;
  acknowledgedWrites: number;
  reads: number;
  /** Writes whose client was killed, or gave up, before the answer. */
  unknownOutcomes: number;
  writesPerSecond: number;
  readsPerSecond: number;
  writeLatency: Latency;
  readLatency: Latency;
}

/** The value below which lie `part` (0 to 1) of `sorted`; 0 of nothing. */
export function quantile(sorted: ArrayLike<number>, part: number): number {
  if (sorted.length === 0) return 0;
  return sorted[Math.min(sorted.length - 1, Math.ceil(part * sorted.length) - 1)] ?? 0;
}

function latencyOf(calls: readonly JournaledCall[]): Latency {
  const micros = Float64Array.from(
    calls,
    ({ invokedAt, returnedAt = invokedAt }) => returnedAt - invokedAt,
  ).sort();
  return { p50Ms: quantile(micros, 0.5) / 1e3, p99Ms: quantile(micros, 0.99) / 1e3 };
}

/** What clients saw, over the whole time in which they worked. */
export function figuresOf(calls: readonly JournaledCall[]): Figures {
  const done = calls.filter(({ returnedAt }) => returnedAt !== undefined);
  const writes = done.filter(({ kind }) => kind !== CallKind.get);
  const reads = done.filter(({ kind }) => kind === CallKind.get);
  let from = Infinity;
  let to = -Infinity;
  for (const { invokedAt, returnedAt = 0 } of done) {
    from = Math.min(from, invokedAt);
    to = Math.max(to, returnedAt);
  }
  const seconds = done.length === 0 ? 0 : (to - from) / 1e6;
  const perSecond = (count: number): number => (seconds > 0 ? count / seconds : 0);
  return {
    seconds,
    acknowledgedWrites: writes.length,
    reads: reads.length,
    unknownOutcomes: calls.filter((call) => call.kind !== CallKind.get && call.returnedAt === undefined)
      .length,
    writesPerSecond: perSecond(writes.length),
    readsPerSecond: perSecond(reads.length),
    writeLatency: latencyOf(writes),
    readLatency: latencyOf(reads),
  };
}

/**
 * How long nobody could write: the longest time without an acknowledged write that ends between the instants `from`
 * (a kill; the time before it does not count) and `to`, in ms.
 */
export function outageMs(calls: readonly JournaledCall[], from: number, to: number): number {
  const times: number[] = [from];
  for (const { kind, returnedAt } of calls) {
    if (kind !== CallKind.get && returnedAt !== undefined && returnedAt > from && returnedAt <= to) {
      times.push(returnedAt);
    }
  }
  times.sort((a, b) => a - b);
  let longest = 0;
  for (let i = 1; i < times.length; i += 1) {
    longest = Math.max(longest, (times[i] as number) - (times[i - 1] as number));
  }
  return times.length === 1 ? (to - from) / 1e3 : longest / 1e3;
}
