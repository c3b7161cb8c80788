import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkTree } from './plain.js';
import { Transaction } from './transaction.js';

interface Account {
  balance: number;
  tags: string[];
}

interface State {
  accounts: Map<string, Account>;
  names: Set<string>;
  list: { id: number; inner: { n: number } }[];
  record: Record<string, number | { deep: number }>;
}

function newState(): State {
  return {
    accounts: new Map([
      ['a', { balance: 1, tags: ['x'] }],
      ['b', { balance: 2, tags: [] }],
      ['c', { balance: 3, tags: ['y', 'z'] }],
    ]),
    names: new Set(['a', 'b', 'c']),
    list: [
      { id: 1, inner: { n: 1 } },
      { id: 2, inner: { n: 2 } },
    ],
    record: { one: 1, two: { deep: 2 }, three: 3 },
  };
}

/** Everything that a program can see, the order of keys included. */
function seen(value: unknown): unknown {
  if (value instanceof Map)
    return ['map', ...[...(value as Map<unknown, unknown>)].map(([key, part]) => [key, seen(part)])];
  if (value instanceof Set) return ['set', ...(value as Set<unknown>)];
  if (Array.isArray(value)) return ['array', ...(value as unknown[]).map(seen)];
  if (typeof value === 'object' && value !== null)
    return [
      'object',
      ...Object.entries(value as Record<string, unknown>).map(([key, part]) => [key, seen(part)]),
    ];
  return value;
}

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const n = fc.integer({ min: 0, max: 9 });

/** Changes, as a command may make them to the state or to a view of it. */
const change: fc.Arbitrary<(state: State) => unknown> = fc.oneof(
  fc.tuple(key, n).map(
    ([k, v]) =>
      (s: State) =>
        s.accounts.set(k, { balance: v, tags: [k] }),
  ),
  fc.tuple(key, n).map(([k, v]) => (s: State) => {
    const account = s.accounts.get(k);
    if (account === undefined) return;
    account.balance += v;
    account.tags.push(String(v));
    account.tags.sort();
  }),
  key.map((k) => (s: State) => s.accounts.delete(k)),
  key.map((k) => (s: State) => {
    const account = s.accounts.get(k);
    s.accounts.delete(k);
    if (account === undefined) return;
    account.balance++;
    s.accounts.set(`${k}${k}`, account);
    account.balance++;
  }),
  key.map((k) => (s: State) => {
    const fresh: Account = { balance: 0, tags: [] };
    s.accounts.set(k, fresh);
    fresh.balance = 5;
    fresh.tags.push('later');
  }),
  fc.constant((s: State) => s.accounts.clear()),
  key.map((k) => (s: State) => s.names.add(k)),
  key.map((k) => (s: State) => s.names.delete(k)),
  fc.constant((s: State) => s.names.clear()),
  n.map((v) => (s: State) => s.list.push({ id: v, inner: { n: v } })),
  fc.constant((s: State) => s.list.shift()),
  fc.constant((s: State) => s.list.reverse()),
  n.map((v) => (s: State) => s.list.splice(0, 1, { id: v, inner: { n: v } })),
  fc.constant((s: State) => s.list.forEach((item) => item.inner.n++)),
  fc.constant((s: State) => (s.list = s.list.filter(({ id }) => id % 2 === 0))),
  fc.tuple(key, n).map(
    ([k, v]) =>
      (s: State) =>
        (s.record[k] = { deep: v }),
  ),
  key.map((k) => (s: State) => delete s.record[k]),
  fc.constant((s: State) => delete s.record.one),
  fc.constant((s: State) => {
    for (const part of Object.values(s.record)) if (typeof part === 'object') part.deep++;
  }),
  fc.constant((s: State) => {
    for (const [k, account] of s.accounts) if (account.balance > 2) s.accounts.delete(k);
  }),
  fc.constant((s: State) => {
    s.accounts = new Map([...s.accounts].reverse());
  }),
);

describe('Transaction', () => {
  it('shows a command, and keeps, what plain objects would show and keep', () => {
    fc.assert(
      fc.property(fc.array(fc.array(change, { maxLength: 6 }), { maxLength: 5 }), (commands) => {
        const state = newState();
        const model = newState();
        for (const changes of commands) {
          const transaction = new Transaction(false);
          const view = transaction.view(state);
          for (const make of changes) {
            make(view);
            make(model);
            expect(seen(view)).toEqual(seen(model));
          }
          transaction.commit();
          expect(seen(state)).toEqual(seen(model));
          checkTree(state);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('takes everything back, the order of keys included', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), fc.array(change, { maxLength: 8 }), (first, second) => {
        const state = newState();
        const kept = new Transaction(false);
        for (const make of first) make(kept.view(state));
        kept.commit();
        const before = seen(state);
        const refused = new Transaction(false);
        for (const make of second) make(refused.view(state));
        refused.rollback();
        expect(seen(state)).toEqual(before);
      }),
      { numRuns: 300 },
    );
  });

  it('leaves no view in the state, wherever a command puts one', () => {
    const state = newState();
    const transaction = new Transaction(false);
    const view = transaction.view(state);
    const fresh: Record<string, unknown> = { first: view.list[0] };
    (view.record as Record<string, unknown>).fresh = fresh;
    fresh.second = view.list[1]; // after it was put there
    view.list = [];
    transaction.commit();
    const [first, second] = [
      { id: 1, inner: { n: 1 } },
      { id: 2, inner: { n: 2 } },
    ];
    expect(state.record.fresh).toEqual({ first, second });
    expect(() => seen(state)).not.toThrow();
    checkTree(state);
  });

  it.each<[string, (state: State) => unknown]>([
    ['set an entry', (s) => s.accounts.set('a', { balance: 0, tags: [] })],
    ['delete an entry', (s) => s.accounts.delete('a')],
    ['clear', (s) => s.names.clear()],
    ['add', (s) => s.names.add('z')],
    ['assign', (s) => (s.list = [])],
    ['push', (s) => s.list.push({ id: 3, inner: { n: 3 } })],
    ['delete a key', (s) => delete s.record.one],
    ['change what is deep inside', (s) => (s.accounts.get('a') as Account).balance++],
    ['define a property', (s) => Object.defineProperty(s, 'list', { value: [] })],
  ])('does not let a query %s', (_what, make) => {
    const state = newState();
    const transaction = new Transaction(true);
    expect(() => make(transaction.view(state))).toThrow('a query tried to change the state');
    expect(seen(state)).toEqual(seen(newState()));
  });

  it.each<[string, unknown, string]>([
    ['a function', () => 1, 'a function'],
    ['an instance of a class', new (class Person {})(), 'a Person'],
    ['a Buffer', Buffer.from('a'), 'a Buffer'],
    ['a regular expression', /a/, 'a RegExp'],
    ['a promise', Promise.resolve(), 'a Promise'],
    ['a frozen object', Object.freeze({ a: 1 }), 'frozen'],
    ['a function deep inside', { a: [{ b: () => 1 }] }, 'a function'],
    ['a map with objects as keys', new Map([[{}, 1]]), 'keys of maps'],
  ])('does not let the state hold %s', (_what, value, message) => {
    const { record } = new Transaction(false).view(newState());
    expect(() => ((record as Record<string, unknown>).x = value)).toThrow(message);
  });

  it('does not let the state hold itself, or one object twice', () => {
    const cycle: Record<string, unknown> = {};
    cycle.self = cycle;
    const { record } = new Transaction(false).view(newState());
    expect(() => ((record as Record<string, unknown>).x = cycle)).toThrow('contains itself');
    const twice = { one: 1 };
    expect(() => checkTree({ a: twice, b: [twice] })).toThrow('twice');
  });

  it.each(['commit', 'rollback'] as const)('refuses the use of a view after %s', (end) => {
    const transaction = new Transaction(false);
    const { accounts, list } = transaction.view(newState());
    transaction[end]();
    expect(() => accounts.get('a')).toThrow('after the end');
    expect(() => list.push({ id: 1, inner: { n: 1 } })).toThrow('after the end');
    expect(() => list[0]).toThrow('after the end');
  });
});
