import type { KeyValueInput, Operation, RegisterOutput } from '@drakkar/linearizability';
import type { ClientAccount } from './ledger.js';

/** A call of a client, as the checker takes it; of unknown outcome until `returnedAt` is there. */
export interface RecordedCall extends Operation<KeyValueInput, RegisterOutput> {
  client: number;
  output: RegisterOutput | undefined;
  returnedAt: number | undefined;
  /** When the client gave it up. */
  abandonedAt: number | undefined;
}

export interface CallCounts {
  acknowledged: number;
  unknown: number;
  reads: number;
}

/** What all clients of one group did and saw. Times are those of this process, in milliseconds. */
export class GroupRecorder {
  readonly clusterID: number;
  readonly counts: CallCounts = { acknowledged: 0, unknown: 0, reads: 0 };
  /** By client. */
  readonly accounts = new Map<number, ClientAccount>();
  /** Longest time without an answer while clients waited for one. */
  longestPauseMs = 0;
  #lastAnswerAt = performance.now();
  readonly #calls = new Set<RecordedCall>();

  constructor(clusterID: number) {
    this.clusterID = clusterID;
  }

  /** By `performance.now`; clients never wait long between two calls. */
  get lastAnswerAt(): number {
    return this.#lastAnswerAt;
  }

  get calls(): RecordedCall[] {
    return [...this.#calls];
  }

  invoked(client: number, input: KeyValueInput): RecordedCall {
    const call: RecordedCall = {
      client,
      input,
      output: undefined,
      invokedAt: performance.now(),
      returnedAt: undefined,
      abandonedAt: undefined,
    };
    this.#calls.add(call);
    // Also when all writes of the client are dropped: none of them may be there then.
    if (input.kind !== 'read') this.#account(client);
    return call;
  }

  /** @param seq the number of the client's command, for a write */
  returned(call: RecordedCall, output: RegisterOutput, seq?: number): void {
    const now = performance.now();
    call.output = output;
    call.returnedAt = now;
    this.longestPauseMs = Math.max(this.longestPauseMs, now - this.#lastAnswerAt);
    this.#lastAnswerAt = now;
    if (seq === undefined) {
      this.counts.reads += 1;
      return;
    }
    this.counts.acknowledged += 1;
    this.#account(call.client).acknowledged.add(seq);
  }

  /** The client does not know what has become of it, or will become of it. */
  lost(call: RecordedCall, seq: number): void {
    call.abandonedAt = performance.now();
    this.counts.unknown += 1;
    this.#account(call.client).unknown.add(seq);
  }

  /** It certainly had no effect. */
  dropped(call: RecordedCall): void {
    this.#calls.delete(call);
  }

  /**
   * What a read of the whole state has shown, for each key of the history, each as by a client of its own: a client has
   * one call open at a time. Times in milliseconds.
   */
  observed(values: ReadonlyMap<number | string, number>, invokedAt: number, returnedAt: number): void {
    const keys = new Set([...this.#calls].map(({ input }) => input.key));
    for (const [place, key] of [...keys].entries()) {
      const client = -1 - place;
      const output = { value: values.get(key) };
      const input = { kind: 'read' as const, key };
      this.#calls.add({ client, input, output, invokedAt, returnedAt, abandonedAt: undefined });
    }
  }

  #account(client: number): ClientAccount {
    let account = this.accounts.get(client);
    if (account === undefined) {
      account = { acknowledged: new Set(), unknown: new Set() };
      this.accounts.set(client, account);
    }
    return account;
  }
}

/** The history in the EDN form of Jepsen, for `drakkar-history --model key-value`. */
export function toEDN(calls: readonly RecordedCall[]): string {
  const events: { at: number; line: string }[] = [];
  for (const call of calls) {
    const { client, input, output, invokedAt, returnedAt, abandonedAt } = call;
    const event = (type: string, value: string): string =>
      `{:process ${client}, :type :${type}, :f :${input.kind}, :value [${edn(input.key)} ${value}]}`;
    const asked = askedValue(input);
    events.push({ at: invokedAt, line: event('invoke', asked) });
    if (returnedAt !== undefined) {
      const hasFailed = input.kind === 'cas' && output?.isSet === false;
      const told = input.kind === 'read' ? edn(output?.value) : asked;
      events.push({ at: returnedAt, line: event(hasFailed ? 'fail' : 'ok', told) });
    } else if (abandonedAt !== undefined) events.push({ at: abandonedAt, line: event('info', asked) });
  }
  return `${events
    .sort((a, b) => a.at - b.at)
    .map(({ line }) => line)
    .join('\n')}\n`;
}

function askedValue(input: KeyValueInput): string {
  if (input.kind === 'read') return 'nil';
  return input.kind === 'write' ? edn(input.value) : `[${edn(input.expected)} ${edn(input.value)}]`;
}

function edn(value: number | string | undefined): string {
  return value === undefined ? 'nil' : JSON.stringify(value);
}
