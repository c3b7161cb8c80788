import type { AppendListInput, AppendListOutput } from '../models/append-list.js';
import type { CounterInput, CounterOutput } from '../models/counter.js';
import type { KeyValueInput } from '../models/key-value.js';
import type { RegisterInput, RegisterOutput, Value } from '../models/register.js';
import type { Operation } from '../operation.js';

/*
 * Histories as drawings: a line for each client, time from left to right. `[w1 ]` is an operation from `[` to `]`;
 * `[w1 ?` has no known outcome.
 *
 * Register: `w1` write, `r1` read that saw 1, `r-` saw nothing, `c12+` compare-and-set 1 to 2 that set, `c12-` that did
 * not, `c12` of an unknown outcome. Key-value: the same after a key and a dot, `x.w1`. Counter: `a2` add 2, `a2=5`
 * with the count after it, `r5`. List: `a1` append, `r12` read [1 2], `r-` read the empty list.
 */

interface Call {
  client: string;
  text: string;
  invokedAt: number;
  returnedAt: number | undefined;
}

function callsOf(drawing: string): Call[] {
  return drawing
    .split('\n')
    .filter((line) => line.trim() !== '')
    .flatMap((line) => {
      const client = line.trim().charAt(0);
      return [...line.matchAll(/\[([^\]?[]*)([\]?])/g)].map((match) => ({
        client,
        text: (match[1] ?? '').trim(),
        invokedAt: match.index,
        returnedAt: match[2] === '?' ? undefined : match.index + match[0].length - 1,
      }));
    });
}

function operationsOf<Input, Output>(
  drawing: string,
  read: (text: string) => { input: Input; output: Output },
): Operation<Input, Output>[] {
  return callsOf(drawing).map(({ client, text, invokedAt, returnedAt }) => {
    const { input, output } = read(text);
    return { client, input, output: returnedAt === undefined ? undefined : output, invokedAt, returnedAt };
  });
}

const valueOf = (text: string | undefined): Value =>
  text === undefined || text === '-' ? undefined : Number(text);

function readRegisterCall(text: string): { input: RegisterInput; output: RegisterOutput } {
  const value = text.slice(1);
  if (text.startsWith('w')) return { input: { kind: 'write', value: valueOf(value) }, output: {} };
  if (text.startsWith('r')) return { input: { kind: 'read' }, output: { value: valueOf(value) } };
  const [, expected, next, outcome] = /^c(.)(.)([+-]?)$/.exec(text) ?? [];
  if (expected === undefined) throw new Error(`no register operation: ${text}`);
  return {
    input: { kind: 'cas', expected: valueOf(expected), value: valueOf(next) },
    output: { isSet: outcome === '+' },
  };
}

export const drawnRegister = (drawing: string): Operation<RegisterInput, RegisterOutput>[] =>
  operationsOf(drawing, readRegisterCall);

export const drawnKeyValue = (drawing: string): Operation<KeyValueInput, RegisterOutput>[] =>
  operationsOf(drawing, (text) => {
    const { input, output } = readRegisterCall(text.slice(2));
    return { input: { ...input, key: text.charAt(0) }, output };
  });

export const drawnCounter = (drawing: string): Operation<CounterInput, CounterOutput>[] =>
  operationsOf<CounterInput, CounterOutput>(drawing, (text) => {
    if (text.startsWith('r')) return { input: { kind: 'read' }, output: { value: Number(text.slice(1)) } };
    const [by, value] = text.slice(1).split('=');
    const output = value === undefined ? {} : { value: Number(value) };
    return { input: { kind: 'add', by: Number(by) }, output };
  });

export const drawnList = (drawing: string): Operation<AppendListInput, AppendListOutput>[] =>
  operationsOf<AppendListInput, AppendListOutput>(drawing, (text) => {
    if (text.startsWith('a')) return { input: { kind: 'append', value: Number(text.slice(1)) }, output: {} };
    const values = text === 'r-' ? [] : [...text.slice(1)].map(Number);
    return { input: { kind: 'read' }, output: { values } };
  });
