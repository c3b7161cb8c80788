import type { Socket } from 'node:net';
import { ErrConnectionClosed, ErrMalformed } from '@drakkar/raftio';
import { type BatchWatch, type HeldLink, asConnectionClosed, unsentBytesOf } from '@drakkar/raftio/transport';
import { FrameReader } from './frame-reader.js';
import { Method, encodeFrame } from './frames.js';
import { MAX_FAREWELL_BYTES, decodeFarewell, encodeFarewell } from './hello.js';
import type { Peers } from './options.js';

export interface LinkHandlers {
  /** Largest payload of a frame of this method, as far as one is due now; undefined: none is. */
  limitOf: (method: number) => number | undefined;
  /** A frame, in order; its payload is the handler's to keep. What it throws ends the link as the peer's fault. */
  onFrame: (method: number, payload: Uint8Array) => void;
  /** Reads along while a batch arrives. */
  watch?: BatchWatch;
  /** Some of what was sent has left the process. */
  onDrain?: () => void;
  /** The peer sends nothing more, and everything before was handed over. Without this, the link ends then. */
  onPeerDone?: () => void;
  /** The checksum of the payload of a frame does not match: the link is about to end. */
  onDamaged?: (method: number, reason: string) => void;
  /** Called once; `undefined` when this side closed the link in order, ErrMalformed for what the peer did wrong. */
  onClosed: (reason: Error | undefined) => void;
}

export interface LinkOptions {
  peers: Peers;
  deadPeerTimeoutMs: number;
  closeTimeoutMs: number;
}

const NOTHING = new Uint8Array(0);

/**
 * How many times `deadPeerTimeoutMs` what is being sent may stand still. On a slow line the operating system takes the
 * next piece when a third of its buffer is free again, which can be more than a megabyte.
 */
const STALL_PATIENCE = 4;

/**
 * One TCP or TLS connection, of either side: frames out, corked so that all that is sent in one turn of the event loop
 * is one write; frames in; signs of life; an end that is told exactly once. The socket allows half-open connections.
 */
export class Link implements HeldLink {
  /** Who is at the other end, for messages. */
  readonly peer: string;
  readonly closed: Promise<Error | undefined>;
  readonly #socket: Socket;
  readonly #options: LinkOptions;
  readonly #reader: FrameReader;
  readonly #onSent: (error?: Error | null) => void;
  readonly #uncork: () => void;
  #handlers: LinkHandlers;
  #isCorked = false;
  #isPaused = false;
  #isPeerDone = false;
  #ending = false;
  #reason: Error | undefined;
  #closeTimer: NodeJS.Timeout | undefined;
  #bytesRead = 0;
  #silentSweeps = 0;
  /** In a row, in which nothing was sent, and what waited then. */
  #stalls = 0;
  #stalledBytes = 0;

  constructor(socket: Socket, peer: string, options: LinkOptions, handlers: LinkHandlers) {
    this.peer = peer;
    this.#socket = socket;
    this.#options = options;
    this.#handlers = handlers;
    this.#onSent = (error) => {
      // A socket that was destroyed reports the write that it was in the middle of as done.
      if (!error && !this.#ending && !socket.destroyed) this.#handlers.onDrain?.();
    };
    this.#uncork = () => {
      this.#isCorked = false;
      socket.uncork();
    };
    this.#reader = new FrameReader({
      limitOf: (method) => this.#limitOf(method),
      onFrame: (method, payload) => this.#receive(method, payload),
      isPaused: () => this.#isPaused || this.#ending,
      watch: () => this.#handlers.watch,
      onDamaged: (method, reason) => this.#handlers.onDamaged?.(method, reason),
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        clearTimeout(this.#closeTimer);
        if (!this.#ending) this.#end(this.#reason ?? this.#closedByPeer());
        resolve(this.#reason);
      });
    });
    this.#listen();
  }

  /** Replaces the handlers: what comes next is for these. */
  attach(handlers: LinkHandlers): void {
    this.#handlers = handlers;
  }

  get isOpen(): boolean {
    return !this.#ending && this.#socket.writable;
  }

  /** Bytes sent that have not left the process. */
  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  /** The payload must not change any more. Throws ErrConnectionClosed once the link is closing. */
  send(method: Method, payload: Uint8Array = NOTHING): void {
    if (!this.isOpen) throw asConnectionClosed(this.#reason);
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      process.nextTick(this.#uncork);
    }
    this.#write(method, payload);
  }

  /** Says that nothing more will be sent, behind what was, and goes on reading. */
  endSending(): void {
    this.#socket.end();
  }

  /** No frame is handed over until `resume`, not even one that has come; nor is anything read. */
  pause(): void {
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused || this.#ending) return;
    this.#isPaused = false;
    this.#read(() => this.#reader.drain());
    if (this.#isPaused || this.#ending) return;
    this.#socket.resume();
    if (this.#isPeerDone) this.#peerDone();
  }

  /** Closes in order. What is buffered is still sent if the peer takes it soon. */
  close(): void {
    this.#end(undefined);
    this.#part();
  }

  /** Closes because of what the peer did, and lets it know; nothing that it sends from now on is handed over. */
  refuse(reason: Error): void {
    if (this.#ending) return;
    if (this.#socket.writable) this.#write(Method.Farewell, encodeFarewell(reason.message));
    this.#end(reason);
    this.#part();
  }

  /** Closes at once. */
  terminate(reason: Error): void {
    this.#end(reason);
    this.#socket.destroy();
  }

  /**
   * Pings the peer when nothing else is on its way to it, and gives it up when nothing has arrived during
   * `maxSilentSweeps` sweeps. Dragonboat's hosts do not ping: see `#onStalled`.
   */
  sweep(maxSilentSweeps: number, deadPeerTimeoutMs: number): void {
    if (this.#ending || this.#options.peers === 'dragonboat') return;
    const { bytesRead } = this.#socket;
    if (bytesRead !== this.#bytesRead || this.#isPaused) {
      this.#bytesRead = bytesRead;
      this.#silentSweeps = 0;
    } else if (++this.#silentSweeps >= maxSilentSweeps) {
      const message = `no sign of life from ${this.peer} for ${deadPeerTimeoutMs} ms`;
      this.terminate(new ErrConnectionClosed(message, { details: { deadPeerTimeoutMs } }));
      return;
    }
    if (this.bufferedBytes === 0 && this.isOpen) this.send(Method.Ping);
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('data', (bytes: Buffer) => {
      if (!this.#ending) this.#read(() => this.#reader.push(bytes));
    });
    socket.on('end', () => {
      this.#isPeerDone = true;
      if (!this.#isPaused && !this.#ending) this.#peerDone();
    });
    socket.on('error', (error) => {
      this.#reason ??= new ErrConnectionClosed(`connection to ${this.peer} lost: ${error.message}`, {
        cause: error,
      });
    });
    if (this.#options.peers === 'drakkar') return;
    const { deadPeerTimeoutMs } = this.#options;
    socket.on('timeout', () => this.#onStalled());
    socket.setTimeout(deadPeerTimeoutMs);
  }

  /** Nothing has passed in either direction for a while, which is as it should be when nothing is under way. */
  #onStalled(): void {
    if (this.#ending) return;
    const { deadPeerTimeoutMs } = this.#options;
    const isReceiving = this.#reader.isMidFrame && !this.#isPaused;
    if (!isReceiving && !this.#isSendingStuck()) {
      this.#socket.setTimeout(deadPeerTimeoutMs);
      return;
    }
    const silenceMs = isReceiving ? deadPeerTimeoutMs : STALL_PATIENCE * deadPeerTimeoutMs;
    const message = `nothing passed to or from ${this.peer} for ${silenceMs} ms in the middle of a frame`;
    this.terminate(new ErrConnectionClosed(message, { details: { deadPeerTimeoutMs } }));
  }

  #isSendingStuck(): boolean {
    const unsentBytes = unsentBytesOf(this.#socket);
    const isSame = this.#stalls > 0 && unsentBytes === this.#stalledBytes;
    this.#stalledBytes = unsentBytes;
    if (this.bufferedBytes === 0) this.#stalls = 0;
    else this.#stalls = isSame ? this.#stalls + 1 : 1;
    return this.#stalls >= STALL_PATIENCE;
  }

  #write(method: Method, payload: Uint8Array): void {
    const pieces = encodeFrame(method, payload);
    const last = pieces.length - 1;
    for (const [i, piece] of pieces.entries()) {
      if (i === last) this.#socket.write(piece, this.#onSent);
      else this.#socket.write(piece);
    }
  }

  #limitOf(method: number): number | undefined {
    if (method === Method.Farewell) return MAX_FAREWELL_BYTES;
    if (method === Method.Ping && this.#options.peers === 'drakkar') return 0;
    return this.#handlers.limitOf(method);
  }

  #receive(method: number, payload: Uint8Array): void {
    if (method === Method.Ping) return;
    if (method !== Method.Farewell) {
      this.#handlers.onFrame(method, payload);
      return;
    }
    const why = decodeFarewell(payload);
    this.#end(new ErrConnectionClosed(`${this.peer} ended the connection: ${why}`, { details: { why } }));
    this.#part();
  }

  #read(read: () => void): void {
    try {
      read();
    } catch (error) {
      const message = `${this.peer} broke the protocol: ${(error as Error).message}`;
      this.refuse(new ErrMalformed(message, { cause: error }));
    }
  }

  #peerDone(): void {
    if (this.#handlers.onPeerDone !== undefined && !this.#reader.isMidFrame) {
      this.#handlers.onPeerDone();
      return;
    }
    this.#end(this.#reason ?? this.#closedByPeer());
    this.#part();
  }

  #closedByPeer(): ErrConnectionClosed {
    const where = this.#reader.isMidFrame ? ' in the middle of a frame' : '';
    return new ErrConnectionClosed(`${this.peer} closed the connection${where}`);
  }

  /** What still comes is read and dropped: unread, it would take what was sent last from the peer. */
  #part(): void {
    this.#reader.clear();
    this.#socket.resume();
    this.#socket.end();
    this.#closeTimer ??= setTimeout(() => this.#socket.destroy(), this.#options.closeTimeoutMs);
  }

  #end(reason: Error | undefined): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#reason = reason;
    this.#handlers.onClosed(reason);
  }
}
