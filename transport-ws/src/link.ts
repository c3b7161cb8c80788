import type { Socket } from 'node:net';
import { ErrConnectionClosed, ErrMalformed } from '@drakkar/raftio';
import { asConnectionClosed, ownBytes } from '@drakkar/raftio/transport';
import { WebSocket } from 'ws';
import { CloseCode } from './protocol.js';

export interface LinkHandlers {
  /** A binary frame, in order. The bytes are the handler's to keep. */
  onFrame: (bytes: Uint8Array) => void;
  /** Some of what was sent has left the process. */
  onDrain: () => void;
  /** Called once; `undefined` when this side closed the link in order, ErrMalformed for what the peer did wrong. */
  onClosed: (reason: Error | undefined) => void;
}

/**
 * A frame of which in each sweep less than this comes, and no end, is none: its length was damaged on the way, and it
 * swallows the pings of the peer.
 */
const MIN_SWEEP_BYTES = 256;
/** For so many times the patience with a peer that is silent. */
const UNENDING_PATIENCE = 4;

const BINARY = Object.freeze({ binary: true, fin: true });

/**
 * One open WebSocket, of either side: frames out, corked so that all that is sent in one turn of the event loop is
 * one write; binary frames in; signs of life; an end that is told exactly once.
 */
export class Link {
  /** Who is at the other end, for messages. */
  readonly peer: string;
  readonly closed: Promise<Error | undefined>;
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #onSent: (error?: Error | null) => void;
  readonly #uncork: () => void;
  #handlers: LinkHandlers | undefined;
  #corked = false;
  #ending = false;
  #reason: Error | undefined;
  #bytesRead = 0;
  #silentSweeps = 0;
  /** Messages, pings and pongs, since the last sweep. */
  #wholeCount = 0;
  #unendingSweeps = 0;

  constructor(ws: WebSocket, socket: Socket, peer: string) {
    this.peer = peer;
    this.#ws = ws;
    this.#socket = socket;
    this.#onSent = (error) => {
      // A socket that broke still reports the write that it was in the middle of as done.
      if (!error && this.isOpen) this.#handlers?.onDrain();
    };
    this.#uncork = () => {
      this.#corked = false;
      socket.uncork();
    };
    ws.on('message', (data, isBinary) => {
      this.#wholeCount += 1;
      this.#receive(data, isBinary);
    });
    ws.on('ping', (data) => {
      // Not while anything else is on its way, which says as much: a client that pings and does not read fills no memory,
      // and pings that have piled up during a pause are not taken for a flood.
      if (!this.#isSignOfLife(data)) return;
      if (this.isOpen && this.bufferedBytes === 0) ws.pong();
    });
    ws.on('pong', (data) => {
      this.#isSignOfLife(data);
    });
    ws.on('error', (error) => {
      this.#end(new ErrMalformed(`${peer} broke the WebSocket protocol: ${error.message}`, { cause: error }));
    });
    socket.on('error', (error) => {
      this.#reason ??= new ErrConnectionClosed(`connection to ${peer} lost: ${error.message}`, {
        cause: error,
      });
    });
    this.closed = new Promise((resolve) => {
      ws.on('close', (code, reason) => {
        if (!this.#ending) this.#end(this.#reason ?? closedByPeer(peer, code, reason));
        resolve(this.#reason);
      });
    });
  }

  /** To be called in the turn in which the link was made. */
  attach(handlers: LinkHandlers): void {
    this.#handlers = handlers;
  }

  /** Shows all bytes that arrive, of WebSocket as they are, from the turn on in which the link was made. */
  watch(onBytes: (bytes: Uint8Array) => void): void {
    this.#socket.on('data', onBytes);
  }

  get isOpen(): boolean {
    return !this.#ending && this.#ws.readyState === WebSocket.OPEN && !this.#socket.destroyed;
  }

  /** Bytes sent that have not left the process. */
  get bufferedBytes(): number {
    return this.#ws.bufferedAmount;
  }

  /** The bytes must not change any more. Throws ErrConnectionClosed once the link is closing. */
  send(bytes: Uint8Array): void {
    if (!this.isOpen) throw asConnectionClosed(this.#reason);
    if (!this.#corked) {
      this.#corked = true;
      this.#socket.cork();
      process.nextTick(this.#uncork);
    }
    this.#ws.send(bytes, BINARY, this.#onSent);
  }

  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    this.#ws.resume();
  }

  /** Closes in order. What is buffered is still sent if the peer takes it soon. */
  close(): void {
    this.#end(undefined);
    this.#ws.close(CloseCode.Normal);
    this.#ws.resume();
  }

  /** Closes because of what the peer did; nothing that it sends from now on is delivered. */
  refuse(code: CloseCode, reason: Error): void {
    this.#end(reason);
    this.#ws.close(code);
    this.#ws.resume();
  }

  /** Closes at once. */
  terminate(reason: Error): void {
    this.#end(reason);
    this.#ws.terminate();
  }

  /**
   * Pings the peer when nothing else is on its way to it, and gives it up when nothing has arrived during
   * `maxSilentSweeps` sweeps, or a little and nothing whole in several times as many. Sweeps are counted rather than time, so that a pause of this process itself, in which
   * nothing could be read, is not held against the peer.
   */
  sweep(maxSilentSweeps: number, deadPeerTimeoutMs: number): void {
    if (this.#ending) return;
    const { bytesRead } = this.#socket;
    const isUnending = this.#wholeCount === 0 && !this.#ws.isPaused && isLittle(bytesRead - this.#bytesRead);
    this.#wholeCount = 0;
    this.#unendingSweeps = isUnending ? this.#unendingSweeps + 1 : 0;
    if (this.#unendingSweeps >= UNENDING_PATIENCE * maxSilentSweeps) {
      const message = `${this.peer} sends what is no whole frame: the length of one was damaged`;
      this.terminate(new ErrConnectionClosed(message, { details: { deadPeerTimeoutMs } }));
      return;
    }
    if (bytesRead !== this.#bytesRead || this.#ws.isPaused) {
      this.#bytesRead = bytesRead;
      this.#silentSweeps = 0;
    } else if (++this.#silentSweeps >= maxSilentSweeps) {
      const message = `no sign of life from ${this.peer} for ${deadPeerTimeoutMs} ms`;
      this.terminate(new ErrConnectionClosed(message, { details: { deadPeerTimeoutMs } }));
      return;
    }
    if (this.bufferedBytes === 0) this.#ws.ping();
  }

  #receive(data: unknown, isBinary: boolean): void {
    if (this.#ending) return;
    if (!isBinary || !Buffer.isBuffer(data) || this.#handlers === undefined) {
      this.refuse(CloseCode.UnsupportedData, new ErrMalformed(`${this.peer} sent a frame of the wrong type`));
      return;
    }
    this.#handlers.onFrame(ownBytes(data));
  }

  /** Neither side says anything in its pings and pongs: with a content they are damaged frames of another type. */
  #isSignOfLife(data: Buffer): boolean {
    this.#wholeCount += 1;
    if (data.length === 0) return true;
    this.refuse(
      CloseCode.PolicyViolation,
      new ErrMalformed(`${this.peer} sent a sign of life of ${data.length} bytes, which has none`),
    );
    return false;
  }

  #end(reason: Error | undefined): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#reason = reason;
    this.#handlers?.onClosed(reason);
  }
}

const isLittle = (bytes: number): boolean => bytes > 0 && bytes < MIN_SWEEP_BYTES;

function closedByPeer(peer: string, code: number, reason: Buffer): ErrConnectionClosed {
  const text = reason.toString('latin1');
  const why =
    code === 1006 ? 'the connection was cut' : `close code ${code}${text === '' ? '' : `, ${text}`}`;
  return new ErrConnectionClosed(`${peer} closed the connection: ${why}`, { details: { closeCode: code } });
}
