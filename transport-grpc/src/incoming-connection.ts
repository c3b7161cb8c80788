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
  /** Called when no call was let in within `handshakeTimeoutMs`, before the connection is cut. */
  onDawdling: () => void;
  /** Called when a call was not refused, and when the connection is gone. */
  onSettled: () => void;
}

type MessageWatch = Pick<StreamWatch, 'isMidBatch' | 'isLost' | 'framesWithin'>;

const STOPPING: StreamEnd = { code: Status.UNAVAILABLE, details: 'the host is stopping' };

/** How often a connection without a call is looked at. */
const PROBE_INTERVAL_MS = 100;

/** Below that in a sweep, what comes is little: answers are not held up by it. */
const TRICKLE_BYTES = 16 * 1024;
/** More than that in a sweep is more than signs of life. */
const SIGNS_OF_LIFE_BYTES = 100;
/** Less of a message in a sweep is no progress, even on the slowest line. */
const MIN_PROGRESS_BYTES = 256;
/** As many do not come about by chance in the midst of a message. */
const MIN_FRAMES_WITHIN = 2;
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
  /** What had been written when a sign of life was given, which leaves with whatever is sent next, and not before. */
  #shownAtBytes: number | undefined;
  #silentSweeps = 0;
  #isPinged = false;
  #unansweredSweeps = 0;
  /** Since the last sweep. */
  #messages = 0;
  #hasMessageStream = false;
  #isSeated = false;
  #isRefused = false;
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
    if (this.#isSeated) clearTimeout(this.#deadline);
    clearInterval(this.#probe);
    this.#streams.add(stream);
  }

  /** With its first call that is not refused a client has shown who it is: it takes a place, until it is gone. */
  seat(enter: () => () => void): void {
    if (this.#isSeated) return;
    this.#isSeated = true;
    // Also where an earlier call was refused.
    this.#isRefused = false;
    clearTimeout(this.#deadline);
    this.#onSettled();
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
    // Who is refused has to go soon, however often it calls again.
    if (this.#isRefused) return;
    this.#isRefused = !this.#isSeated;
    clearTimeout(this.#deadline);
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
    else if (newBytes > SIGNS_OF_LIFE_BYTES) this.#showLife();
  }

  /**
   * The library pings no more before the last ping was answered, and answers wait behind what a slow line is sending:
   * by a window that grows by a byte the client hears that this host is there.
   */
  #showLife(): void {
    const session = this.#session;
    if (session === undefined || session.destroyed) return;
    // One that waits is enough: more of them would look like a connection that stands still.
    if (this.#shownAtBytes === this.socket.bytesWritten) return;
    const { effectiveLocalWindowSize: windowBytes = 0 } = session.state;
    session.setLocalWindowSize(windowBytes + 1);
    this.#shownAtBytes = this.socket.bytesWritten;
  }

  /** Whether the client sends, but does not hear: the frame that it reads may have a length that was damaged. */
  #isDeaf(newBytes: number, maxSilentSweeps: number): boolean {
    const session = this.#session;
    if (session === undefined || session.destroyed) return false;
    if (this.#isPinged) {
      // Whatever line a large message comes by, the answer is behind it.
      if (newBytes < TRICKLE_BYTES && !this.#isHeldUp) this.#unansweredSweeps += 1;
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
    const proceeds =
      newBytes >= MIN_PROGRESS_BYTES && watches.every(({ framesWithin }) => framesWithin < MIN_FRAMES_WITHIN);
    const isFruitless = this.#isMidMessage ? !proceeds : newBytes > SIGNS_OF_LIFE_BYTES;
    if (this.#messages > 0 || (this.#isMidMessage && proceeds)) this.#fruitlessSweeps = 0;
    else if (newBytes < TRICKLE_BYTES && isFruitless) this.#fruitlessSweeps += 1;
    this.#messages = 0;
    return this.#hasMessageStream && this.#fruitlessSweeps >= PATIENCE * maxSilentSweeps;
  }

  /** Whether what the client says may wait behind something large. */
  get #isHeldUp(): boolean {
    return !this.#hasMessageStream || this.#isMidMessage;
  }

  get #isMidMessage(): boolean {
    return [...this.#messageWatches].some(({ isMidBatch }) => isMidBatch);
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
    if (session === undefined || session.destroyed) return false;
    const signsOfLife = this.#shownAtBytes === this.socket.bytesWritten ? 1 : 0;
    return (session.state.outboundQueueSize ?? 0) > signsOfLife;
  }
}
