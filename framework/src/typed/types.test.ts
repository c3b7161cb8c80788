import { describe, expect, it } from '@jest/globals';
import {
  type GroupOf,
  type StandardSchema,
  type TypedGroup,
  defineRefusal,
  defineStateMachine,
} from '../index.js';

/** Compiled by `npm run typecheck`: a wrong type is an error there, and so is an expected error that does not come. */
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <_Claim extends true>(): void => undefined;

const Taken = defineRefusal<{ owner: string }>('taken');
const Closed = defineRefusal('closed');

const nameSchema = {} as StandardSchema<string, { name: string }>;

const machine = defineStateMachine({
  initial: () => ({ locks: new Map<string, { owner: string; token: number }>() }),
  commands: {
    acquire: (state, { name, owner }: { name: string; owner: string }, { sequence }) => {
      const held = state.locks.get(name);
      if (held !== undefined) throw new Taken({ owner: held.owner });
      state.locks.set(name, { owner, token: sequence });
      return { token: sequence };
    },
    clear: (state) => state.locks.clear(),
    release: (state, { name }: { name: string }) => state.locks.delete(name),
  },
  queries: {
    owner: (state, name: string) => state.locks.get(name)?.owner,
    count: (state) => state.locks.size,
  },
});

type Lock = GroupOf<typeof machine>;

/** Never called. */
export async function compiled(group: Lock): Promise<void> {
  const _acquired = await group.commands.acquire({ name: 'a', owner: 'b' });
  holds<Equal<typeof _acquired, { token: number }>>();
  const _cleared = await group.commands.clear();
  holds<Equal<typeof _cleared, void>>();
  const _released = await group.commands.release({ name: 'a' }, { timeoutMs: 1, key: 'k' });
  holds<Equal<typeof _released, boolean>>();
  const _owner = await group.queries.owner('a', { signal: new AbortController().signal });
  holds<Equal<typeof _owner, string | undefined>>();
  const _count = await group.queries.count(undefined, { retry: false });
  holds<Equal<typeof _count, number>>();
  // @ts-expect-error a missing argument
  await group.commands.acquire({ name: 'a' });
  // @ts-expect-error an argument of another type
  await group.commands.acquire({ name: 1, owner: 'b' });
  // @ts-expect-error no arguments
  await group.commands.acquire();
  // @ts-expect-error an argument too many
  await group.commands.clear({ name: 'a' });
  // @ts-expect-error a command that there is not
  // eslint-disable-next-line @typescript-eslint/no-unsafe-call
  await group.commands.steal({ name: 'a' });
  // @ts-expect-error a command is no query
  // eslint-disable-next-line @typescript-eslint/no-unsafe-call
  await group.queries.acquire({ name: 'a', owner: 'b' });
  // @ts-expect-error a query has no key
  await group.queries.owner('a', { key: 'k' });
  try {
    await group.commands.acquire({ name: 'a', owner: 'b' });
  } catch (error) {
    if (Taken.is(error)) holds<Equal<typeof error.details.data, { owner: string }>>();
  }
}

/** Never called. */
export function alsoCompiled(): void {
  holds<
    Equal<Lock, TypedGroup<(typeof machine)['types']['commands'], (typeof machine)['types']['queries']>>
  >();
  // @ts-expect-error data of another type
  new Taken({ owner: 1 });
  // @ts-expect-error no data
  new Taken();
  new Closed();
  // @ts-expect-error an asynchronous command
  defineStateMachine({ initial: () => ({}), commands: { a: async () => 1 }, queries: {} });
  // @ts-expect-error a state that is no object
  defineStateMachine({ initial: () => 1, commands: {}, queries: {} });
  const wrong = { a: (state: { a: string }) => state.a };
  // @ts-expect-error a state of another type
  defineStateMachine({ initial: () => ({ a: 1 }), commands: wrong, queries: {} });
  const commands = { take: (_state: object, { name }: { name: string }) => name };
  const taking = defineStateMachine({ initial: () => ({}), commands, queries: {} });
  taking.withSchemas({ take: nameSchema });
  // @ts-expect-error a schema that gives other arguments than the command takes
  taking.withSchemas({ take: {} as StandardSchema<number> });
  // @ts-expect-error a schema of nothing
  taking.withSchemas({ give: nameSchema });
}

describe('the types of a typed client', () => {
  it('are checked by the compiler, since this file is compiled', () => {
    expect([typeof compiled, typeof alsoCompiled, typeof machine.create]).toEqual(Array(3).fill('function'));
  });
});
