import type { CreateStateMachine } from '../statemachine/contract.js';
import type { Codec } from './codec.js';
import { ErrInvalidOption } from '../errors/index.js';
import type { ArgumentsOf } from './handlers.js';
import type { StandardSchema } from './standard-schema.js';
import { TypedReplica, type ReplicaDefinition } from './typed-replica.js';

const BRAND = Symbol.for('drakkar.typedStateMachine');

/** A checked definition, whatever its types. */
export interface AnyDefinition extends ReplicaDefinition {
  readonly codec: Codec;
  readonly schemas?: Readonly<Record<string, StandardSchema | undefined>>;
}

/** Schemas of arguments, by name of command or query. */
export type Schemas<C, Q> = {
  readonly [Name in keyof C]?: StandardSchema<unknown, ArgumentsOf<C[Name]>>;
} & { readonly [Name in keyof Q]?: StandardSchema<unknown, ArgumentsOf<Q[Name]>> };

/** What `defineStateMachine` returns: pass it to `NodeHost.startGroup`. `State`, `C` and `Q` are its types. */
export class TypedStateMachine<State extends object, C, Q> {
  /** Of use with `NodeHost.startCluster`, in place of a function of your own. */
  readonly create: CreateStateMachine;
  /** Not there at run time: the types of the state, the commands and the queries. */
  declare readonly types: { readonly state: State; readonly commands: C; readonly queries: Q };
  readonly #definition: AnyDefinition;

  /** @internal */
  constructor(definition: object) {
    this.#definition = definition as AnyDefinition;
    this.create = () => this.createReplica();
    Object.defineProperty(this, BRAND, { value: true });
  }

  /**
   * The same state machine with checks of arguments, by any library with Standard Schema. They run at the caller: for a
   * command before it enters the log, which then has what the schema made of the arguments.
   *
   * @throws ErrInvalidOption
   */
  withSchemas(schemas: Schemas<C, Q>): TypedStateMachine<State, C, Q> {
    const { commands, queries } = this.#definition;
    for (const [name, schema] of Object.entries(schemas)) {
      if (!Object.hasOwn(commands, name) && !Object.hasOwn(queries, name))
        throw new ErrInvalidOption(
          `withSchemas: there is a schema for ${name}, which is no command and no query`,
        );
      if (typeof (schema as Partial<StandardSchema> | undefined)?.['~standard']?.validate !== 'function')
        throw new ErrInvalidOption(`withSchemas: the schema of ${name} has no '~standard'.validate`);
    }
    return new TypedStateMachine({ ...this.#definition, schemas });
  }

  /** @internal */
  get definition(): AnyDefinition {
    return this.#definition;
  }

  /** @internal */
  createReplica(): TypedReplica {
    return new TypedReplica(this.#definition);
  }
}

export type AnyTypedStateMachine = TypedStateMachine<object, unknown, unknown>;

/** Not by instanceof: two copies of the package may be loaded. */
export function isTypedStateMachine(value: unknown): value is AnyTypedStateMachine {
  return typeof value === 'object' && value !== null && BRAND in value;
}
