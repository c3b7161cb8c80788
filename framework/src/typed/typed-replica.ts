import type { Uint64 } from '@drakkar/raftio';
import { hash64 } from '../rsm/hash.js';
import { isThenable } from '../runtime/is-thenable.js';
import { type IRandom, SeededRandom } from '../runtime/random.js';
import type { IStateMachine, SnapshotWriter } from '../statemachine/contract.js';
import { Answers, type RememberedAnswer } from './answers.js';
import type { Codec } from './codec.js';
import type { CommandContext, CommandHandler, QueryContext, QueryHandler } from './handlers.js';
import { checkTree } from './plain.js';
import { isRefusal } from './refusal.js';
import { Transaction } from './transaction.js';
import {
  type Answer,
  type CommandMessage,
  type DecodedCommand,
  decodeCommand,
  encodeAnswer,
} from './wire.js';

/** A larger answer is refused, and its command has no effect. Equal on all replicas, as the limits of `Answers`. */
export const MAX_ANSWER_BYTES = 64 * 1024;
const SNAPSHOT_FORMAT = 1;
const WRITE_BYTES = 256 * 1024;

/** What `IStateMachine.update` returns, for those who propose bytes. */
const RESULTS: Readonly<Record<Answer['kind'] | 'none', number>> = {
  none: 0,
  value: 1,
  refused: 2,
  tooBig: 3,
  forgotten: 4,
  otherCommand: 5,
};

/** The parts of a definition that a replica needs. */
export interface ReplicaDefinition {
  readonly codec: Codec;
  readonly initial: () => object;
  readonly commands: Readonly<Record<string, CommandHandler<object>>>;
  readonly queries: Readonly<Record<string, QueryHandler<object>>>;
  readonly snapshot?: {
    readonly save: (state: object) => unknown;
    readonly load: (saved: unknown) => object;
  };
}

interface SnapshotContent {
  format: number;
  sequence: number;
  timeMs: number;
  forgottenTo: number;
  answers: RememberedAnswer[];
  state: unknown;
}

/** The state machine of one replica. All that it holds but `#waiters` is replicated. */
export class TypedReplica implements IStateMachine {
  readonly #definition: ReplicaDefinition;
  #state: object;
  #sequence = 0;
  #timeMs = 0;
  #answers = new Answers();
  /** Callers on this host, by the keys of their commands. */
  readonly #waiters = new Map<string, Set<(answer: Uint8Array) => void>>();

  constructor(definition: ReplicaDefinition) {
    this.#definition = definition;
    this.#state = checkedState(definition.initial());
  }

  /** How many commands are applied here. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Calls `listener` with the answer to that command when it is applied here, or found applied. Returns what ends it. */
  onAnswer(key: string, listener: (answer: Uint8Array) => void): () => void {
    const listeners = this.#waiters.get(key) ?? new Set();
    this.#waiters.set(key, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#waiters.get(key) === listeners) this.#waiters.delete(key);
    };
  }

  update(cmd: Uint8Array): number {
    const message = decodeCommand(this.#definition.codec, cmd);
    if (message === undefined) return RESULTS.none;
    const { key } = message;
    this.#sequence++;
    this.#timeMs = Math.max(this.#timeMs, message.timeMs);
    const [kind, answer] = this.#answerTo(message);
    for (const listener of this.#waiters.get(key) ?? []) listener(answer);
    return RESULTS[kind];
  }

  #answerTo(message: DecodedCommand): [Answer['kind'], Uint8Array] {
    const { codec } = this.#definition;
    const { key, since, checksum } = message;
    const known = this.#answers.get(key);
    if (known?.checksum === checksum) return ['value', known.answer];
    if (known !== undefined) return ['otherCommand', encodeAnswer(codec, { kind: 'otherCommand' })];
    if (since < this.#answers.forgottenTo) return ['forgotten', encodeAnswer(codec, { kind: 'forgotten' })];
    const [kind, answer] = this.#run(message);
    this.#answers.add(key, { sequence: this.#sequence, checksum, answer });
    return [kind, answer];
  }

  /** @throws whatever the command throws but a refusal: the replica stops */
  #run({ name, args, seed }: CommandMessage): [Answer['kind'], Uint8Array] {
    const { codec, commands } = this.#definition;
    const handler = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (handler === undefined)
      throw new TypeError(
        `there is no command ${name}: start the version of the program that has it on this host`,
      );
    const transaction = new Transaction(false);
    try {
      const value = handler(transaction.view(this.#state), args, this.#context(seed));
      refusePromise(name, value);
      const answer = encodeAnswer(codec, { kind: 'value', value });
      if (answer.length > MAX_ANSWER_BYTES) {
        transaction.rollback();
        return ['tooBig', encodeAnswer(codec, { kind: 'tooBig', sizeBytes: answer.length })];
      }
      transaction.commit();
      return ['value', answer];
    } catch (error) {
      if (!isRefusal(error)) throw error;
      transaction.rollback();
      const { reason, data } = error;
      return ['refused', encodeAnswer(codec, { kind: 'refused', reason, data })];
    }
  }

  #context(seed: number): CommandContext {
    let random: IRandom | undefined;
    const { nowMs, sequence } = this.#queryContext();
    return {
      nowMs,
      sequence,
      get random() {
        random ??= new SeededRandom(seed);
        return random;
      },
    };
  }

  #queryContext(): QueryContext {
    return { nowMs: this.#timeMs, sequence: this.#sequence };
  }

  lookup(query: Uint8Array): Uint8Array {
    const { codec, queries } = this.#definition;
    const [name, args] = codec.decode(query) as [string, unknown];
    const handler = Object.hasOwn(queries, name) ? queries[name] : undefined;
    if (handler === undefined) throw new TypeError(`there is no query ${name}`);
    const transaction = new Transaction(true);
    try {
      const value = handler(transaction.view(this.#state), args, this.#queryContext());
      refusePromise(name, value);
      return encodeAnswer(codec, { kind: 'value', value });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return encodeAnswer(codec, { kind: 'refused', reason: error.reason, data: error.data });
    } finally {
      transaction.rollback();
    }
  }

  async saveSnapshot(writer: SnapshotWriter, _files: unknown, signal: AbortSignal): Promise<void> {
    const bytes = this.#encodeAll();
    for (let at = 0; at < bytes.length; at += WRITE_BYTES) {
      signal.throwIfAborted();
      await writer.write(bytes.subarray(at, at + WRITE_BYTES));
    }
  }

  #encodeAll(): Uint8Array {
    const { codec, snapshot } = this.#definition;
    checkTree(this.#state);
    const content: SnapshotContent = {
      format: SNAPSHOT_FORMAT,
      sequence: this.#sequence,
      timeMs: this.#timeMs,
      forgottenTo: this.#answers.forgottenTo,
      answers: this.#answers.toList(),
      state: snapshot === undefined ? this.#state : snapshot.save(this.#state),
    };
    return codec.encode(content);
  }

  async recoverFromSnapshot(reader: AsyncIterable<Uint8Array>): Promise<void> {
    const { codec, snapshot } = this.#definition;
    const parts: Uint8Array[] = [];
    for await (const part of reader) parts.push(new Uint8Array(part));
    const content = codec.decode(Buffer.concat(parts)) as SnapshotContent;
    if (content.format > SNAPSHOT_FORMAT) {
      throw new RangeError(
        `the snapshot has format ${content.format}, and this release reads formats up to ${SNAPSHOT_FORMAT}: start a later ` +
          'release on this host',
      );
    }
    const { state: saved, sequence, timeMs, answers, forgottenTo } = content;
    const state = checkedState(snapshot === undefined ? saved : snapshot.load(saved));
    this.#state = state;
    this.#sequence = sequence;
    this.#timeMs = timeMs;
    this.#answers = Answers.from(answers, forgottenTo);
  }

  close(): void {
    this.#waiters.clear();
  }

  getHash(): Uint64 {
    return hash64(this.#encodeAll());
  }
}

function checkedState(state: unknown): object {
  if (typeof state !== 'object' || state === null) {
    throw new TypeError(`the state must be an object, found ${state === null ? 'null' : typeof state}`);
  }
  checkTree(state);
  return state;
}

function refusePromise(name: string, value: unknown): void {
  if (!isThenable(value)) return;
  // What it does later could not be the same on all replicas; a rejection of it would be unhandled.
  value.then(undefined, () => undefined);
  throw new TypeError(`${name} returned a promise: commands and queries must be synchronous`);
}
