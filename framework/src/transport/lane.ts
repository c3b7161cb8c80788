import { type IConnection, type Message, type MessageBatch } from '@drakkar/raftio';
import type { ILogger } from '../logging/logger.js';
import type { IClock, Timer } from '../runtime/clock.js';
import { messageSizeBytes } from '../runtime/message-size.js';
import type { IRandom } from '../runtime/random.js';
import { ReconnectPause } from './reconnect-pause.js';
import { isUrgent } from './urgent.js';

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

export interface LaneDependencies {
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

/** Messages that wait, in order, with their size. */
class Waiting {
  #messages: Message[] = [];
  sizeBytes = 0;

  get count(): number {
    return this.#messages.length;
  }

  add(message: Message, sizeBytes: number): void {
    this.#messages.push(message);
    this.sizeBytes += sizeBytes;
  }

  /** Moves messages to `batch`, whose size is `batchBytes`, as long as it has room; an empty one takes any. */
  moveTo(batch: Message[], batchBytes: number, maxBatchBytes: number): number {
    if (batchBytes + this.sizeBytes <= maxBatchBytes) {
      const total = batchBytes + this.sizeBytes;
      batch.push(...this.takeAll());
      return total;
    }
    let count = 0;
    let total = batchBytes;
    for (const message of this.#messages) {
      const next = messageSizeBytes(message);
      if (batch.length + count > 0 && total + next > maxBatchBytes) break;
      total += next;
      count++;
    }
    this.sizeBytes -= total - batchBytes;
    batch.push(...this.#messages.splice(0, count));
    return total;
  }

  takeAll(): Message[] {
    const all = this.#messages;
    this.#messages = [];
    this.sizeBytes = 0;
    return all;
  }
}

/** Reasons that are told of while the way is down. */
const MAX_TOLD_CAUSES = 8;

/** What two failures have in common that are the same for all who read of them: ports and dates may differ. */
function causeOf(reason: Error | undefined): string {
  return reason === undefined ? '' : reason.message.replace(/\d+/g, '#');
}

type Link =
  | { state: 'idle' }
  | { state: 'connecting'; abort: AbortController }
  | { state: 'up'; connection: IConnection; sending: boolean }
  | { state: 'down'; timer: Timer };

/**
 * One connection to another host, with a bounded queue before it in which urgent messages come first, and a growing
 * pause between attempts. While the way is down messages are dropped at once and their senders told, instead of growing
 * old in the queue.
 */
export class Lane {
  readonly target: string;
  /** While set, urgent messages leave and no others. */
  isHeld = false;
  /** Called with the size of what is about to leave as a batch. */
  onBatch: (sizeBytes: number) => void = () => undefined;
  /** Called whenever an attempt has succeeded or failed, or the connection has ended. */
  onSettled: () => void = () => undefined;
  readonly #options: PeerOptions;
  readonly #deps: LaneDependencies;
  readonly #pause: ReconnectPause;
  readonly #urgent = new Waiting();
  readonly #others = new Waiting();
  #link: Link = { state: 'idle' };
  /** The connection that was made last, whether it is open still or not. */
  #newest: IConnection | undefined;
  /** A batch is to be sent even if there is no message for it. */
  #batchDue = false;
  /** Causes that were told of since the way was up; empty while it is. */
  readonly #toldCauses = new Set<string>();
  #stopped = false;

  constructor(target: string, options: PeerOptions, deps: LaneDependencies) {
    this.target = target;
    this.#options = options;
    this.#deps = deps;
    this.#pause = new ReconnectPause(options, deps.clock, deps.random);
  }

  /** Whether what is pushed now is dropped. */
  get isDown(): boolean {
    return this.#link.state === 'down';
  }

  get isUp(): boolean {
    return this.#link.state === 'up';
  }

  /** Whether nothing is queued, on its way, or being set up; a connection may be open. */
  get isAtRest(): boolean {
    const link = this.#link;
    return !this.#hasWork && link.state !== 'connecting' && !(link.state === 'up' && link.sending);
  }

  /** Queues a message; it leaves with the next `flush`. */
  push(message: Message): void {
    const sizeBytes = messageSizeBytes(message);
    const queue = isUrgent(message) ? this.#urgent : this.#others;
    const isFull = queue.sizeBytes > 0 && queue.sizeBytes + sizeBytes > this.#options.sendQueueBytes;
    if (this.#stopped || this.#link.state === 'down' || isFull) this.#deps.onUndelivered(message, NEVER_SENT);
    else queue.add(message, sizeBytes);
  }

  /** Has a batch sent with the next `flush`, if need be one without messages: it says who we are, and what we know. */
  greet(): void {
    if (!this.#stopped && this.#link.state !== 'down') this.#batchDue = true;
  }

  /** Called once per engine cycle: what is queued goes out as one batch. */
  flush(): void {
    if (!this.#hasWork || this.#stopped) return;
    if (this.#link.state === 'idle') this.#connect();
    else if (this.#link.state === 'up' && !this.#link.sending) this.#send(this.#link);
  }

  /**
   * Something has arrived from this host. When it was silent before, there is no reason to wait any longer.
   *
   * @returns whether that ended a pause
   */
  heardFrom(): boolean {
    if (this.#stopped || this.#link.state !== 'down' || !this.#pause.heard()) return false;
    this.#link.timer.cancel();
    this.#retry();
    return true;
  }

  /** Takes the urgent messages that wait, for another lane. */
  takeUrgent(): Message[] {
    return this.#urgent.takeAll();
  }

  /** Takes all messages that wait, for another lane. */
  takeWaiting(): Message[] {
    return [...this.#urgent.takeAll(), ...this.#others.takeAll()];
  }

  stop(): void {
    this.#stopped = true;
    const link = this.#link;
    if (link.state === 'connecting') link.abort.abort();
    if (link.state === 'up') link.connection.close();
    if (link.state === 'down') link.timer.cancel();
    this.#link = { state: 'idle' };
    this.#takeAll();
  }

  get #hasWork(): boolean {
    return this.#batchDue || this.#urgent.count > 0 || this.#others.count > 0;
  }

  #send(link: Extract<Link, { state: 'up' }>): void {
    this.onBatch(this.#urgent.sizeBytes + this.#others.sizeBytes);
    if (this.isHeld && !this.#batchDue && this.#urgent.count === 0) return;
    this.#batchDue = false;
    const requests: Message[] = [];
    const { maxBatchBytes } = this.#options;
    const urgentBytes = this.#urgent.moveTo(requests, 0, maxBatchBytes);
    if (!this.isHeld) this.#others.moveTo(requests, urgentBytes, maxBatchBytes);
    const batch = this.#deps.makeBatch(requests);
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

  #takeAll(): Message[] {
    this.#batchDue = false;
    return this.takeWaiting();
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
    this.#pause.connected();
    this.#toldCauses.clear();
    this.#deps.onConnected(this.target);
    void connection.closed.then((reason) => {
      if (this.#link === link) this.#goDown(reason);
    });
    this.onSettled();
    this.flush();
  }

  #goDown(reason: Error | undefined): void {
    this.#tell(reason);
    const timer = this.#deps.clock.setTimeout(() => {
      this.#pause.end();
      this.#retry();
    }, this.#pause.begin());
    this.#link = { state: 'down', timer };
    for (const message of this.#takeAll()) this.#deps.onUndelivered(message, NEVER_SENT);
    this.onSettled();
  }

  /** Only a break, the first of several failed attempts, and one that fails for another reason are news. */
  #tell(reason: Error | undefined): void {
    const cause = causeOf(reason);
    if (this.#toldCauses.has(cause) || this.#toldCauses.size >= MAX_TOLD_CAUSES) return;
    this.#toldCauses.add(cause);
    this.#deps.onDisconnected(this.target, reason);
  }

  /** The next message opens a connection again. */
  #retry(): void {
    this.#link = { state: 'idle' };
    this.flush();
  }
}
