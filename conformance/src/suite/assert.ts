import { hasErrorCode } from '@drakkar/raftio';

/** What a case throws when the adapter did not keep its clause; the message is written for the adapter's author. */
export class ConformanceFailure extends Error {
  override readonly name = 'ConformanceFailure';
}

/** Thrown by a case that can't be asked of this adapter; the reason is shown in the report. */
export class NotApplicable extends Error {
  override readonly name = 'NotApplicable';
}

export function fail(message: string): never {
  throw new ConformanceFailure(message);
}

export function notApplicable(reason: string): never {
  throw new NotApplicable(reason);
}

const SHOWN_CHARS = 120;

/** A value as shown in a message: short, and telling a number from a bigint or a string. */
export function show(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'string') return JSON.stringify(value.slice(0, SHOWN_CHARS));
  if (value instanceof Error) return describeError(value);
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (typeof value === 'object' && value !== null) {
    const text = JSON.stringify(value, (_key, inner: unknown) =>
      typeof inner === 'bigint' ? `${inner}n` : inner instanceof Map ? [...inner] : inner,
    );
    return text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS)}…` : text;
  }
  return String(value);
}

/** Code, when there is one, and message of anything that was thrown. */
export function describeError(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  const { code, message } = error as { code?: unknown; message?: unknown };
  const text = typeof message === 'string' ? message : 'no message';
  return typeof code === 'string' ? `${code} (${text})` : text;
}

/** The line of the case that an error came from, as far as its stack goes. */
const LINE_OF_CASE = /[\w-]+\/cases\/[\w-]+\.[jt]s:\d+/;

/** What `describeError` says, and which line of a case has seen it. */
export function describeFailure(error: unknown): string {
  const { stack } = (error ?? {}) as { stack?: unknown };
  const line = typeof stack === 'string' ? LINE_OF_CASE.exec(stack)?.[0] : undefined;
  return line === undefined ? describeError(error) : `${describeError(error)}, at ${line}`;
}

export function truth(condition: boolean, what: string): void {
  if (!condition) fail(what);
}

/** For numbers, bigints, strings, booleans and undefined; a number never equals a bigint. */
export function same(actual: unknown, expected: unknown, what: string): void {
  if (!Object.is(actual, expected)) fail(`${what}: expected ${show(expected)}, got ${show(actual)}`);
}

export function sameList(actual: readonly unknown[], expected: readonly unknown[], what: string): void {
  const length = Math.min(actual.length, expected.length);
  for (let i = 0; i < length; i++) {
    if (!Object.is(actual[i], expected[i])) {
      fail(`${what}: at position ${i} expected ${show(expected[i])}, got ${show(actual[i])}`);
    }
  }
  if (actual.length !== expected.length) {
    fail(`${what}: expected ${expected.length} of them, got ${actual.length}: ${show(actual)}`);
  }
}

/** Compares content, not class: a Buffer, or an array of another realm, is as good as a Uint8Array. */
export function sameBytes(actual: unknown, expected: Uint8Array, what: string): void {
  if (!ArrayBuffer.isView(actual)) fail(`${what}: expected bytes, got ${show(actual)}`);
  const bytes = new Uint8Array(actual.buffer, actual.byteOffset, actual.byteLength);
  same(bytes.length, expected.length, `${what}: length in bytes`);
  if (Buffer.compare(bytes, expected) === 0) return;
  const at = expected.findIndex((byte, i) => bytes[i] !== byte);
  fail(`${what}: at byte ${at} of ${expected.length} expected ${show(expected[at])}, got ${show(bytes[at])}`);
}

/** Compares content, in no particular order; anything with `entries()` passes for a Map. */
export function sameMap<V>(actual: unknown, expected: ReadonlyMap<number, V>, what: string): void {
  const { entries } = (actual ?? {}) as { entries?: unknown };
  if (typeof entries !== 'function') fail(`${what}: expected a Map, got ${show(actual)}`);
  const got = [...(actual as ReadonlyMap<number, V>).entries()].sort(([a], [b]) => a - b);
  const want = [...expected.entries()].sort(([a], [b]) => a - b);
  sameList(
    got.map(([key]) => key),
    want.map(([key]) => key),
    `${what}: keys`,
  );
  want.forEach(([key, value], i) => same(got[i]?.[1], value, `${what}: value of ${key}`));
}

/** What `promise` rejected with; fails when it resolves. */
export async function rejects(promise: Promise<unknown>, what: string): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return fail(`${what}: expected a rejection, but it resolved`);
}

/** Fails unless `promise` rejects with a Drakkar error that has one of `codes`. */
export async function rejectsWith(
  promise: Promise<unknown>,
  codes: string | readonly string[],
  what: string,
): Promise<void> {
  const error = await rejects(promise, what);
  const wanted = typeof codes === 'string' ? [codes] : codes;
  if (!wanted.some((code) => hasErrorCode(error, code))) {
    fail(`${what}: expected a rejection with ${wanted.join(' or ')}, got ${describeError(error)}`);
  }
}
