import { type IConnection, type Message, type MessageBatch, entrySizeBytes } from '@drakkar/raftio';
import { ExponentialBackoff, type IBackoff, type IBackoffFactory, noJitterGenerator } from 'cockatiel';
import type { ILogger } from '../logging/logger.js';
import type { IClock, Timer } from '../runtime/clock.js';
import type { IRandom } from '../runtime/random.js';

export interface PeerOptions {
  connectTimeoutMs: number;
  reconnectBackoffMinMs: number;
  reconnectBackoffMaxMs: number;
  /** Bound of what waits for a slow peer; beyond it messages are dropped, as a network may. */
  sendQueueBytes: number;
  /** Payload of one batch; a single larger message still goes alone. */
  maxBatchBytes: number;
}

/** How a message was lost. */
export interface Loss {
  /** It was never given to a connection; otherwise it may have arrived all the same. */
  isCertain: boolean;
  /** It was given to a connection that another has replaced since: it says nothing about the way as it is now. */
  isOfFormerConnection: boolean;
}

export const NEVER_SENT: Loss = { isCertain: true, isOfFormerConnection: false };

export interface PeerDependencies {
  connect: (target: string, signal: AbortSignal) => Promise<IConnection>;
  /** Makes what is sent of messages that were queued, maybe before it was known who is at the other end now. */
  makeBatch: (requests: Message[]) => MessageBatch;
  /** The message was dropped because its host can't be reached or does not keep up. */
  onUndelivered: (message: Message, loss: Loss) => void;
  onConnected: (target: string) => void;
  onDisconnected: (target: string, reason: Error | undefined) => void;
  clock: IClock;
  random: IRandom;
  logger: ILogger;
}

const MESSAGE_OVERHEAD_BYTES = 96;

/** Bytes that a message is accounted for while it waits. */
export function messageSizeBytes(message: Message): number {
  let sizeBytes = MESSAGE_OVERHEAD_BYTES;
  for (const entry of message.entries) sizeBytes += entrySizeBytes(entry);
  return sizeBytes;
}

type Link =
  | { state: 'idle' }
  | { state: 'connecting'; abort: AbortController }
  | { state: 'up'; connection: IConnection; sending: boolean }
  | { state: 'down'; timer: Timer };

/**
 * The way to one other host: a bounded queue, one connection, and a back-off between attempts. While the way is
 * down messages are dropped at once and their senders told, instead of growing old in the queue.
 */
export class Peer {
  readonly target: string;
  readonly #options: PeerOptions;
  readonly #deps: PeerDependencies;
  #link: Link = { state: 'idle' };
  /** The connection that was made last, whether it is open still or not. */
  #newest: IConnection | undefined;
  #queue: Message[] = [];
  #queuedBytes = 0;
  /** A batch is to be sent even if there is no message for it. */
  #batchDue = false;
  readonly #backoffs: IBackoffFactory<unknown>;
  #backoff: IBackoff<unknown> | undefined;
  #stopped = false;

  constructor(target: string, options: PeerOptions, deps: PeerDependencies) {
    this.target = target;
    this.#options = options;
    this.#deps = deps;
    this.#backoffs = new ExponentialBackoff({
      initialDelay: options.reconnectBackoffMinMs,
      maxDelay: options.reconnectBackoffMaxMs,
      generator: noJitterGenerator,
    });
  }

  /** Queues a message; it leaves with the next `flush`. */
  push(message: Message): void {
    const sizeBytes = messageSizeBytes(message);
    const full = this.#queuedBytes > 0 && this.#queuedBytes + sizeBytes > this.#options.sendQueueBytes;
    if (this.#stopped || this.#link.state === 'down' || full) {
      this.#deps.onUndelivered(message, NEVER_SENT);
      return;
    }
    this.#queue.push(message);
    this.#queuedBytes += sizeBytes;
  }

  /** Has a batch sent with the next `flush`, if need be one without messages: it says who we are, and what we know. */
  greet(): void {
    if (!this.#stopped && this.#link.state !== 'down') this.#batchDue = true;
  }

  /** Whether nothing is queued, on its way, or being set up; a connection may be open. */
  get isAtRest(): boolean {
    const link = this.#link;
    return !this.#hasWork && link.state !== 'connecting' && !(link.state === 'up' && link.sending);
  }

  /** Called once per engine cycle: everything queued goes out as one batch. */
  flush(): void {
    if (!this.#hasWork || this.#stopped) return;
    if (this.#link.state === 'idle') this.#connect();
    else if (this.#link.state === 'up' && !this.#link.sending) this.#send(this.#link);
  }

  /**
   * Something has arrived from this host: it is up, so there is no reason to wait before the next attempt.
   *
   * @returns whether it was away
   */
  heardFrom(): boolean {
    if (this.#stopped || this.#link.state !== 'down') return false;
    this.#link.timer.cancel();
    this.#retry();
    return true;
  }

  stop(): void {
    this.#stopped = true;
    const link = this.#link;
    if (link.state === 'connecting') link.abort.abort();
    if (link.state === 'up') link.connection.close();
    if (link.state === 'down') link.timer.cancel();
    this.#link = { state: 'idle' };
    this.#queue = [];
    this.#queuedBytes = 0;
  }

  get #hasWork(): boolean {
    return this.#batchDue || this.#queue.length > 0;
  }

  #send(link: Extract<Link, { state: 'up' }>): void {
    this.#batchDue = false;
    const batch = this.#deps.makeBatch(this.#takeBatch());
    link.sending = true;
    link.connection.sendMessageBatch(batch).then(
      () => {
        link.sending = false;
        if (this.#link === link) this.flush();
      },
      (error: unknown) => {
        link.sending = false;
        const loss = { isCertain: false, isOfFormerConnection: link.connection !== this.#newest };
        for (const message of batch.requests) this.#deps.onUndelivered(message, loss);
        if (this.#link !== link) return;
        this.#deps.logger.warn('a batch was not sent', { target: this.target, err: error });
        this.flush();
      },
    );
  }

  #takeBatch(): Message[] {
    if (this.#queuedBytes <= this.#options.maxBatchBytes) {
      const all = this.#queue;
      this.#queue = [];
      this.#queuedBytes = 0;
      return all;
    }
    let count = 0;
    let sizeBytes = 0;
    for (const message of this.#queue) {
      const next = messageSizeBytes(message);
      if (count > 0 && sizeBytes + next > this.#options.maxBatchBytes) break;
      sizeBytes += next;
      count++;
    }
    this.#queuedBytes -= sizeBytes;
    return this.#queue.splice(0, count);
  }

  #connect(): void {
    const abort = new AbortController();
    const link: Link = { state: 'connecting', abort };
    this.#link = link;
    const timer = this.#deps.clock.setTimeout(() => {
      abort.abort();
    }, this.#options.connectTimeoutMs);
    this.#deps.connect(this.target, abort.signal).then(
      (connection) => {
        timer.cancel();
        if (this.#link === link) this.#connected(connection);
        else connection.close();
      },
      (error: unknown) => {
        timer.cancel();
        if (this.#link === link) this.#goDown(error instanceof Error ? error : new Error(String(error)));
      },
    );
  }

  #connected(connection: IConnection): void {
    this.#newest = connection;
    const link: Link = { state: 'up', connection, sending: false };
    this.#link = link;
    this.#backoff = undefined;
    this.#deps.onConnected(this.target);
    void connection.closed.then((reason) => {
      if (this.#link === link) this.#goDown(reason);
    });
    this.flush();
  }

  #goDown(reason: Error | undefined): void {
    // Only a break, or the first of several failed attempts, is news.
    if (this.#backoff === undefined) this.#deps.onDisconnected(this.target, reason);
    const timer = this.#deps.clock.setTimeout(() => this.#retry(), this.#nextDelayMs());
    this.#link = { state: 'down', timer };
    const undelivered = this.#queue;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#batchDue = false;
    for (const message of undelivered) this.#deps.onUndelivered(message, NEVER_SENT);
  }

  /** The next message opens a connection again. The back-off goes on where it was until one is up. */
  #retry(): void {
    this.#link = { state: 'idle' };
    this.flush();
  }

  /** Jitter comes from our own random source, so that a simulator owns it. */
  #nextDelayMs(): number {
    this.#backoff = (this.#backoff ?? this.#backoffs).next(undefined);
    const fullMs = this.#backoff.duration;
    return fullMs - this.#deps.random.nextInt(Math.max(1, Math.floor(fullMs / 4)));
  }
}
