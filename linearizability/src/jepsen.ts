import { parseEDNString } from 'edn-data';
import type { AppendListInput, AppendListOutput } from './models/append-list.js';
import type { CounterInput, CounterOutput } from './models/counter.js';
import type { KeyValueInput } from './models/key-value.js';
import type { RegisterInput, RegisterOutput, Value } from './models/register.js';
import type { Operation } from './operation.js';

/** A history that can't be read: the message says which of its events, and why. */
export class ErrInvalidHistory extends Error {
  readonly code = 'ERR_INVALID_HISTORY';

  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
  }
}

type EventType = 'invoke' | 'ok' | 'fail' | 'info';

interface Event {
  position: number;
  process: number;
  type: EventType;
  f: string;
  value: unknown;
}

/** How operations of one model are written in Jepsen's histories. */
interface Vocabulary<Input, Output> {
  input(f: string, invoked: unknown): Input | undefined;
  /** @param invoked the value of the invocation; @param value that of the completion */
  output(f: string, invoked: unknown, value: unknown): Output;
}

const TYPES = new Set<unknown>(['invoke', 'ok', 'fail', 'info']);

/**
 * The operations of a history in the EDN form of Jepsen and Knossos: maps with `:process`, `:type`, `:f` and `:value`,
 * in one vector or a line each. `:fail` had no effect and is left out; `:info` is of unknown outcome, as is what never
 * completed. Events of other processes than numbered ones (the nemesis) are left out. The position in the file is the
 * instant.
 *
 * @throws ErrInvalidHistory
 */
function readHistory<Input, Output>(
  text: string,
  vocabulary: Vocabulary<Input, Output>,
): Operation<Input, Output>[] {
  const operations: Operation<Input, Output>[] = [];
  const open = new Map<number, Event>();
  const add = (invoked: Event, completed: Event | undefined): void => {
    const input = vocabulary.input(invoked.f, invoked.value);
    if (input === undefined)
      throw invalid(
        invoked.position,
        `:f :${invoked.f} with value ${show(invoked.value)} is not of this model`,
      );
    const isKnown = completed?.type === 'ok';
    operations.push({
      client: invoked.process,
      input,
      output: isKnown ? vocabulary.output(invoked.f, invoked.value, completed.value) : undefined,
      invokedAt: invoked.position,
      returnedAt: isKnown ? completed.position : undefined,
    });
  };
  for (const event of eventsOf(text)) {
    const invoked = open.get(event.process);
    if (event.type === 'invoke') {
      if (invoked !== undefined)
        throw invalid(event.position, `process ${event.process} has an operation open already`);
      open.set(event.process, event);
      continue;
    }
    if (invoked === undefined) {
      if (event.type === 'info') continue; // Jepsen logs things that are no operations
      throw invalid(event.position, `process ${event.process} completes what it did not invoke`);
    }
    open.delete(event.process);
    if (event.type !== 'fail') add(invoked, event);
  }
  for (const invoked of open.values()) add(invoked, undefined);
  return operations.sort((a, b) => a.invokedAt - b.invokedAt);
}

function eventsOf(text: string): Event[] {
  let parsed: unknown;
  try {
    parsed = parseEDNString(`[${text}\n]`, { mapAs: 'object', keywordAs: 'string', listAs: 'array' });
  } catch (error) {
    throw new ErrInvalidHistory('the history is not EDN', { cause: error });
  }
  if (!Array.isArray(parsed)) throw new ErrInvalidHistory('the history is not EDN: it ends too early');
  let maps = parsed as unknown[];
  if (maps.length === 1 && Array.isArray(maps[0])) maps = maps[0] as unknown[];
  const events: Event[] = [];
  for (const [position, map] of maps.entries()) {
    if (typeof map !== 'object' || map === null || Array.isArray(map))
      throw invalid(position, `a map is expected, not ${show(map)}`);
    const { process, type, f, value } = map as Record<string, unknown>;
    if (!TYPES.has(type))
      throw invalid(position, `:type must be :invoke, :ok, :fail or :info, not ${show(type)}`);
    if (typeof process !== 'number') continue;
    if (typeof f !== 'string') throw invalid(position, ':f is missing');
    events.push({ position, process, type: type as EventType, f, value: untagged(value) });
  }
  return events;
}

/** `#jepsen.independent.Tuple [k v]` and the like are their values. */
function untagged(value: unknown): unknown {
  return typeof value === 'object' && value !== null && 'tag' in value && 'val' in value ? value.val : value;
}

function invalid(position: number, why: string): ErrInvalidHistory {
  return new ErrInvalidHistory(`event ${position + 1} of the history: ${why}`);
}

function show(value: unknown): string {
  return value === undefined
    ? 'nothing'
    : JSON.stringify(value, (_key, each: unknown) => (typeof each === 'bigint' ? String(each) : each));
}

function isValue(value: unknown): value is number | string {
  return typeof value === 'number' || typeof value === 'string';
}

function asValue(value: unknown): Value {
  return isValue(value) ? value : undefined;
}

const registerWords: Vocabulary<RegisterInput, RegisterOutput> = {
  input: (f, value) => {
    if (f === 'read') return { kind: 'read' };
    if (f === 'write') return { kind: 'write', value: asValue(value) };
    if (f === 'cas' && Array.isArray(value) && value.length === 2)
      return { kind: 'cas', expected: asValue(value[0]), value: asValue(value[1]) };
    return undefined;
  },
  output: (f, _invoked, value) =>
    f === 'read' ? { value: asValue(value) } : f === 'cas' ? { isSet: true } : {},
};

/** `:read`, `:write v`, `:cas [expected v]`; a compare-and-set that did not set is a `:fail`. */
export function registerHistory(text: string): Operation<RegisterInput, RegisterOutput>[] {
  return readHistory(text, registerWords);
}

/** As `registerHistory`, with `[key value]` wherever that has a value. */
export function keyValueHistory(text: string): Operation<KeyValueInput, RegisterOutput>[] {
  return readHistory<KeyValueInput, RegisterOutput>(text, {
    input: (f, value) => {
      if (!Array.isArray(value) || value.length !== 2 || !isValue(value[0])) return undefined;
      const input = registerWords.input(f, value[1]);
      return input && { ...input, key: value[0] };
    },
    output: (f, invoked, value) =>
      registerWords.output(f, invoked, Array.isArray(value) ? value[1] : undefined),
  });
}

/** `:add n`, `:read`. */
export function counterHistory(text: string): Operation<CounterInput, CounterOutput>[] {
  return readHistory<CounterInput, CounterOutput>(text, {
    input: (f, value) => {
      if (f === 'read') return { kind: 'read' };
      return f === 'add' && typeof value === 'number' ? { kind: 'add', by: value } : undefined;
    },
    output: (f, _invoked, value) => (f === 'read' && typeof value === 'number' ? { value } : {}),
  });
}

/** `:append v`, `:read` of all values. */
export function appendListHistory(text: string): Operation<AppendListInput, AppendListOutput>[] {
  return readHistory<AppendListInput, AppendListOutput>(text, {
    input: (f, value) => {
      if (f === 'read') return { kind: 'read' };
      return f === 'append' && isValue(value) ? { kind: 'append', value } : undefined;
    },
    output: (f, _invoked, value) => {
      if (f !== 'read') return {};
      return { values: Array.isArray(value) ? value.filter(isValue) : [] };
    },
  });
}
