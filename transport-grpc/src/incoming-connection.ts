import type { Socket } from 'node:net';
import { status as Status } from '@grpc/grpc-js';
import type { MonitoredLink } from '@drakkar/raftio/transport';
import type { IncomingStream, StreamEnd } from './incoming-stream.js';

export interface IncomingConnectionOptions {
  handshakeTimeoutMs: number;
  closeTimeoutMs: number;
  /** Called when no method was called within `handshakeTimeoutMs`, before the connection is cut. */
  onDawdling: () => void;
}

const STOPPING: StreamEnd = { code: Status.UNAVAILABLE, details: 'the host is stopping' };

/** A connection that a client has opened: a bounded time until its first call, and after its last. */
export class IncomingConnection implements MonitoredLink {
  readonly socket: Socket;
  /** Who is at the other end, for messages. */
  readonly peer: string;
  readonly closed: Promise<unknown>;
  readonly #streams = new Set<IncomingStream>();
  readonly #closeTimeoutMs: number;
  #deadline: NodeJS.Timeout;
  #bytesRead = 0;
  #silentSweeps = 0;

  constructor(socket: Socket, options: IncomingConnectionOptions) {
    this.socket = socket;
    this.peer = `${socket.remoteAddress ?? 'unknown'}:${socket.remotePort ?? 0}`;
    this.#closeTimeoutMs = options.closeTimeoutMs;
    this.closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined);
    this.#deadline = setTimeout(() => {
      options.onDawdling();
      socket.destroy();
    }, options.handshakeTimeoutMs);
    void this.closed.then(() => {
      clearTimeout(this.#deadline);
    });
  }

  add(stream: IncomingStream): void {
    clearTimeout(this.#deadline);
    this.#streams.add(stream);
  }

  remove(stream: IncomingStream): void {
    if (!this.#streams.delete(stream) || this.#streams.size > 0 || this.socket.destroyed) return;
    this.#deadline = setTimeout(() => {
      this.socket.destroy();
    }, this.#closeTimeoutMs);
  }

  sweep(maxSilentSweeps: number): void {
    const { bytesRead } = this.socket;
    if (bytesRead !== this.#bytesRead) {
      this.#bytesRead = bytesRead;
      this.#silentSweeps = 0;
    } else if (++this.#silentSweeps >= maxSilentSweeps) {
      this.socket.destroy();
    }
  }

  /** Ends the streams, tells why, and gives the client `closeTimeoutMs` to go. Resolves when the socket is gone. */
  async stop(): Promise<void> {
    if (this.#streams.size === 0) this.socket.destroy();
    for (const stream of this.#streams) stream.end(STOPPING);
    await this.closed;
  }
}
