import type { Socket } from 'node:net';
import {
  type ChunkSinkFactory,
  type IChunkSink,
  type MessageBatch,
  type RequestHandler,
  decodeMessageBatch,
  decodeSnapshotChunk,
} from '@drakkar/raftio';
import { FrameReader, type FrameRules } from './tcp-frames.js';
import { Sign } from './tcp-outbound.js';

const ALIVE_MS = 500;
const CHECKSUM_BYTES = 6;

/** The word by which a connection opens, and what it is for. */
export const HELLO: Readonly<Record<'messages' | 'snapshot', Buffer>> = {
  messages: Buffer.from('DRKT-M'),
  snapshot: Buffer.from('DRKT-S'),
};
/** The same when the first frame says which host is meant, by its raft address. */
export const DIRECTED_HELLO: typeof HELLO = {
  messages: Buffer.from('DRKT-m'),
  snapshot: Buffer.from('DRKT-s'),
};
const HELLO_BYTES = HELLO.messages.length;

export interface InboundRules extends FrameRules {
  helloMs: number;
  deadPeerMs: number;
  /** Whether a client that has sent messages and fallen silent is given up. */
  givesUpClients: boolean;
  /** These four are otherwise only in a transport that is wrong on purpose. */
  endsRubbish: boolean;
  containsErrors: boolean;
  looksAtChecksums: boolean;
  queues: boolean;
}

/** Hands on one batch a turn, however many have come meanwhile. */
function queued(handler: RequestHandler): RequestHandler {
  const waiting: MessageBatch[] = [];
  const handOn = (): void => {
    const next = waiting.shift();
    if (next !== undefined) handler(next);
    if (waiting.length > 0) setImmediate(handOn);
  };
  return (batch) => {
    waiting.push(batch);
    if (waiting.length === 1) setImmediate(handOn);
  };
}

/** The receiving end of a connection that another host, or anybody, has made. */
export class Inbound {
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  readonly #rules: InboundRules;
  readonly #requestHandler: RequestHandler;
  readonly #makeSink: ChunkSinkFactory;
  readonly #isMe: (address: string) => boolean;
  #isDirected = false;
  #hello = Buffer.alloc(0);
  #isForMessages = true;
  #sink: IChunkSink | undefined;
  #isBusy = false;
  #heardAt = performance.now();

  constructor(
    socket: Socket,
    rules: InboundRules,
    requestHandler: RequestHandler,
    makeSink: ChunkSinkFactory,
    isMe: (address: string) => boolean,
  ) {
    this.#socket = socket;
    this.#reader = new FrameReader(rules);
    this.#rules = rules;
    this.#requestHandler = rules.queues ? queued(requestHandler) : requestHandler;
    this.#makeSink = makeSink;
    this.#isMe = isMe;
    socket.on('data', (bytes: Buffer) => {
      this.#heardAt = performance.now();
      this.#hear(bytes);
    });
    socket.on('end', () => socket.destroy());
    const timer = setInterval(() => {
      const patienceMs = this.#hello.length < HELLO_BYTES ? rules.helloMs : rules.deadPeerMs;
      const isKept =
        this.#isBusy || (this.#hello.length === HELLO_BYTES && this.#isForMessages && !rules.givesUpClients);
      if (!isKept && performance.now() - this.#heardAt > patienceMs) socket.destroy();
      else if (this.#hello.length === HELLO_BYTES) socket.write(Buffer.of(Sign.Alive));
    }, ALIVE_MS);
    socket.on('close', () => {
      clearInterval(timer);
      this.#closeSink();
    });
  }

  #hear(bytes: Buffer): void {
    let rest = bytes;
    if (this.#hello.length < HELLO_BYTES) {
      const missing = HELLO_BYTES - this.#hello.length;
      this.#hello = Buffer.concat([this.#hello, bytes.subarray(0, missing)]);
      rest = bytes.subarray(missing);
      if (this.#hello.length === HELLO_BYTES && !this.#welcome()) return;
    }
    this.#reader.push(rest);
    void this.#read();
  }

  #welcome(): boolean {
    const isOneOf = (...hellos: Buffer[]): boolean => hellos.some((each) => this.#hello.equals(each));
    this.#isForMessages = isOneOf(HELLO.messages, DIRECTED_HELLO.messages);
    this.#isDirected = isOneOf(DIRECTED_HELLO.messages, DIRECTED_HELLO.snapshot);
    if (!this.#isForMessages && !isOneOf(HELLO.snapshot, DIRECTED_HELLO.snapshot)) {
      if (this.#rules.endsRubbish) this.#socket.destroy();
      else this.#socket.removeAllListeners('data').resume();
      return false;
    }
    this.#socket.write(Buffer.of(Sign.Welcome));
    return true;
  }

  async #read(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    try {
      for (let frame = this.#reader.next(); frame !== undefined; frame = this.#reader.next()) {
        if (this.#socket.destroyed) return;
        if (this.#isDirected) {
          this.#isDirected = false;
          if (this.#isMe(frame.toString())) continue;
          this.#socket.destroy();
          return;
        }
        if (frame === 'end') {
          this.#closeSink();
          this.#socket.end(Buffer.of(Sign.Finished));
          return;
        }
        if (this.#isForMessages) this.#requestHandler(decodeMessageBatch(this.#checked(frame)));
        else await this.#takeChunk(frame);
      }
      this.#isBusy = false;
      this.#heardAt = performance.now();
    } catch (error) {
      // A sender of what is no frame, or no message, has no further say.
      this.#socket.destroy();
      if (this.#isForMessages && !this.#rules.containsErrors) throw error;
    }
  }

  /** Without the checksum at the end, nothing is compared. */
  #checked(frame: Buffer): Buffer {
    return this.#rules.looksAtChecksums ? frame : frame.subarray(0, -CHECKSUM_BYTES);
  }

  async #takeChunk(bytes: Buffer): Promise<void> {
    const chunk = decodeSnapshotChunk(bytes);
    this.#sink ??= this.#makeSink();
    this.#socket.pause();
    if (!(await this.#sink.addChunk(chunk))) throw new Error('the chunk was refused');
    this.#socket.resume();
  }

  #closeSink(): void {
    const sink = this.#sink;
    this.#sink = undefined;
    sink?.close();
  }
}
