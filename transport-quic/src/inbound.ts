import {
  type ArrivalHandler,
  type ChunkSinkFactory,
  ErrMalformed,
  type IChunkSink,
  type PeerIdentity,
  type RequestHandler,
  hasErrorCode,
} from '@drakkar/raftio';
import { type Arrival, BatchWatch, type Warnings } from '@drakkar/raftio/transport';
import type { Link } from './link.js';
import { FrameType } from './protocol/frames.js';

export interface MessageReceiver {
  handler: RequestHandler;
  onArriving: ArrivalHandler | undefined;
}

/**
 * Attaches the receiving end of a channel for messages to a link; `peer` is who has proven to be at the other end.
 */
export function receiveMessages(
  link: Link,
  arrival: Arrival,
  { handler, onArriving }: MessageReceiver,
  warnings: Warnings,
  peer: PeerIdentity | undefined,
): void {
  link.attach({
    ...(onArriving === undefined
      ? {}
      : {
          watch: new BatchWatch((messages) => {
            onArriving(messages, peer);
          }),
        }),
    onMessage: (bytes) => {
      const batch = arrival.batch(bytes);
      try {
        handler(batch, peer);
      } catch (error) {
        warnHandler(warnings, link, 'the request handler', error);
      }
    },
    onClosed: (reason) => {
      warnViolation(warnings, link, reason);
    },
  });
}

/** Attaches the receiving end of a channel for a snapshot to a link. */
export function receiveSnapshot(
  link: Link,
  arrival: Arrival,
  sinkFactory: ChunkSinkFactory,
  warnings: Warnings,
  peer: PeerIdentity | undefined,
): void {
  let sink: IChunkSink;
  try {
    sink = sinkFactory(peer);
  } catch (error) {
    warnHandler(warnings, link, 'the chunk sink factory', error);
    link.attach({ onClosed: () => undefined });
    link.terminate(error as Error);
    return;
  }
  const receiver = new SnapshotReceiver(link, arrival, sink, warnings);
  link.attach({
    onMessage: (bytes, heldBytes) => {
      receiver.receive(bytes, heldBytes);
    },
    onSignal: (signal) => {
      if (signal !== FrameType.End) throw new ErrMalformed('an answer where none is due');
      receiver.end();
    },
    onClosed: (reason) => {
      warnViolation(warnings, link, reason);
      receiver.closeSink();
    },
  });
}

interface Waiting {
  bytes: Uint8Array;
  heldBytes: number;
}

/**
 * Hands the chunks of one stream to its sink one at a time. Credit for those that wait is held back until they are
 * taken, so that no more than the window waits.
 */
class SnapshotReceiver {
  readonly #link: Link;
  readonly #arrival: Arrival;
  readonly #sink: IChunkSink;
  readonly #warnings: Warnings;
  readonly #waiting: Waiting[] = [];
  #draining = false;
  #hasEnd = false;
  #closed = false;

  constructor(link: Link, arrival: Arrival, sink: IChunkSink, warnings: Warnings) {
    this.#link = link;
    this.#arrival = arrival;
    this.#sink = sink;
    this.#warnings = warnings;
  }

  /** Throws ErrMalformed for what comes after the end. */
  receive(bytes: Uint8Array, heldBytes: number): void {
    if (this.#closed) return;
    if (this.#hasEnd) throw new ErrMalformed('a chunk after the end');
    this.#waiting.push({ bytes, heldBytes });
    this.#wake();
  }

  /** No further chunk will come. */
  end(): void {
    if (this.#closed) return;
    if (this.#hasEnd) throw new ErrMalformed('a second end');
    this.#hasEnd = true;
    this.#wake();
  }

  closeSink(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#waiting.length = 0;
    try {
      this.#sink.close();
    } catch (error) {
      warnHandler(this.#warnings, this.#link, 'a chunk sink', error);
    }
  }

  #wake(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#link.hold(true);
    void this.#drain();
  }

  async #drain(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      await this.#take(next.bytes);
      if (this.#closed) return;
      this.#link.release(next.heldBytes);
    }
    if (this.#hasEnd) this.#endStream(FrameType.Done);
    this.#draining = false;
    this.#link.hold(false);
  }

  async #take(bytes: Uint8Array): Promise<void> {
    let chunk;
    try {
      chunk = this.#arrival.chunk(bytes);
    } catch (error) {
      this.#link.terminate(malformedContent(this.#link, error));
      return;
    }
    let taken = false;
    try {
      taken = await this.#sink.addChunk(chunk);
    } catch (error) {
      warnHandler(this.#warnings, this.#link, 'a chunk sink', error);
    }
    if (!this.#closed && !taken) this.#endStream(FrameType.Rejected);
  }

  /** The last word; the sender hears it and closes. */
  #endStream(signal: typeof FrameType.Done | typeof FrameType.Rejected): void {
    this.closeSink();
    this.#link.signal(signal);
    this.#link.close();
  }
}

function malformedContent(link: Link, error: unknown): ErrMalformed {
  return new ErrMalformed(`${link.peer} sent malformed content: ${(error as Error).message}`, {
    cause: error,
  });
}

function warnViolation(warnings: Warnings, link: Link, reason: Error | undefined): void {
  if (reason !== undefined && hasErrorCode(reason, 'ERR_MALFORMED')) {
    warnings.warn('content', `connection closed: ${reason.message}`, { peer: link.peer, error: reason });
  }
}

function warnHandler(warnings: Warnings, link: Link, what: string, error: unknown): void {
  warnings.warn('handler', `${what} failed: ${(error as Error).message}`, { peer: link.peer, error });
}
