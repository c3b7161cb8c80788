import { isDrakkarError, withClaim } from '@drakkar/raftio';
import {
  ErrAnswerForgotten,
  ErrAnswerTooBig,
  ErrInvalidArguments,
  ErrInvalidOption,
  ErrKeyInUse,
  ErrRefused,
} from '../errors/index.js';
import { Group } from '../group/group.js';
import type { GroupParts } from '../group/parts.js';
import { IN_ANY_CASE, type RetryOptions, retrying } from '../group/retry.js';
import { newNoOPSession } from '../client/session.js';
import { completed } from '../nodehost/outcome.js';
import type { ArgumentsOf } from './handlers.js';
import { type StandardSchema, describeIssues } from './standard-schema.js';
import type { TypedReplica } from './typed-replica.js';
import type { AnyDefinition, TypedStateMachine } from './typed-state-machine.js';
import { type Answer, decodeAnswer, encodeCommand } from './wire.js';

export interface CommandOptions extends RetryOptions {
  /**
   * Names the command, so that it is applied once even if it is sent again later, or by another process: the group
   * remembers its last 10,000 answers. Up to 256 characters; with the same arguments each time, or it is `ErrKeyInUse`.
   * Default: a random one, which makes the attempts of this call one command.
   */
  key?: string;
}

/** The arguments of a call: those of the handler, if it takes any, and options. */
export type CallArguments<Handler, Options> =
  ArgumentsOf<Handler> extends undefined
    ? [args?: undefined, options?: Options]
    : [args: ArgumentsOf<Handler>, options?: Options];

export type AnswerOf<Handler> = Handler extends (...args: never[]) => infer Answered ? Answered : never;

/** The handlers as calls. */
export type Calls<Handlers, Options> = {
  readonly [Name in keyof Handlers]: (
    ...call: CallArguments<Handlers[Name], Options>
  ) => Promise<AnswerOf<Handlers[Name]>>;
};

/** Room for more keys than there will ever be commands. */
const KEY_BYTES = 15;
const MAX_KEY_LENGTH = 256;

/**
 * A group whose state machine was made by `defineStateMachine`.
 *
 * A command is applied once, however often it is sent: each has a key, and the state machine remembers its last 10,000
 * answers. So calls of `commands` repeat whatever may pass, time-outs included.
 */
export class TypedGroup<C, Q> extends Group {
  /**
   * The commands of the state machine. @throws ErrInvalidArguments, ErrRefused, ErrKeyInUse, ErrAnswerTooBig (no effect);
   * ErrTimeout, ErrCanceled, ErrRequestTerminated, ErrAnswerForgotten (outcome unknown), and as `Group.propose`
   */
  readonly commands: Calls<C, CommandOptions>;
  /** The queries, linearizable as `Group.read`. @throws ErrInvalidArguments, ErrRefused, and as `Group.read` */
  readonly queries: Calls<Q, RetryOptions>;

  /** @internal */
  constructor(parts: GroupParts, definition: AnyDefinition, replica: TypedReplica) {
    super(parts);
    const client = new Client(this, parts, definition, replica);
    const calls = <Options>(
      names: object,
      call: (name: string, args: unknown, options?: Options) => Promise<unknown>,
    ): object =>
      Object.fromEntries(
        Object.keys(names).map((name) => [
          name,
          (args: unknown, options?: Options) => call(name, args, options),
        ]),
      );
    this.commands = calls(definition.commands, client.command) as Calls<C, CommandOptions>;
    this.queries = calls(definition.queries, client.query) as Calls<Q, RetryOptions>;
  }
}

/** The group that `NodeHost.startGroup` returns for that state machine. */
export type GroupOf<Machine> =
  Machine extends TypedStateMachine<infer _State, infer C, infer Q> ? TypedGroup<C, Q> : Group;

function checkKey(key: unknown): void {
  if (key === undefined) return;
  if (typeof key !== 'string' || key === '' || key.length > MAX_KEY_LENGTH)
    throw new ErrInvalidOption(`key must be a string of 1 to ${MAX_KEY_LENGTH} characters`);
}

class Client {
  readonly #group: Group;
  readonly #parts: GroupParts;
  readonly #definition: AnyDefinition;
  readonly #replica: TypedReplica;

  constructor(group: Group, parts: GroupParts, definition: AnyDefinition, replica: TypedReplica) {
    this.#group = group;
    this.#parts = parts;
    this.#definition = definition;
    this.#replica = replica;
  }

  readonly command = async (name: string, args: unknown, options: CommandOptions = {}): Promise<unknown> => {
    checkKey(options.key);
    const checked = await this.#checked(name, args);
    const { random, clock } = this.#parts;
    const { codec } = this.#definition;
    // A caller's own key can't be taken for a random one.
    const key =
      options.key === undefined ? Buffer.from(random.bytes(KEY_BYTES)).toString('base64') : `=${options.key}`;
    const seed = random.nextInt(0x1_0000_0000);
    const timeMs = clock.wallTimeMs();
    const encode = (since: number): Uint8Array =>
      encodeCommand(codec, { name, args: checked, timeMs, seed, key, since });
    return this.#valueOf(name, await this.#send(key, encode, options));
  };

  /** The answer to a command, from whichever of its attempts. */
  async #send(key: string, encode: (since: number) => Uint8Array, options: CommandOptions): Promise<Answer> {
    const { codec } = this.#definition;
    let answer: Uint8Array | undefined;
    const endWait = this.#replica.onAnswer(key, (bytes) => (answer = bytes));
    let mayBeApplied = false;
    let since = this.#replica.sequence;
    const attempt = async (call: RetryOptions): Promise<Answer> => {
      const { user, random } = this.#parts;
      try {
        const request = user.propose(newNoOPSession(user.clusterID, random), encode(since), call);
        await completed(request, call.signal);
      } catch (error) {
        if (isDrakkarError(error) && error.effect === 'unknown') mayBeApplied = true;
        throw error;
      }
      if (answer === undefined) throw new Error('a command was applied here and gave no answer'); // cannot be
      const decoded = decodeAnswer(codec, answer);
      if (decoded.kind !== 'forgotten') return decoded;
      since = this.#replica.sequence;
      throw new ErrAnswerForgotten(
        `group ${this.#group.groupID}: the command was not applied, since its answer could have been forgotten`,
        mayBeApplied ? { effect: 'unknown', retry: 'never' } : { effect: 'none', retry: 'here' },
      );
    };
    try {
      return await retrying(attempt, options, IN_ANY_CASE, this.#parts);
    } catch (error) {
      const isRestated = mayBeApplied && isDrakkarError(error) && error.effect === 'none';
      throw isRestated ? withClaim(error, { effect: 'unknown' }) : error;
    } finally {
      endWait();
    }
  }

  readonly query = async (name: string, args: unknown, options?: RetryOptions): Promise<unknown> => {
    const checked = await this.#checked(name, args);
    const { codec } = this.#definition;
    return this.#valueOf(
      name,
      decodeAnswer(codec, await this.#group.read(codec.encode([name, checked]), options)),
    );
  };

  /** What the schema makes of the arguments. */
  async #checked(name: string, args: unknown): Promise<unknown> {
    const { schemas = {} } = this.#definition;
    const schema: StandardSchema | undefined = schemas[name];
    if (schema === undefined) return args;
    const result = await schema['~standard'].validate(args);
    if (result.issues === undefined) return result.value;
    const message = `the arguments of ${name} are invalid: ${describeIssues(result.issues)}`;
    throw new ErrInvalidArguments(message, { details: { issues: result.issues } });
  }

  #valueOf(name: string, answer: Answer): unknown {
    switch (answer.kind) {
      case 'value':
        return answer.value;
      case 'refused': {
        const { reason, data } = answer;
        throw new ErrRefused(`${name} was refused: ${reason}`, { details: { reason, data } });
      }
      case 'tooBig':
        throw new ErrAnswerTooBig(
          `the answer of ${name} has ${answer.sizeBytes} bytes, and at most 65536 are remembered: answer with less, and ` +
            'read the rest by a query',
        );
      case 'forgotten':
        throw new ErrAnswerForgotten();
      case 'otherCommand':
        throw new ErrKeyInUse(
          `${name} was not applied: its key names a command with another name or other arguments`,
        );
    }
  }
}
