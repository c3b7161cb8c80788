import { describe, expect, it } from '@jest/globals';
import { MAX_ANSWERS } from './answers.js';
import { cborCodec } from './codec.js';
import { defineStateMachine } from './define.js';
import { defineRefusal } from './refusal.js';
import type { TypedReplica } from './typed-replica.js';
import { type Answer, type CommandMessage, decodeAnswer, encodeCommand } from './wire.js';

const Broke = defineRefusal<{ balance: number }>('broke');

const bank = defineStateMachine({
  initial: () => ({ accounts: new Map<string, number>(), log: [] as string[] }),
  commands: {
    deposit: (state, { to, amount }: { to: string; amount: number }) => {
      const balance = (state.accounts.get(to) ?? 0) + amount;
      state.accounts.set(to, balance);
      return { balance };
    },
    withdraw: (state, { from, amount }: { from: string; amount: number }, { nowMs }) => {
      const balance = (state.accounts.get(from) ?? 0) - amount;
      state.accounts.set(from, balance);
      state.log.push(`${from} ${nowMs}`);
      if (balance < 0) throw new Broke({ balance });
      return { balance };
    },
    draw: (_state, _args: undefined, { random, sequence, nowMs }) => [
      random.nextInt(1_000_000),
      sequence,
      nowMs,
    ],
    fill: (state, { bytes }: { bytes: number }) => {
      state.log.push('filled');
      return new Uint8Array(bytes);
    },
    crash: () => {
      throw new Error('a bug');
    },
    later: (() => Promise.resolve(1)) as unknown as () => number,
  },
  queries: {
    all: (state) => ({ accounts: state.accounts, log: state.log }),
    cheat: (state) => state.accounts.set('x', 1),
    refuse: () => {
      throw new Broke({ balance: 7 });
    },
  },
});

let nextKey = 0;

function command(name: string, args: unknown, more: Partial<CommandMessage> = {}): Uint8Array {
  const message = { name, args, timeMs: 1_000, seed: 1, key: `key ${nextKey++}`, since: 0, ...more };
  return encodeCommand(cborCodec, message);
}

/** Applies a command and returns what its caller gets. */
function apply(
  replica: TypedReplica,
  name: string,
  args: unknown,
  more: Partial<CommandMessage> = {},
): Answer {
  const key = more.key ?? `key ${nextKey++}`;
  let answer: Uint8Array | undefined;
  const end = replica.onAnswer(key, (bytes) => (answer = bytes));
  replica.update(command(name, args, { ...more, key }));
  end();
  if (answer === undefined) throw new Error('no answer');
  return decodeAnswer(cborCodec, answer);
}

const lookUp = (replica: TypedReplica, name: string): unknown => {
  const answer = decodeAnswer(cborCodec, replica.lookup(cborCodec.encode([name, undefined])));
  return answer.kind === 'value' ? answer.value : answer;
};

/** Another replica, recovered from a snapshot of this one. */
async function recovered(from: TypedReplica): Promise<TypedReplica> {
  const parts: Uint8Array[] = [];
  const write = (data: Uint8Array): Promise<void> => Promise.resolve(void parts.push(data));
  await from.saveSnapshot({ write }, undefined, new AbortController().signal);
  const replica = bank.createReplica();
  await replica.recoverFromSnapshot(
    (async function* () {
      yield* parts;
    })(),
  );
  return replica;
}

describe('a typed replica', () => {
  it('answers commands and queries', () => {
    const replica = bank.createReplica();
    expect(apply(replica, 'deposit', { to: 'ann', amount: 5 })).toEqual({
      kind: 'value',
      value: { balance: 5 },
    });
    expect(lookUp(replica, 'all')).toEqual({ accounts: new Map([['ann', 5]]), log: [] });
    expect(lookUp(replica, 'refuse')).toEqual({ kind: 'refused', reason: 'broke', data: { balance: 7 } });
  });

  it('leaves the state as it was when a command refuses', () => {
    const replica = bank.createReplica();
    apply(replica, 'deposit', { to: 'ann', amount: 5 });
    const answer = apply(replica, 'withdraw', { from: 'ann', amount: 9 });
    expect(answer).toEqual({ kind: 'refused', reason: 'broke', data: { balance: -4 } });
    expect(lookUp(replica, 'all')).toEqual({ accounts: new Map([['ann', 5]]), log: [] });
  });

  it('leaves the state as it was when the answer is too big to be remembered', () => {
    const replica = bank.createReplica();
    expect(apply(replica, 'fill', { bytes: 65_000 })).toMatchObject({ kind: 'value' });
    expect(apply(replica, 'fill', { bytes: 66_000 })).toMatchObject({ kind: 'tooBig' });
    expect(lookUp(replica, 'all')).toMatchObject({ log: ['filled'] });
  });

  it('stops at any other error, at a promise, and at a command that it does not have', () => {
    const replica = bank.createReplica();
    expect(() => apply(replica, 'crash', undefined)).toThrow('a bug');
    expect(() => apply(replica, 'later', undefined)).toThrow('later returned a promise');
    expect(() => apply(replica, 'toString', undefined)).toThrow('there is no command toString');
    const future = command('deposit', {});
    future[1] = 2;
    expect(() => replica.update(future)).toThrow('start a later release');
  });

  it('takes bytes that no typed client wrote for nothing', () => {
    const replica = bank.createReplica();
    expect(
      [new Uint8Array(), Buffer.from('x'), Buffer.from([0xd7])].map((cmd) => replica.update(cmd)),
    ).toEqual([0, 0, 0]);
    expect(replica.sequence).toBe(0);
  });

  it('takes bytes for nothing that are nearly a command', () => {
    const replica = bank.createReplica();
    const call = cborCodec.encode(['deposit', { to: 'ann', amount: 1 }]);
    const bodies: unknown[] = [
      'text',
      ['key', 0, 1, 1],
      [7, 0, 1, 1, call],
      ['key', -1, 1, 1, call],
      ['key', 0, NaN, 1, call],
      ['key', 0, Infinity, 1, call],
      ['key', 0, 1, 'seed', call],
      ['key', 0, 1, 1, 'call'],
      ['key', 0, 1, 1, Buffer.from([0xff])],
      ['key', 0, 1, 1, cborCodec.encode([1, 2])],
    ];
    const cmds = bodies.map((body) => Buffer.concat([Buffer.from([0xd7, 1]), cborCodec.encode(body)]));
    const whole = command('deposit', { to: 'ann', amount: 1 });
    for (let length = 0; length < whole.length; length++) cmds.push(Buffer.from(whole.subarray(0, length)));
    for (const cmd of cmds) expect(replica.update(cmd)).toBe(0);
    expect(replica.sequence).toBe(0);
    expect(apply(replica, 'draw', undefined, { timeMs: 5 })).toMatchObject({ kind: 'value' });
  });

  it('answers every caller that waits for one key', () => {
    const replica = bank.createReplica();
    const heard: number[] = [];
    const ends = [1, 2].map((caller) => replica.onAnswer('same', () => heard.push(caller)));
    replica.update(command('deposit', { to: 'ann', amount: 1 }, { key: 'same' }));
    expect(heard).toEqual([1, 2]);
    ends[0]?.();
    replica.update(command('deposit', { to: 'ann', amount: 1 }, { key: 'same' }));
    expect(heard).toEqual([1, 2, 2]);
  });

  it('refuses another command under a key that it remembers, also after a recovery', async () => {
    const replica = bank.createReplica();
    const once = { key: 'once' };
    apply(replica, 'deposit', { to: 'ann', amount: 5 }, once);
    for (const each of [replica, await recovered(replica)]) {
      expect(apply(each, 'deposit', { to: 'ann', amount: 6 }, once)).toEqual({ kind: 'otherCommand' });
      expect(apply(each, 'withdraw', { to: 'ann', amount: 5 }, once)).toEqual({ kind: 'otherCommand' });
      expect(apply(each, 'deposit', { to: 'ann', amount: 5 }, once)).toMatchObject({ kind: 'value' });
      expect(lookUp(each, 'all')).toMatchObject({ accounts: new Map([['ann', 5]]) });
    }
  });

  it('does not let a query change the state', () => {
    const replica = bank.createReplica();
    expect(() => lookUp(replica, 'cheat')).toThrow('a query tried to change the state');
  });

  it('has a time that never goes back, and random numbers that the command decides', () => {
    const [a, b] = [bank.createReplica(), bank.createReplica()];
    const draw = (replica: TypedReplica, timeMs: number, seed: number): unknown =>
      (apply(replica, 'draw', undefined, { timeMs, seed }) as { value: unknown }).value;
    const first = draw(a, 5_000, 1) as number[];
    const second = draw(a, 4_000, 2) as number[];
    expect([first[1], first[2], second[1], second[2]]).toEqual([1, 5_000, 2, 5_000]);
    expect(second[0]).not.toBe(first[0]);
    expect([draw(b, 5_000, 1), draw(b, 4_000, 2)]).toEqual([first, second]);
  });

  it('answers a command that it has applied, also after a recovery, and does not apply it again', async () => {
    const replica = bank.createReplica();
    const once = { key: 'once' };
    apply(replica, 'deposit', { to: 'ann', amount: 5 }, once);
    expect(apply(replica, 'deposit', { to: 'ann', amount: 5 }, once)).toEqual({
      kind: 'value',
      value: { balance: 5 },
    });
    const refused = { key: 'refused' };
    const answer = apply(replica, 'withdraw', { from: 'ann', amount: 9 }, refused);
    apply(replica, 'deposit', { to: 'ann', amount: 100 });
    const other = await recovered(replica);
    expect(apply(other, 'withdraw', { from: 'ann', amount: 9 }, refused)).toEqual(answer);
    expect(apply(other, 'deposit', { to: 'ann', amount: 5 }, once)).toEqual({
      kind: 'value',
      value: { balance: 5 },
    });
    expect(lookUp(other, 'all')).toMatchObject({ accounts: new Map([['ann', 105]]) });
  });

  it('does not apply a command whose answer may have been forgotten', async () => {
    const replica = bank.createReplica();
    apply(replica, 'deposit', { to: 'ann', amount: 1 }, { key: 'old' });
    for (let i = 0; i < MAX_ANSWERS; i++) replica.update(command('deposit', { to: 'bob', amount: 1 }));
    for (const each of [replica, await recovered(replica)]) {
      expect(apply(each, 'deposit', { to: 'ann', amount: 1 }, { key: 'old' })).toEqual({ kind: 'forgotten' });
      expect(apply(each, 'deposit', { to: 'ann', amount: 1 }, { since: 1 })).toMatchObject({ kind: 'value' });
    }
  });

  it('is equal to one that recovered from its snapshot, byte by byte, and stays so', async () => {
    const replica = bank.createReplica();
    apply(replica, 'deposit', { to: 'bob', amount: 1 });
    apply(replica, 'deposit', { to: 'ann', amount: 2 });
    const other = await recovered(replica);
    for (const each of [replica, other]) {
      each.update(command('withdraw', { from: 'bob', amount: 1 }, { key: 'next', timeMs: 500 }));
    }
    expect(other.getHash()).toBe(replica.getHash());
    expect(bank.createReplica().getHash()).not.toBe(replica.getHash());
  });
});

describe('defineStateMachine', () => {
  const fine = { initial: () => ({}), commands: {}, queries: {} };
  it.each<[string, object, string]>([
    ['an asynchronous command', { commands: { a: async () => undefined } }, 'a is asynchronous'],
    ['a generator', { queries: { a: function* () {} } }, 'a is asynchronous or a generator'],
    ['a command that is no function', { commands: { a: 1 } }, 'a must be a function'],
    ['one name for two', { commands: { a: () => 1 }, queries: { a: () => 1 } }, 'a is a command and a query'],
    ['a state in place of its function', { initial: {} }, 'initial must be a function'],
  ])('refuses %s', (_what, more, message) => {
    expect(() => defineStateMachine({ ...fine, ...more } as never)).toThrow(message);
  });

  it.each<[string, object, string]>([
    ['a schema of nothing', { b: {} }, 'there is a schema for b'],
    ['a schema of another kind', { a: {} }, "no '~standard'.validate"],
  ])('refuses %s', (_what, schemas, message) => {
    const machine = defineStateMachine({ ...fine, commands: { a: () => 1 } });
    expect(() => machine.withSchemas(schemas as never)).toThrow(message);
  });

  it('refuses a first state that no codec keeps', () => {
    const wrong = defineStateMachine({ ...fine, initial: () => ({ now: () => 1 }) });
    expect(() => wrong.createReplica()).toThrow("the state can't hold a function");
  });
});
