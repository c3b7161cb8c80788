import { type Client, type Metadata, type StatusObject, status as Status } from '@grpc/grpc-js';
import { ErrConnectFailed, ErrConnectionClosed, type PeerKind, hasErrorCode } from '@drakkar/raftio';
import {
  HelloHeader,
  type MonitoredLink,
  asConnectionClosed,
  attemptAborted,
} from '@drakkar/raftio/transport';
import type { Attempt } from './attempt.js';
import type { Dialled, OutgoingCall } from './dial.js';
import { type Patience, PeerKindFinder } from './peer-kind.js';
import { MessageNumbers } from './message-numbers.js';
import { NUMBERED, NUMBERED_HEADER, PING_INTERVAL_HEADER, textOf } from './service.js';

export interface OutgoingHandlers {
  /** Some of what was written has left the process. */
  onDrain: () => void;
  /** Called once; `undefined` when this side ended the stream and the peer agreed that all is well. */
  onEnded: (reason: Error | undefined) => void;
}

/** As many as may end in the two turns that a write takes to be confirmed. More wait for nothing but each other. */
const MAX_WRITES = 4;

/** More than that written in a sweep is more than signs of life. */
const SIGNS_OF_LIFE_BYTES = 100;
/** How many times as long as silence a peer may live and take none of the messages that wait. */
const STALL_PATIENCE = 4;

export interface OutgoingStreamOptions {
  closeTimeoutMs: number;
  patience: Patience;
  /** What is written is taken as fast as it arrives: when it is not, something is wrong with the connection. */
  isForMessages: boolean;
  /** Why the host that answers, if it says who it is, is not the one that was meant. */
  failureOf?: (host: string | undefined) => Error | undefined;
}

/** The sending end of a call on a connection of its own: bytes out, an end that is told exactly once. */
export class OutgoingStream implements MonitoredLink {
  /** Who is at the other end, for messages. */
  readonly peer: string;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<Error | undefined>;
  readonly #attempt: Attempt;
  readonly #client: Client;
  readonly #call: OutgoingCall;
  readonly #closeTimeoutMs: number;
  readonly #isForMessages: boolean;
  readonly #finder: PeerKindFinder;
  #handlers: OutgoingHandlers | undefined;
  #resolveClosed!: (reason: Error | undefined) => void;
  #writes = 0;
  #writtenBytes = 0;
  /** Writes that the library has not reported as done. */
  #unreported = 0;
  /** Of what is written, when the peer agrees. */
  #numbers: MessageNumbers | undefined;
  #ending = false;
  #ended = false;
  /** Why it has ended, if not in order. */
  #reason: Error | undefined;
  #closeTimer: NodeJS.Timeout | undefined;
  /** Whether the peer has said that it pings, so that its silence means something. */
  #pinged: number | undefined;
  #bytesRead = 0;
  #bytesWritten = 0;
  #silentSweeps = 0;
  #stalledSweeps = 0;
  /** Something was withheld from the peer since it was last heard. */
  #isOwed = false;

  constructor(
    { attempt, client, call, asksForNumbers, setupMs }: Dialled,
    { closeTimeoutMs, patience, isForMessages, failureOf = () => undefined }: OutgoingStreamOptions,
  ) {
    this.peer = attempt.state.target;
    this.#attempt = attempt;
    this.#client = client;
    this.#call = call;
    this.#closeTimeoutMs = closeTimeoutMs;
    this.#isForMessages = isForMessages;
    this.#finder = new PeerKindFinder(patience, setupMs);
    void this.#finder.found.then(() => this.#handlers?.onDrain());
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    call.on('metadata', (metadata: Metadata) => {
      const host = textOf(metadata, HelloHeader.host);
      if (asksForNumbers && textOf(metadata, NUMBERED_HEADER) === NUMBERED)
        this.#numbers = new MessageNumbers();
      this.#heardOf(Number(metadata.get(PING_INTERVAL_HEADER)[0] ?? Number.NaN), host);
      const mistake = failureOf(host);
      if (mistake !== undefined) this.terminate(asConnectionClosed(mistake));
    });
    call.on('status', (status: StatusObject) => {
      this.#finish(this.#reasonOf(status));
    });
    // Without a reader the end of the call would not be told. There is nothing in what is read.
    call.resume();
  }

  /** To be called in the turn in which the stream was made. */
  attach(handlers: OutgoingHandlers): void {
    this.#handlers = handlers;
  }

  get isOpen(): boolean {
    return !this.#ending && !this.#ended;
  }

  get peerKind(): Promise<PeerKind> {
    return this.#finder.found;
  }

  /**
   * The last step of an attempt to connect: resolves when it is known what kind of host has been reached, before which
   * nothing could be sent. Rejects, when the stream is gone, with the reason: it has ended, or the signal has aborted.
   */
  async recognised(signal: AbortSignal): Promise<void> {
    const onAbort = (): void => this.terminate(attemptAborted(this.peer, signal.reason));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    try {
      // Also when the stream ends.
      await this.#finder.found;
      // Who refuses a call says first who it is, and then why.
      if (!this.#ended) await new Promise<void>((resolve) => afterNextPoll(resolve));
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
    if (!this.#ended) return;
    await this.closed;
    throw this.#attemptFailure();
  }

  /** Whether the peer is known to be a host of Dragonboat. */
  get isDragonboat(): boolean {
    return this.#finder.kind === 'dragonboat';
  }

  /**
   * Bytes written that are not known to have left the process; boundless when no further write can begin before others
   * end, or before it is known what kind of host they go to.
   */
  get level(): number {
    if (this.#finder.kind === undefined) return Number.POSITIVE_INFINITY;
    return this.#writes >= MAX_WRITES ? Number.POSITIVE_INFINITY : this.#writtenBytes;
  }

  /** The bytes must not change any more. Throws ErrConnectionClosed once the stream is ending. */
  write(bytes: Uint8Array): void {
    if (!this.isOpen) throw new ErrConnectionClosed();
    this.#writes += 1;
    this.#writtenBytes += bytes.length;
    this.#unreported += 1;
    this.#call.write(this.#numbers?.added(bytes) ?? bytes, () => {
      this.#unreported -= 1;
      afterNextPoll(() => {
        this.#confirm(bytes.length);
      });
    });
  }

  /** A message was not written, since the peer is taken for one that does not know it. That may be a mistake. */
  withheld(): void {
    this.#isOwed = true;
  }

  /** Says that nothing more will come; the peer answers, when it has taken all of it, with the end of the call. */
  end(): void {
    if (!this.isOpen) return;
    this.#ending = true;
    this.#call.end();
  }

  /** Ends the stream in order, but waits for a bounded time only. */
  close(): void {
    if (this.#ended || this.#closeTimer !== undefined) return;
    this.end();
    this.#closeTimer = setTimeout(() => {
      this.#finish(undefined);
    }, this.#closeTimeoutMs);
  }

  /** Ends the stream at once. */
  terminate(reason: Error): void {
    this.#finish(reason);
  }

  /**
   * A peer that has said that it pings is given up when it falls silent. One that does not, such as Dragonboat, when
   * messages wait, or were withheld, and nothing passes in either direction; and any, later, when nothing passes but
   * signs of life. That can be the end of an HTTP/2 session of which Node.js says nothing, or a window whose size was
   * damaged on the way.
   */
  sweep(maxSilentSweeps: number, deadPeerTimeoutMs: number): void {
    if (this.#ended) return;
    const { bytesRead, bytesWritten, unsentBytes } = this.#attempt;
    const isMute = bytesRead === this.#bytesRead;
    const writtenBytes = bytesWritten - this.#bytesWritten;
    this.#bytesRead = bytesRead;
    this.#bytesWritten = bytesWritten;
    const isPinged = this.#pinged !== undefined && this.#pinged * 2 <= deadPeerTimeoutMs;
    if (!isMute) this.#isOwed = false;
    // What the peer says is not read while a write is under way. The sign of life is then that it goes on.
    const isUnread = unsentBytes > 0;
    const isWaiting = isUnread || (this.#isForMessages && this.#writes > 0);
    const isOverdue = isPinged || ((isWaiting || this.#isOwed) && writtenBytes === 0);
    const isSilent = isMute && isOverdue && !isUnread;
    this.#silentSweeps = isSilent ? this.#silentSweeps + 1 : 0;
    this.#stalledSweeps = isWaiting && writtenBytes < SIGNS_OF_LIFE_BYTES ? this.#stalledSweeps + 1 : 0;
    const details = { deadPeerTimeoutMs };
    if (this.#silentSweeps >= maxSilentSweeps) {
      const message = `no sign of life from ${this.peer} for ${deadPeerTimeoutMs} ms`;
      this.terminate(new ErrConnectionClosed(message, { details }));
    } else if (this.#stalledSweeps >= STALL_PATIENCE * maxSilentSweeps) {
      const message = `${this.peer} has taken no message for ${STALL_PATIENCE * deadPeerTimeoutMs} ms`;
      this.terminate(new ErrConnectionClosed(message, { details }));
    }
  }

  /** What the answer to the call says of the peer. */
  #heardOf(intervalMs: number, host: string | undefined): void {
    if (intervalMs > 0) {
      this.#pinged = intervalMs;
      if (this.#finder.spoke())
        this.terminate(new ErrConnectionClosed(`${this.peer} was taken for Dragonboat`));
    } else if (host !== undefined) {
      // One of Drakkar says both: taken for Dragonboat it would not be given up when it falls silent.
      this.terminate(new ErrConnectionClosed(`what ${this.peer} said of itself was damaged on the way`));
    }
  }

  /** Without a live connection nothing counts as sent: the status that follows settles what waits. */
  #confirm(sizeBytes: number): void {
    if (this.#ended || !this.#attempt.isAlive) return;
    this.#writes -= 1;
    this.#writtenBytes -= sizeBytes;
    this.#stalledSweeps = 0;
    this.#handlers?.onDrain();
  }

  #attemptFailure(): Error {
    const reason = this.#reason ?? new ErrConnectionClosed();
    for (const each of [reason, reason.cause]) {
      if (hasErrorCode(each, 'ERR_CONNECT_FAILED') || hasErrorCode(each, 'ERR_TRANSPORT_STOPPED'))
        return each as Error;
    }
    return new ErrConnectFailed(`the attempt to connect to ${this.peer} failed: ${reason.message}`, {
      cause: reason,
      details: { target: this.peer },
    });
  }

  #reasonOf({ code, details }: StatusObject): Error | undefined {
    // Who says that all is well before everything was sent can't have taken it.
    if (code === Status.OK && this.#ending && this.#unreported === 0) return undefined;
    const name = Status[code] ?? String(code);
    const cause = this.#attempt.error;
    return new ErrConnectionClosed(
      code === Status.OK
        ? `${this.peer} ended the stream`
        : `${this.peer} ended the stream: ${name}${details === '' ? '' : `, ${details}`}`,
      { ...(cause === undefined ? {} : { cause }), details: { status: name } },
    );
  }

  #finish(reason: Error | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reason = reason;
    this.#finder.end();
    clearTimeout(this.#closeTimer);
    this.#call.cancel();
    this.#client.close();
    this.#handlers?.onEnded(reason);
    void this.#attempt.destroy().then(() => {
      this.#resolveClosed(reason);
    });
  }
}

/**
 * Calls back when the event loop has asked once more for what the sockets have to say. HTTP/2 of Node.js reports every
 * write as done, also one that failed, and reads nothing while it writes: only the next read shows that the connection
 * is gone.
 */
function afterNextPoll(callback: () => void): void {
  setImmediate(() => setImmediate(callback));
}
