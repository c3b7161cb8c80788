import {
  type ArrivalHandler,
  type ChunkSinkFactory,
  ErrMalformed,
  type IChunkSink,
  type PeerIdentity,
  type RequestHandler,
  hasErrorCode,
} from '@drakkar/raftio';
import { type Arrival, StreamWatch, type Warnings } from '@drakkar/raftio/transport';
import { frameHead } from './frame-head.js';
import type { Link } from './link.js';
import { CloseCode, SnapshotReply } from './protocol.js';

export interface MessageReceiver {
  handler: RequestHandler;
  onArriving: ArrivalHandler | undefined;
}

/** Attaches the receiving end of a message channel to a link; `peer` is who has proven to be at the other end. */
export function receiveMessages(
  link: Link,
  arrival: Arrival,
  { handler, onArriving }: MessageReceiver,
  warnings: Warnings,
  peer: PeerIdentity | undefined,
): void {
  if (onArriving !== undefined) {
    const watch = new StreamWatch((messages) => {
      onArriving(messages, peer);
    }, frameHead);
    link.watch((bytes) => watch.read(bytes));
  }
  link.attach({
    onFrame: (bytes) => {
      let batch;
      try {
        batch = arrival.batch(bytes);
      } catch (error) {
        refuseContent(link, error);
        return;
      }
      try {
        handler(batch, peer);
      } catch (error) {
        warnHandler(warnings, link, 'the request handler', error);
      }
    },
    onDrain: () => undefined,
    onClosed: (reason) => {
      warnViolation(warnings, link, reason);
    },
  });
}

/** Attaches the receiving end of a snapshot channel to a link. */
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
    link.refuse(CloseCode.PolicyViolation, error as Error);
    return;
  }
  const receiver = new SnapshotReceiver(link, arrival, sink, warnings);
  link.attach({
    onFrame: (bytes) => {
      receiver.receive(bytes);
    },
    onDrain: () => undefined,
    onClosed: (reason) => {
      warnViolation(warnings, link, reason);
      receiver.closeSink();
    },
  });
}

/**
 * Hands the chunks of one stream to its sink one at a time. The link is paused meanwhile, so what queues up here is
 * at most what had been read from the socket already.
 */
class SnapshotReceiver {
  readonly #link: Link;
  readonly #arrival: Arrival;
  readonly #sink: IChunkSink;
  readonly #warnings: Warnings;
  readonly #frames: Uint8Array[] = [];
  #draining = false;
  #closed = false;

  constructor(link: Link, arrival: Arrival, sink: IChunkSink, warnings: Warnings) {
    this.#link = link;
    this.#arrival = arrival;
    this.#sink = sink;
    this.#warnings = warnings;
  }

  receive(bytes: Uint8Array): void {
    if (this.#closed) return;
    this.#frames.push(bytes);
    if (this.#draining) return;
    this.#draining = true;
    this.#link.pause();
    void this.#drain();
  }

  closeSink(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#frames.length = 0;
    try {
      this.#sink.close();
    } catch (error) {
      warnHandler(this.#warnings, this.#link, 'a chunk sink', error);
    }
  }

  async #drain(): Promise<void> {
    for (let bytes = this.#frames.shift(); bytes !== undefined; bytes = this.#frames.shift()) {
      if (bytes.length === 0) {
        this.#endStream(SnapshotReply.Done);
      } else {
        await this.#take(bytes);
      }
      if (this.#closed) break;
    }
    this.#draining = false;
    this.#link.resume();
  }

  async #take(bytes: Uint8Array): Promise<void> {
    let chunk;
    try {
      chunk = this.#arrival.chunk(bytes);
    } catch (error) {
      refuseContent(this.#link, error);
      return;
    }
    let taken = false;
    try {
      taken = await this.#sink.addChunk(chunk);
    } catch (error) {
      warnHandler(this.#warnings, this.#link, 'a chunk sink', error);
    }
    if (this.#closed) return;
    if (taken) this.#reply(SnapshotReply.Taken);
    else this.#endStream(SnapshotReply.Refused);
  }

  /** The last reply, then a close in order: the link goes on reading meanwhile, so that the reply gets through. */
  #endStream(reply: number): void {
    this.closeSink();
    this.#reply(reply);
    this.#link.close();
  }

  #reply(reply: number): void {
    if (this.#link.isOpen) this.#link.send(Uint8Array.of(reply));
  }
}

function refuseContent(link: Link, error: unknown): void {
  const message = `${link.peer} sent malformed content: ${(error as Error).message}`;
  link.refuse(CloseCode.InvalidPayload, new ErrMalformed(message, { cause: error }));
}

function warnViolation(warnings: Warnings, link: Link, reason: Error | undefined): void {
  if (reason !== undefined && hasErrorCode(reason, 'ERR_MALFORMED')) {
    warnings.warn('content', `connection closed: ${reason.message}`, { peer: link.peer, error: reason });
  }
}

function warnHandler(warnings: Warnings, link: Link, what: string, error: unknown): void {
  warnings.warn('handler', `${what} failed: ${(error as Error).message}`, { peer: link.peer, error });
}
