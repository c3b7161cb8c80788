import { Metadata, type ServerInterceptingCallInterface, status as Status } from '@grpc/grpc-js';
import { HelloHeader } from '@drakkar/raftio/transport';
import { NUMBERED, NUMBERED_HEADER, PING_INTERVAL_HEADER, textOf } from './service.js';

/** How a stream is ended by this side. */
export interface StreamEnd {
  code: Status;
  details: string;
}

/** What a client has said of itself, and of what it will send. */
export interface StreamClient {
  isDrakkar: boolean;
  /** Each message has its number behind it. */
  isNumbered: boolean;
}

/** What becomes of the messages of one stream. */
export interface StreamReceiver {
  /** Called once, before anything is received. */
  introduced(client: StreamClient): void;
  /**
   * Takes a message, which is the receiver's to keep. `undefined` when the next may come, or how the stream ends. It
   * is not called again before a promise has settled, which must not reject.
   */
  receive(bytes: Uint8Array): StreamEnd | undefined | Promise<StreamEnd | undefined>;
  /** Called once, when the stream has ended for whatever reason. */
  close(): void;
}

/** What a stream says of this host, and asks of it. */
export interface StreamHost {
  pingIntervalMs: number;
  raftAddress: string;
  /** The receiver takes messages with their numbers, if the client asks for it. */
  takesNumbers: boolean;
  /** A message came, whole. */
  onMessage: () => void;
  /** Why a client that says whom it means, and who it is, is not let in. */
  refusalOf: (to: string | undefined, from: string | undefined) => StreamEnd | undefined;
}

const STREAM_DONE: StreamEnd = { code: Status.OK, details: '' };

/**
 * The receiving end of a call. It asks the library for one message at a time, below the streams of the library, which
 * would read up to sixteen ahead: what is held for a receiver that is busy is one message and the window of HTTP/2.
 */
export class IncomingStream {
  readonly #call: ServerInterceptingCallInterface;
  readonly #receiver: StreamReceiver;
  readonly #onEnded: () => void;
  #ended = false;

  constructor(call: ServerInterceptingCallInterface, receiver: StreamReceiver, onEnded: () => void) {
    this.#call = call;
    this.#receiver = receiver;
    this.#onEnded = onEnded;
  }

  start({ pingIntervalMs, raftAddress, takesNumbers, refusalOf, onMessage }: StreamHost): void {
    let hasBegun = false;
    this.#call.start({
      onReceiveMetadata: (received) => {
        hasBegun = true;
        const metadata = new Metadata();
        metadata.set(PING_INTERVAL_HEADER, String(pingIntervalMs));
        metadata.set(HelloHeader.host, raftAddress);
        const isNumbered = takesNumbers && textOf(received, NUMBERED_HEADER) === NUMBERED;
        if (isNumbered) metadata.set(NUMBERED_HEADER, NUMBERED);
        this.#call.sendMetadata(metadata);
        const from = textOf(received, HelloHeader.from);
        this.#receiver.introduced({ isDrakkar: from !== undefined, isNumbered });
        const refusal = refusalOf(textOf(received, HelloHeader.to), from);
        if (refusal === undefined) this.#call.startRead();
        else this.end(refusal);
      },
      onReceiveMessage: (bytes: Buffer) => {
        onMessage();
        this.#receive(bytes);
      },
      onReceiveHalfClose: () => {
        this.end(STREAM_DONE);
      },
      onCancel: () => {
        this.#close();
      },
    });
    // Of a call that its client has taken back already, the library says nothing at all.
    if (!hasBegun) this.#close();
  }

  /** Ends the call; nothing more is given to the receiver. */
  end(how: StreamEnd): void {
    if (this.#ended) return;
    this.#close();
    this.#call.sendStatus(how);
  }

  #receive(bytes: Uint8Array): void {
    if (this.#ended) return;
    const outcome = this.#receiver.receive(bytes);
    if (outcome instanceof Promise) {
      void outcome.then((end) => {
        this.#proceed(end);
      });
    } else {
      this.#proceed(outcome);
    }
  }

  #proceed(end: StreamEnd | undefined): void {
    if (this.#ended) return;
    if (end === undefined) this.#call.startRead();
    else this.end(end);
  }

  #close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#receiver.close();
    this.#onEnded();
  }
}
