import { status as Status } from '@grpc/grpc-js';
import {
  type ChunkSinkFactory,
  type EntryForm,
  type IChunkSink,
  MAX_MESSAGE_BYTES,
  type MessageBatch,
  type RequestHandler,
  type SnapshotChunk,
} from '@drakkar/raftio';
import { type Arrival, type Warnings, ownBytes } from '@drakkar/raftio/transport';
import type { StreamClient, StreamEnd, StreamReceiver } from './incoming-stream.js';
import type { Peer } from './listener.js';
import { MessageNumbers } from './message-numbers.js';

const MISSING = 'a message before it is missing, or its number was damaged on the way';

/** Hands the batches of one stream to the request handler. */
export class MessageReceiver implements StreamReceiver {
  readonly #handler: RequestHandler;
  readonly #arrival: Arrival;
  readonly #peer: Peer;
  readonly #warnings: Warnings;
  /** What hosts of 0.1 and of Dragonboat send is told apart by its first byte. */
  #entryForm: EntryForm = 'protobuf';
  #numbers: MessageNumbers | undefined;

  constructor(handler: RequestHandler, arrival: Arrival, peer: Peer, warnings: Warnings) {
    this.#handler = handler;
    this.#arrival = arrival;
    this.#peer = peer;
    this.#warnings = warnings;
  }

  introduced({ isDrakkar, isNumbered }: StreamClient): void {
    this.#entryForm = isDrakkar ? 'protobuf' : 'colfer';
    if (isNumbered) this.#numbers = new MessageNumbers();
  }

  receive(bytes: Uint8Array): StreamEnd | undefined {
    const own = ownBytes(bytes);
    const content = this.#numbers === undefined ? own : this.#numbers.removed(own);
    if (content === undefined) {
      this.#arrival.damaged('batch', MISSING, own);
      return malformed(this.#peer.name, this.#warnings, new Error(MISSING));
    }
    const excess = excessOf(content);
    if (excess !== undefined) return excess;
    let batch: MessageBatch;
    try {
      batch = this.#arrival.batch(content, this.#entryForm);
    } catch (error) {
      return malformed(this.#peer.name, this.#warnings, error);
    }
    try {
      this.#handler(batch, this.#peer.identity);
    } catch (error) {
      warnHandler(this.#warnings, this.#peer.name, 'the request handler', error);
    }
    return undefined;
  }

  close(): void {
    // Nothing is held.
  }
}

/** Hands the chunks of one stream to its sink, one at a time. */
export class SnapshotReceiver implements StreamReceiver {
  readonly #sink: IChunkSink;
  readonly #arrival: Arrival;
  readonly #peer: string;
  readonly #warnings: Warnings;

  private constructor(sink: IChunkSink, arrival: Arrival, peer: string, warnings: Warnings) {
    this.#sink = sink;
    this.#arrival = arrival;
    this.#peer = peer;
    this.#warnings = warnings;
  }

  /** `undefined` when no sink could be made, which has been warned of. */
  static open(
    factory: ChunkSinkFactory,
    arrival: Arrival,
    peer: Peer,
    warnings: Warnings,
  ): SnapshotReceiver | undefined {
    try {
      return new SnapshotReceiver(factory(peer.identity), arrival, peer.name, warnings);
    } catch (error) {
      warnHandler(warnings, peer.name, 'the chunk sink factory', error);
      return undefined;
    }
  }

  introduced(_client: StreamClient): void {
    // The first bytes of a snapshot say how it is made.
  }

  async receive(bytes: Uint8Array): Promise<StreamEnd | undefined> {
    const excess = excessOf(bytes);
    if (excess !== undefined) return excess;
    let chunk: SnapshotChunk;
    try {
      chunk = this.#arrival.chunk(ownBytes(bytes));
    } catch (error) {
      return malformed(this.#peer, this.#warnings, error);
    }
    try {
      if (await this.#sink.addChunk(chunk)) return undefined;
    } catch (error) {
      warnHandler(this.#warnings, this.#peer, 'a chunk sink', error);
    }
    return { code: Status.ABORTED, details: 'the chunk was refused' };
  }

  close(): void {
    try {
      this.#sink.close();
    } catch (error) {
      warnHandler(this.#warnings, this.#peer, 'a chunk sink', error);
    }
  }
}

/** The library lets through what a number may add, whether there is one or not. */
function excessOf({ length }: Uint8Array): StreamEnd | undefined {
  if (length <= MAX_MESSAGE_BYTES) return undefined;
  const details = `a message of ${length} bytes, of at most ${MAX_MESSAGE_BYTES}`;
  return { code: Status.RESOURCE_EXHAUSTED, details };
}

function malformed(peer: string, warnings: Warnings, error: unknown): StreamEnd {
  const { message } = error as Error;
  warnings.warn('content', `stream ended: ${peer} sent malformed content: ${message}`, { peer, error });
  return { code: Status.INVALID_ARGUMENT, details: `malformed content: ${message}` };
}

function warnHandler(warnings: Warnings, peer: string, what: string, error: unknown): void {
  warnings.warn('handler', `${what} failed: ${(error as Error).message}`, { peer, error });
}
