import { ErrConnectionClosed } from '@drakkar/raftio';
import type { Life } from '../world/life.js';
import { type Network, TURN_BYTES, wayOf } from './network.js';

export interface ChannelEnds {
  sender: Life;
  receiver: Life;
  /** Raft addresses. */
  from: string;
  to: string;
}

interface Item {
  bytes: Uint8Array;
  dueMs: number;
  resolve: () => void;
  reject: (error: Error) => void;
  isAccepted: boolean;
}

/** Time that a host needs to see what the network tells it. */
const NOTICE_MS = 0.02;

/**
 * One way from a process to another: in order, with delay, and with a bound on what is under way. Whatever it tells
 * one of its ends happens in the time of that end's process, so one that stands still learns of nothing.
 */
export class Channel {
  readonly ends: ChannelEnds;
  /** `from>to`, as the network names ways. */
  readonly way: string;
  readonly #wayBack: string;
  readonly isStream: boolean;
  /** Settles, in the sender, when the channel has ended. */
  readonly closed: Promise<Error | undefined>;
  isEnded = false;
  readonly #network: Network;
  readonly #bufferBytes: number;
  readonly #handOn: (bytes: Uint8Array) => Promise<boolean> | boolean;
  readonly #onEnd: () => void;
  readonly #queue: Item[] = [];
  #queuedBytes = 0;
  #lastDueMs = 0;
  /** Until then bytes that were sent before are put on the way. */
  #isSendingUntilMs = 0;
  /** Free in the turn in which the last of them are. */
  #turnLeftBytes = 0;
  #isPumping = false;
  #settleClosed: (reason: Error | undefined) => void = () => undefined;
  #drained: { resolve: () => void; reject: (error: Error) => void }[] = [];
  readonly #forget: (() => void)[];
  /** Called at once when the channel ends, by whichever side: for an account of channels. */
  readonly whenEnded: (() => void)[] = [];

  /**
   * @param handOn called in the receiver for each item, the next one only when its promise has settled; false ends
   *   the channel
   * @param onEnd called in the receiver when the channel has ended, unless the receiver has ended it
   */
  constructor(
    network: Network,
    ends: ChannelEnds,
    options: { bufferBytes: number; isStream: boolean },
    handOn: (bytes: Uint8Array) => Promise<boolean> | boolean,
    onEnd: () => void,
  ) {
    this.#network = network;
    this.ends = ends;
    this.way = wayOf(ends.from, ends.to);
    this.#wayBack = wayOf(ends.to, ends.from);
    this.isStream = options.isStream;
    this.#bufferBytes = options.bufferBytes;
    this.#handOn = handOn;
    this.#onEnd = onEnd;
    this.closed = new Promise((resolve) => (this.#settleClosed = resolve));
    const lost = (): void => this.end(new Error('the other host is gone'));
    this.#forget = [ends.sender.onEnd(lost), ends.receiver.onEnd(lost)];
    network.channels.add(this);
  }

  /** Whether something is still to be put on the way. */
  get isSending(): boolean {
    return this.#isSendingUntilMs > this.#network.scheduler.nowMs;
  }

  /** Bytes under way. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Resolves when there is room for more. */
  send(bytes: Uint8Array): Promise<void> {
    const { sender } = this.ends;
    if (!sender.call()) return new Promise<void>(() => undefined);
    if (this.isEnded) return Promise.reject(new ErrConnectionClosed());
    const { scheduler } = this.#network;
    const waits = this.#takesTurn(bytes.length);
    this.#isSendingUntilMs =
      Math.max(this.#isSendingUntilMs, scheduler.nowMs) +
      this.#network.transmissionMs(this, bytes.length, waits);
    this.#lastDueMs = Math.max(
      this.#lastDueMs,
      this.#isSendingUntilMs + this.#network.delayMs(this.way, bytes.length),
    );
    return new Promise((resolve, reject) => {
      this.#queuedBytes += bytes.length;
      const isAccepted = this.#queuedBytes <= this.#bufferBytes;
      this.#queue.push({ bytes, dueMs: this.#lastDueMs, resolve, reject, isAccepted });
      if (isAccepted) this.#notice(sender, 'room', resolve);
      this.#pump();
    });
  }

  /** Resolves when everything sent has been taken. */
  drain(): Promise<void> {
    if (this.isEnded) return Promise.reject(new ErrConnectionClosed());
    return new Promise((resolve, reject) => {
      this.#drained.push({ resolve, reject });
      if (this.#queue.length === 0) this.#tellDrained();
    });
  }

  /** Ends the channel: what is under way is lost. */
  end(reason: Error | undefined, by?: 'receiver'): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.#network.channels.delete(this);
    for (const forget of this.#forget) forget();
    for (const tell of this.whenEnded) tell();
    const { sender, receiver } = this.ends;
    const error = new ErrConnectionClosed(undefined, reason === undefined ? {} : { cause: reason });
    const items = this.#queue.splice(0);
    const drained = this.#drained.splice(0);
    this.#queuedBytes = 0;
    this.#notice(sender, 'closed', () => {
      for (const item of items) if (!item.isAccepted) item.reject(error);
      for (const { reject } of drained) reject(error);
      this.#settleClosed(reason);
    });
    if (by !== 'receiver') this.#notice(receiver, 'hung up', this.#onEnd);
  }

  /** Whether so many bytes wait for another turn: what is small goes together with what is queued before it. */
  #takesTurn(sizeBytes: number): boolean {
    if (this.isSending && sizeBytes <= this.#turnLeftBytes) {
      this.#turnLeftBytes -= sizeBytes;
      return false;
    }
    this.#turnLeftBytes = Math.max(0, TURN_BYTES - sizeBytes);
    return true;
  }

  #notice(life: Life, label: string, tell: () => void): void {
    this.#network.scheduler.after(NOTICE_MS, life, label, tell);
  }

  /** Brings the oldest item to the receiver when it is due. */
  #pump(): void {
    const [head] = this.#queue;
    if (this.#isPumping || head === undefined) return;
    this.#isPumping = true;
    const { scheduler } = this.#network;
    scheduler.after(head.dueMs - scheduler.nowMs, this.ends.receiver, 'arrival', () =>
      this.#arrive(head, undefined),
    );
  }

  #arrive(item: Item, giveUpAtMs: number | undefined): void {
    if (this.isEnded) return;
    const { receiver } = this.ends;
    const { scheduler } = this.#network;
    if (this.#network.isWayBlocked(this.way)) {
      const untilMs = giveUpAtMs ?? scheduler.nowMs + this.#network.patienceMs();
      if (scheduler.nowMs >= untilMs) {
        this.end(new Error('the connection timed out'));
        return;
      }
      scheduler.after(this.#network.retryMs(), receiver, 'blocked', () => this.#arrive(item, untilMs));
      return;
    }
    void this.#take(item);
  }

  async #take(item: Item): Promise<void> {
    if (this.isStream && this.#network.cutsStream()) {
      this.end(new Error('the connection was cut'));
      return;
    }
    const isLost = !this.isStream && this.#network.loses();
    const isTaken = isLost || (await this.#handOn(item.bytes));
    if (this.isEnded) return;
    if (!isTaken) {
      this.end(new Error('the peer refused'), 'receiver');
      return;
    }
    this.#queue.shift();
    this.#isPumping = false;
    this.#acknowledge(item, undefined);
    this.#pump();
  }

  /** The sender learns of it, if anything comes back on that way. */
  #acknowledge(item: Item, giveUpAtMs: number | undefined): void {
    const { sender } = this.ends;
    const { scheduler } = this.#network;
    scheduler.after(this.#network.delayMs(this.#wayBack, 0), sender, 'acknowledged', () => {
      if (this.isEnded) return;
      if (!this.#network.isWayBlocked(this.#wayBack)) {
        this.#queuedBytes -= item.bytes.length;
        if (!item.isAccepted) item.resolve();
        item.isAccepted = true;
        this.#grantRoom();
        if (this.#queue.length === 0) this.#tellDrained();
        return;
      }
      const untilMs = giveUpAtMs ?? scheduler.nowMs + this.#network.patienceMs();
      if (scheduler.nowMs >= untilMs) this.end(new Error('the connection timed out'));
      else this.#acknowledge(item, untilMs);
    });
  }

  #grantRoom(): void {
    if (this.#queuedBytes > this.#bufferBytes) return;
    for (const item of this.#queue) {
      if (!item.isAccepted) item.resolve();
      item.isAccepted = true;
    }
  }

  #tellDrained(): void {
    if (this.#queuedBytes > 0) return;
    for (const { resolve } of this.#drained.splice(0)) this.#notice(this.ends.sender, 'drained', resolve);
  }
}
