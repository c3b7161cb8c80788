import type { Socket } from 'node:net';
import {
  ErrConnectionClosed,
  ErrMessageTooLarge,
  type IConnection,
  type ISnapshotConnection,
  MAX_MESSAGE_BYTES,
  type MessageBatch,
  type SnapshotChunk,
  encodeMessageBatch,
  encodeSnapshotChunk,
} from '@drakkar/raftio';
import { END_FRAME, PING_FRAME, headerOf } from './tcp-frames.js';

const PING_MS = 500;
/** What a host says to one that connected to it, a byte each. */
export const Sign = { Welcome: 0x41, Alive: 0x50, Finished: 0x46 } as const;

export interface OutboundRules {
  sendBufferBytes: number;
  deadPeerMs: number;
  /** Whether the other side is told that this one lives; it would give it up otherwise. */
  pings: boolean;
}

/** The sending end: frames out, signs of life in. */
export class Outbound implements IConnection, ISnapshotConnection {
  readonly closed: Promise<Error | undefined>;
  readonly #socket: Socket;
  readonly #limitBytes: number;
  readonly #timer: NodeJS.Timeout;
  #waiting: (() => void)[] = [];
  #heardAt = performance.now();
  #isFinished = false;

  constructor(socket: Socket, { sendBufferBytes, deadPeerMs, pings }: OutboundRules) {
    this.#socket = socket;
    this.#limitBytes = sendBufferBytes;
    let reason: Error | undefined;
    socket.on('error', (error) => {
      reason = error;
    });
    socket.on('data', (bytes: Buffer) => {
      this.#heardAt = performance.now();
      if (bytes.includes(Sign.Finished)) this.#isFinished = true;
      this.#wake();
    });
    socket.on('end', () => socket.destroy());
    this.#timer = setInterval(() => {
      if (performance.now() - this.#heardAt > deadPeerMs) socket.destroy(new Error('the peer is silent'));
      else if (pings) socket.write(PING_FRAME);
    }, PING_MS);
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        clearInterval(this.#timer);
        this.#wake();
        resolve(reason ?? new ErrConnectionClosed());
      });
    });
  }

  async sendMessageBatch(batch: MessageBatch): Promise<void> {
    await this.#send(encodeMessageBatch(batch));
  }

  async sendSnapshotChunk(chunk: SnapshotChunk): Promise<void> {
    await this.#send(encodeSnapshotChunk(chunk));
  }

  async finish(): Promise<void> {
    this.#check();
    this.#socket.write(END_FRAME);
    await this.#until(() => this.#isFinished);
    this.#socket.destroy();
  }

  close(): void {
    this.#socket.destroy();
  }

  #check(): void {
    if (this.#socket.destroyed || !this.#socket.writable) throw new ErrConnectionClosed();
  }

  async #send(payload: Uint8Array): Promise<void> {
    this.#check();
    if (payload.length > MAX_MESSAGE_BYTES)
      throw new ErrMessageTooLarge(`${payload.length} bytes are too many`);
    const wake = (): void => {
      this.#wake();
    };
    this.#socket.cork();
    this.#socket.write(headerOf(payload));
    this.#socket.write(payload, wake);
    this.#socket.uncork();
    await this.#until(() => this.#socket.writableLength <= this.#limitBytes);
    // A socket that was destroyed holds nothing any more.
    this.#check();
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      this.#check();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
