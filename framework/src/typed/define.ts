import { ErrInvalidOption } from '../errors/index.js';
import { type Codec, cborCodec } from './codec.js';
import type { Commands, Queries } from './handlers.js';
import { TypedStateMachine } from './typed-state-machine.js';

/** Whether a handler certainly returns a promise. */
export type IsAsynchronous<Handler> = Handler extends (...args: never[]) => infer Answered
  ? unknown extends Answered
    ? false
    : [Answered] extends [never]
      ? false
      : [Answered] extends [PromiseLike<unknown>]
        ? true
        : false
  : false;

/** Handlers that return no promise: all replicas must be done with one command before the next. */
export type Synchronous<Handlers> = {
  readonly [Name in keyof Handlers]: IsAsynchronous<Handlers[Name]> extends true
    ? 'a command or query must be synchronous'
    : Handlers[Name];
};

export interface StateMachineDefinition<State extends object, C, Q> {
  /** Makes the state of a new group: plain objects, arrays, Map, Set, Date, Uint8Array and primitive values, as a tree. */
  readonly initial: () => State;
  /** What changes the state. Each command takes the state, its arguments, and the context, and returns its answer. */
  readonly commands: C & Synchronous<NoInfer<C>>;
  /** What looks at the state. */
  readonly queries: Q & Synchronous<NoInfer<Q>>;
  /** How the state is kept in snapshots, where its shape changes between versions. Default: as it is. */
  readonly snapshot?: {
    readonly save: (state: State) => unknown;
    readonly load: (saved: unknown) => State;
  };
  /** Default: CBOR. The same on all hosts, and permanently: log and snapshots are in it. */
  readonly codec?: Codec;
}

type AnyStateMachineDefinition = StateMachineDefinition<object, Commands<object>, Queries<object>>;

/** Each mistake that a definition can have before it runs. */
function check(definition: AnyStateMachineDefinition): void {
  const { initial, commands, queries } = definition;
  const invalid = (what: string): never => {
    throw new ErrInvalidOption(`defineStateMachine: ${what}`);
  };
  if (typeof initial !== 'function') invalid('initial must be a function that returns the first state');
  for (const [name, handler] of [...Object.entries(commands), ...Object.entries(queries)]) {
    if (typeof handler !== 'function') invalid(`${name} must be a function`);
    if (handler.constructor.name !== 'Function')
      invalid(`${name} is asynchronous or a generator: commands and queries are synchronous functions`);
  }
  for (const name of Object.keys(commands)) if (name in queries) invalid(`${name} is a command and a query`);
}

/**
 * Defines a replicated state machine by its commands and queries. Pass it to `NodeHost.startGroup`, whose handle then has
 * `commands` and `queries` to call. Every handler must be deterministic: no clock, random number or outside world but
 * `context`.
 *
 * @throws ErrInvalidOption
 */
export function defineStateMachine<
  State extends object,
  const C extends Commands<State>,
  const Q extends Queries<State>,
>(definition: StateMachineDefinition<State, C, Q>): TypedStateMachine<State, C, Q> {
  check(definition as unknown as AnyStateMachineDefinition);
  return new TypedStateMachine({ codec: cborCodec, ...definition });
}
