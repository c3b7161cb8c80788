import { printable } from './printable.js';

/** Lines of a stack that are kept. */
const MAX_STACK_LINES = 12;
/** Errors behind an error that are kept. */
const MAX_CAUSES = 3;
const MAX_ITEMS = 16;

/**
 * Facts for a log, of which some may be of others' making: text is bounded and on one line, bytes are shown by their
 * number, and errors, which go under `err`, have what they say and nothing that they carry.
 */
export function boundedDetails(details: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const bounded: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(details)) {
    const name = key === 'error' && !('err' in details) ? 'err' : key;
    bounded[name] = boundedValue(value);
  }
  return bounded;
}

/** A copy with name, message, code, stack and causes, all bounded. */
export function boundedError(error: Error, depth = 0): Error {
  const { name, message, stack, cause } = error;
  const copy = new Error(printable(message));
  copy.name = printable(name);
  copy.stack = stack?.split('\n').slice(0, MAX_STACK_LINES).map(printable).join('\n') ?? '';
  const { code } = error as { code?: unknown };
  if (typeof code === 'string' || typeof code === 'number') Object.assign(copy, { code: boundedValue(code) });
  if (cause !== undefined && depth < MAX_CAUSES) {
    copy.cause = cause instanceof Error ? boundedError(cause, depth + 1) : boundedValue(cause);
  }
  return copy;
}

function boundedValue(value: unknown): unknown {
  if (typeof value === 'string') return printable(value);
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Error) return boundedError(value);
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((each) => boundedValue(each));
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, MAX_ITEMS)
      .map(([key, each]) => [printable(key), typeof each === 'object' ? String(each) : boundedValue(each)]),
  );
}
