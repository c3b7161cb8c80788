import { ErrMalformed } from '@drakkar/raftio';
import type { Channel } from '../engine.js';
import { FrameReader, type FrameType, type OnFrame, makeFrame } from './frames.js';

/** The HTTP/2 library takes one write for each turn of the event loop, so it had better be a large one. */
const FLUSH_BYTES = 2 * 1024 * 1024;

const READ_PER_TURN_BYTES = 1024 * 1024;

/** What may wait to be read, besides that for which there was credit: signs of life, and what of a frame has come. */
const MAX_WAITING_BYTES = 1024 * 1024;

export interface FramePortHandlers {
  /** A frame, in order. The payload is valid during the call only. May throw ErrMalformed. */
  onFrame: OnFrame;
  /** Called once: nothing more comes. */
  onEnd: (reason: Error | undefined) => void;
}

/**
 * Frames in and out of a channel. What is sent in one turn of the event loop leaves in few writes. Who handles the
 * frames may change between two of them.
 */
export class FramePort {
  readonly peer: string;
  readonly closed: Promise<void>;
  readonly channel: Channel;
  readonly #reader = new FrameReader();
  #handlers: FramePortHandlers;
  #ended = false;
  #out: Uint8Array[] = [];
  #outBytes = 0;
  #flushing = false;
  #bytesRead = 0;
  /** What has arrived and is to be read in a later turn. */
  readonly #backlog: Uint8Array[] = [];
  #backlogBytes = 0;
  #creditedBytes = 0;
  #readInTurn = 0;
  #isTurnCounted = false;
  #pendingEnd: { reason: Error | undefined } | undefined;

  constructor(channel: Channel, handlers: FramePortHandlers) {
    this.channel = channel;
    this.peer = channel.peer;
    this.closed = channel.closed;
    this.#handlers = handlers;
    channel.attach({
      onData: (bytes) => {
        this.#receive(bytes);
      },
      onEnd: (reason) => {
        if (this.#backlog.length === 0) this.#end(reason);
        else this.#pendingEnd ??= { reason };
      },
    });
  }

  /**
   * Further frames, and the end, are told to these. From now on the peer may have so many bytes under way; one that
   * has more ends the port.
   */
  handOver(handlers: FramePortHandlers, creditedBytes: number): void {
    this.#handlers = handlers;
    this.#creditedBytes = creditedBytes;
  }

  get isOpen(): boolean {
    return !this.#ended;
  }

  /** Bytes that have arrived, of whatever kind. */
  get bytesRead(): number {
    return this.#bytesRead;
  }

  /** Packets of the session that have arrived, where the engine counts them. */
  get packetsRead(): number | undefined {
    return this.channel.packetsRead();
  }

  /** Does nothing once the port is closed. */
  send(type: FrameType, payload?: Uint8Array): void {
    this.sendBytes(makeFrame(type, payload));
  }

  /** Bytes that are whole frames. They must not change any more. */
  sendBytes(bytes: Uint8Array): void {
    if (this.#ended) return;
    this.#out.push(bytes);
    this.#outBytes += bytes.length;
    if (this.#outBytes >= FLUSH_BYTES) {
      this.#flush();
    } else if (!this.#flushing) {
      this.#flushing = true;
      process.nextTick(() => {
        this.#flush();
      });
    }
  }

  /** Ends in order; what was sent goes out if the peer takes it soon. Nothing is handled any more. */
  close(): void {
    if (this.#ended) return;
    this.#flush();
    this.#ended = true;
    this.#clearBacklog();
    this.channel.close();
  }

  /** Ends at once. Nothing is handled any more. */
  destroy(): void {
    this.#ended = true;
    this.#out = [];
    this.#clearBacklog();
    this.channel.destroy();
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#ended || this.#outBytes === 0) return;
    const [first] = this.#out;
    const bytes = this.#out.length === 1 && first !== undefined ? first : joined(this.#out, this.#outBytes);
    this.#out = [];
    this.#outBytes = 0;
    this.channel.write(bytes);
  }

  /**
   * Reads so much in one turn of the event loop and leaves the rest for the next: the QUIC library hands on what there
   * is without end, as long as there is any, and reading gives credit for more.
   */
  #receive(bytes: Uint8Array): void {
    if (this.#ended) return;
    this.#bytesRead += bytes.length;
    this.#endTurn();
    if (this.#backlog.length > 0 || this.#readInTurn >= READ_PER_TURN_BYTES) this.#putOff(bytes);
    else this.#read(bytes);
  }

  /** Who sends faster than is read, and more than there is credit for, would have it all held here. */
  #putOff(bytes: Uint8Array): void {
    this.#backlog.push(bytes);
    this.#backlogBytes += bytes.length;
    if (this.#backlogBytes <= this.#creditedBytes + MAX_WAITING_BYTES) return;
    this.#clearBacklog();
    this.#end(new ErrMalformed('more bytes at once than may be under way'));
  }

  #clearBacklog(): void {
    this.#backlog.length = 0;
    this.#backlogBytes = 0;
  }

  #endTurn(): void {
    if (this.#isTurnCounted) return;
    this.#isTurnCounted = true;
    setImmediate(() => {
      this.#isTurnCounted = false;
      this.#readInTurn = 0;
      this.#readBacklog();
    });
  }

  #readBacklog(): void {
    while (this.#readInTurn < READ_PER_TURN_BYTES && !this.#ended) {
      const bytes = this.#backlog.shift();
      if (bytes === undefined) break;
      this.#backlogBytes -= bytes.length;
      this.#read(bytes);
    }
    if (this.#backlog.length > 0 && !this.#ended) this.#endTurn();
    else if (this.#pendingEnd !== undefined) this.#end(this.#pendingEnd.reason);
  }

  #read(bytes: Uint8Array): void {
    this.#readInTurn += bytes.length;
    try {
      this.#reader.read(
        bytes,
        (type, payload) => {
          this.#handlers.onFrame(type, payload);
        },
        () => !this.#ended,
      );
    } catch (error) {
      this.#end(error as Error);
    }
  }

  #end(reason: Error | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#handlers.onEnd(reason);
  }
}

function joined(parts: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const whole = new Uint8Array(sizeBytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
