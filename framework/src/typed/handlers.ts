import type { IRandom } from '../runtime/random.js';

/** What a query may use beside state and arguments; the same on all replicas. */
export interface QueryContext {
  /** Time of day, in milliseconds since 1970, as of the last command: see `CommandContext.nowMs`. */
  readonly nowMs: number;
  /** How many commands were applied. */
  readonly sequence: number;
}

/** What a command may use beside state and arguments; the same on all replicas. */
export interface CommandContext extends QueryContext {
  /** The proposer's time of day, never before that of an earlier command. As good as the clocks of the hosts. */
  readonly nowMs: number;
  /** Place of this command among those of the group, from 1 up: unique and rising, so fit for ids and fencing tokens. */
  readonly sequence: number;
  /** Random numbers from a seed that the proposer has drawn; not for secrets, which would be in the log. */
  readonly random: IRandom;
}

// Method-like, so that a parameter may be of any type.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type CommandHandler<State> = (state: State, args: any, context: CommandContext) => unknown;
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type QueryHandler<State> = (state: State, args: any, context: QueryContext) => unknown;

export type Commands<State> = Readonly<Record<string, CommandHandler<State>>>;
export type Queries<State> = Readonly<Record<string, QueryHandler<State>>>;

/** The type of a handler's arguments; undefined when it takes none. */
export type ArgumentsOf<Handler> = Handler extends (
  state: never,
  args: infer Args,
  ...rest: never[]
) => unknown
  ? unknown extends Args
    ? undefined
    : Args
  : undefined;
