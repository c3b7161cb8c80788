import type { Socket } from 'node:net';
import { ErrConnectionClosed, ErrMalformed, MAX_MESSAGE_BYTES } from '@drakkar/raftio';
import type { MonitoredLink } from '@drakkar/raftio/transport';
import { type Frame, FrameType, HEADER_BYTES, encodeHeader, isWhole } from './frames.js';

/** First byte of a client that begins with TLS. */
const TLS_HANDSHAKE = 0x16;

const NOTHING = new Uint8Array(0);

/** One TCP or TLS connection, of either side: frames out, frames in, signs of life, and one reason why it ended. */
export class Link implements MonitoredLink {
  readonly peer: string;
  /** Resolves, with the reason, when the socket is gone. */
  readonly closed: Promise<Error>;
  /** Called when some of what was sent has left the process. */
  onDrain: () => void = () => undefined;
  readonly #socket: Socket;
  readonly #incoming: AsyncIterator<Buffer, undefined>;
  readonly #pieces: Uint8Array[] = [];
  #sizeBytes = 0;
  #isReading = false;
  #silentSweeps = 0;
  #ended: Error | undefined;

  constructor(socket: Socket, peer: string) {
    this.peer = peer;
    this.#socket = socket;
    this.#incoming = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
    socket.on('error', () => undefined); // Reading rejects with it. Without a listener it would end the process.
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        resolve(this.end(new ErrConnectionClosed(`${peer} closed the connection`)));
      });
    });
  }

  /** Bytes sent that have not left the process. */
  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  /** All that is sent in one turn of the event loop leaves together. The payload must not change any more. */
  send(type: FrameType, payload: Uint8Array = NOTHING): void {
    if (this.#ended !== undefined) throw new ErrConnectionClosed(undefined, { cause: this.#ended });
    this.#socket.cork();
    this.#socket.write(encodeHeader(type, payload));
    this.#socket.write(payload, (error) => {
      // A socket that was destroyed reports the write that it was in the middle of as done.
      if (!error && this.#ended === undefined && !this.#socket.destroyed) this.onDrain();
    });
    process.nextTick(() => this.#socket.uncork());
  }

  /**
   * The next frame but pings, its payload in memory of its own. What nobody reads stays in the sockets, and then with
   * the sender: that is the back-pressure. Rejects with ErrMalformed for a frame above the limit, without waiting for
   * it, and otherwise with the reason why the link ended.
   */
  async read(maxPayloadBytes = MAX_MESSAGE_BYTES): Promise<Frame> {
    for (;;) {
      const header = Buffer.from((await this.#take(HEADER_BYTES)).buffer);
      const [type, payloadBytes] = [header.readUInt8(0) as FrameType, header.readUInt32BE(1)];
      if (header[0] === TLS_HANDSHAKE) {
        throw new ErrMalformed(`${this.peer} has mutual TLS on and this host has it off`);
      }
      if (payloadBytes > maxPayloadBytes) {
        throw new ErrMalformed(
          `${this.peer} sent a frame of ${payloadBytes} bytes, of at most ${maxPayloadBytes}`,
        );
      }
      // Only a Hello may be looked at once its payload is there; of others the length is not believed before.
      if (type !== FrameType.Hello && !isWhole(header, NOTHING)) throw this.#damaged();
      const payload = await this.#take(payloadBytes);
      if (type === FrameType.Hello && !isWhole(header, payload)) throw this.#damaged();
      if (type !== FrameType.Ping) return { type, payload };
    }
  }

  #damaged(): ErrMalformed {
    return new ErrMalformed(`the checksum of a frame from ${this.peer} does not match`);
  }

  /** Ends the link, at once; returns why it ended, which is the first reason given. */
  end(reason: Error): Error {
    this.#ended ??= reason;
    this.#socket.destroy();
    return this.#ended;
  }

  /** Called by the monitor. A link that nobody reads, because a sink is slow, is not silent. */
  sweep(maxSilentSweeps: number, deadPeerTimeoutMs: number): void {
    if (this.#ended !== undefined) return;
    this.#silentSweeps = this.#isReading ? this.#silentSweeps + 1 : 0;
    if (this.#silentSweeps > maxSilentSweeps) {
      this.end(new ErrConnectionClosed(`no sign of life from ${this.peer} for ${deadPeerTimeoutMs} ms`));
    } else if (this.bufferedBytes === 0) {
      this.send(FrameType.Ping);
    }
  }

  /** So many bytes, however they came cut up. A copy: an entry that is kept must not keep all that came with it. */
  async #take(sizeBytes: number): Promise<Uint8Array> {
    while (this.#sizeBytes < sizeBytes) await this.#receive();
    if (this.#ended !== undefined) throw this.#ended;
    const taken = new Uint8Array(sizeBytes);
    for (let at = 0; at < sizeBytes;) {
      const piece = this.#pieces.shift() as Uint8Array;
      const part = piece.subarray(0, sizeBytes - at);
      taken.set(part, at);
      at += part.length;
      if (part.length < piece.length) this.#pieces.unshift(piece.subarray(part.length));
    }
    this.#sizeBytes -= sizeBytes;
    return taken;
  }

  async #receive(): Promise<void> {
    this.#isReading = true;
    try {
      const next = await this.#incoming.next();
      if (next.done === true) throw Object.assign(new Error('closed by the peer'), { code: 'ECONNRESET' });
      this.#pieces.push(next.value);
      this.#sizeBytes += next.value.length;
    } catch (cause) {
      const message = `the connection to ${this.peer} ended: ${(cause as Error).message}`;
      throw this.end(new ErrConnectionClosed(message, { cause }));
    } finally {
      this.#isReading = false;
      this.#silentSweeps = 0;
    }
  }
}
