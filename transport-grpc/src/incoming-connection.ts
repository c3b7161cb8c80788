import type { ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { status as Status } from '@grpc/grpc-js';
import type { MonitoredLink, PeerCredentials, StreamWatch } from '@drakkar/raftio/transport';
import type { IncomingStream, StreamEnd } from './incoming-stream.js';

export interface IncomingConnectionOptions {
  handshakeTimeoutMs: number;
  closeTimeoutMs: number;
  /** What comes is checked by nobody below, as TLS does: it may have been damaged. */
  isPlain: boolean;
  /** Called when no method was called within `handshakeTimeoutMs`, before the connection is cut. */
  onDawdling: () => void;
  /** Called when a method has been called, and when the connection is gone. */
  onSettled: () => void;
}

type MessageWatch = Pick<StreamWatch, 'isMidBatch' | 'isLost'>;

const STOPPING: StreamEnd = { code: Status.UNAVAILABLE, details: 'the host is stopping' };

/** How often a connection without a call is looked at. */
const PROBE_INTERVAL_MS = 100;

/** Below that in a sweep, what comes is no large message on a slow line, and answers are not held up by one. */
const TRICKLE_BYTES = 16 * 1024;
/** More than that in a sweep is more than signs of life. */
const SIGNS_OF_LIFE_BYTES = 100;
/** How many times as long as silence something may come of which no message is made. */
const PATIENCE = 4;

/** A connection that a client has opened: a bounded time until its first call, and after its last. */
export class IncomingConnection implements MonitoredLink {
  readonly socket: Socket;
  /** Who is at the other end, for messages. */
  readonly peer: string;
  /** What the client has shown, where clients must; set before a method can be called. */
  credentials: PeerCredentials | undefined;
  readonly closed: Promise<unknown>;
  readonly #streams = new Set<IncomingStream>();
  readonly #closeTimeoutMs: number;
  readonly #isPlain: boolean;
  readonly #onSettled: () => void;
  #deadline: NodeJS.Timeout;
  #probe: NodeJS.Timeout | undefined;
  #session: ServerHttp2Session | undefined;
  #bytesRead = 0;
  #bytesWritten = 0;
  #silentSweeps = 0;
  #isPinged = false;
  #unansweredSweeps = 0;
  /** Since the last sweep. */
  #messages = 0;
  #hasMessageStream = false;
  #isSeated = false;
  readonly #messageWatches = new Set<MessageWatch>();
  #fruitlessSweeps = 0;

  constructor(socket: Socket, options: IncomingConnectionOptions) {
    this.socket = socket;
    this.peer = `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
    this.#closeTimeoutMs = options.closeTimeoutMs;
    this.#isPlain = options.isPlain;
    this.#onSettled = options.onSettled;
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    this.#deadline = setTimeout(() => {
      options.onDawdling();
      socket.destroy();
    }, options.handshakeTimeoutMs);
    void this.closed.then(() => {
      clearTimeout(this.#deadline);
      clearInterval(this.#probe);
      options.onSettled();
    });
  }

  /**
   * Looks out for the end of a session that nobody tells of. When the other side breaks HTTP/2 in certain ways, Node.js
   * says so to it, and from then on neither reads nor writes, nor sees that the other side has gone. What shows is
   * that a ping stays in the queue.
   */
  watch(session: ServerHttp2Session): void {
    this.#session = session;
    let isPinged = false;
    this.#probe = setInterval(() => {
      if (session.destroyed) {
        clearInterval(this.#probe);
      } else if (isPinged) {
        this.#endIfStuck();
      } else {
        isPinged = session.ping(() => {
          isPinged = false;
        });
      }
    }, PROBE_INTERVAL_MS);
    this.#probe.unref();
  }

  add(stream: IncomingStream, isForMessages: boolean): void {
    this.#hasMessageStream ||= isForMessages;
    this.#onSettled();
    clearTimeout(this.#deadline);
    clearInterval(this.#probe);
    this.#streams.add(stream);
  }

  /** With its first call a client has said who it is: it takes a place, until it is gone. */
  seat(enter: () => () => void): void {
    if (this.#isSeated) return;
    this.#isSeated = true;
    void this.closed.then(enter());
  }

  /** What reads along on a stream of messages. */
  watchMessages(watch: MessageWatch): void {
    this.#messageWatches.add(watch);
  }

  unwatchMessages(watch: MessageWatch): void {
    this.#messageWatches.delete(watch);
  }

  /** On a stream of messages one came, whole. */
  heardMessage(): void {
    this.#messages += 1;
  }

  remove(stream: IncomingStream): void {
    if (!this.#streams.delete(stream) || this.#streams.size > 0 || this.socket.destroyed) return;
    this.#deadline = setTimeout(() => {
      this.socket.destroy();
    }, this.#closeTimeoutMs);
  }

  sweep(maxSilentSweeps: number): void {
    const { bytesRead, bytesWritten } = this.socket;
    const newBytes = bytesRead - this.#bytesRead;
    const wasStill = bytesRead === this.#bytesRead && bytesWritten === this.#bytesWritten;
    if (bytesRead === this.#bytesRead) this.#silentSweeps += 1;
    else this.#silentSweeps = 0;
    this.#bytesRead = bytesRead;
    this.#bytesWritten = bytesWritten;
    const isDead =
      this.#silentSweeps >= maxSilentSweeps ||
      (this.#isPlain &&
        (this.#isDeaf(newBytes, maxSilentSweeps) || this.#isFruitless(newBytes, maxSilentSweeps)));
    if (isDead) this.socket.destroy();
    else if (wasStill) this.#endIfStuck();
  }

  /** Whether the client sends, but does not hear: the frame that it reads may have a length that was damaged. */
  #isDeaf(newBytes: number, maxSilentSweeps: number): boolean {
    const session = this.#session;
    if (session === undefined || session.destroyed) return false;
    if (this.#isPinged) {
      if (newBytes < TRICKLE_BYTES) this.#unansweredSweeps += 1;
      return this.#unansweredSweeps >= maxSilentSweeps;
    }
    this.#unansweredSweeps = 0;
    this.#isPinged = session.ping(() => {
      this.#isPinged = false;
    });
    return false;
  }

  /**
   * Whether something comes all the time, and no message with it, or one has begun and does not go on: its length may
   * have been damaged. So has what comes before the length, if it is nothing that a client sends.
   */
  #isFruitless(newBytes: number, maxSilentSweeps: number): boolean {
    const watches = [...this.#messageWatches];
    if (watches.some(({ isLost }) => isLost)) return true;
    const isMidMessage = watches.some(({ isMidBatch }) => isMidBatch);
    if (this.#messages > 0) this.#fruitlessSweeps = 0;
    else if (newBytes < TRICKLE_BYTES && (isMidMessage || newBytes > SIGNS_OF_LIFE_BYTES))
      this.#fruitlessSweeps += 1;
    this.#messages = 0;
    return this.#hasMessageStream && this.#fruitlessSweeps >= PATIENCE * maxSilentSweeps;
  }

  /** Ends the streams, tells why, and gives the client `closeTimeoutMs` to go. Resolves when the socket is gone. */
  async stop(): Promise<void> {
    if (this.#streams.size === 0) this.socket.destroy();
    for (const stream of this.#streams) stream.end(STOPPING);
    await this.closed;
  }

  /** Ends a connection on which something is to be sent and is not, although the event loop has come round. */
  #endIfStuck(): void {
    if (!this.#hasUnsent()) return;
    const { bytesWritten } = this.socket;
    setImmediate(() => {
      setImmediate(() => {
        if (this.#hasUnsent() && this.socket.bytesWritten === bytesWritten) this.socket.destroy();
      });
    });
  }

  #hasUnsent(): boolean {
    const session = this.#session;
    return session !== undefined && !session.destroyed && (session.state.outboundQueueSize ?? 0) > 0;
  }
}
