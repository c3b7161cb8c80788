import { ErrConnectionClosed, ErrMalformed, hasErrorCode } from '@drakkar/raftio';
import { type BatchWatch, asConnectionClosed } from '@drakkar/raftio/transport';
import type { FramePort } from './protocol/frame-port.js';
import { FrameType, readUint32 } from './protocol/frames.js';
import { Inbox } from './protocol/inbox.js';
import { Outbox } from './protocol/outbox.js';

export interface LinkHandlers {
  /** A message, in order. The bytes are the handler's to keep; `heldBytes` are to be released, see `hold`. */
  onMessage?: (bytes: Uint8Array, heldBytes: number) => void;
  /** Reads along while a message arrives. */
  watch?: BatchWatch;
  /** The peer has taken some of what was sent. */
  onCredit?: () => void;
  /** One of the frames that say something about the stream as a whole. */
  onSignal?: (type: Signal) => void;
  /** Called once; `undefined` when this side closed the link in order, ErrMalformed for what the peer did wrong. */
  onClosed: (reason: Error | undefined) => void;
}

export type Signal = typeof FrameType.End | typeof FrameType.Done | typeof FrameType.Rejected;

/** What both hellos have agreed on. */
export interface LinkTerms {
  /** Given by the peer: what may be sent to it without credit. */
  peerWindowBytes: number;
  /** Given by this host. */
  windowBytes: number;
  /** When to give credit to the peer. */
  creditStepBytes: number;
  /** Name of the peer for messages: the address that was dialled, or what the peer has said of itself. */
  peer: string;
}

/** How many times as long a stream may stand still while datagrams of its session arrive. */
const STALLED_TIMES = 2;

/**
 * A channel whose two ends have let each other in: messages out as far as the peer's credit goes, messages in, signs
 * of life, an end that is told exactly once.
 */
export class Link {
  readonly peer: string;
  readonly closed: Promise<Error | undefined>;
  readonly #port: FramePort;
  readonly #outbox: Outbox;
  readonly #inbox: Inbox;
  #handlers: LinkHandlers | undefined;
  #ending = false;
  #reason: Error | undefined;
  #bytesRead = 0;
  #packetsRead: number | undefined;
  #silentSweeps = 0;
  #stalledSweeps = 0;

  /** Takes the port over; `attach` is to be called in the same turn. */
  constructor(port: FramePort, terms: LinkTerms) {
    this.peer = terms.peer;
    this.#port = port;
    this.#outbox = new Outbox(terms.peerWindowBytes, (frame) => {
      port.sendBytes(frame);
    });
    this.#inbox = new Inbox({
      windowBytes: terms.windowBytes,
      creditStepBytes: terms.creditStepBytes,
      sendCredit: (payload) => {
        port.send(FrameType.Credit, payload);
      },
      watch: () => this.#handlers?.watch,
      onMessage: (bytes, heldBytes) => this.#handlers?.onMessage?.(bytes, heldBytes),
    });
    port.handOver(
      {
        onFrame: (type, payload) => {
          this.#receive(type, payload);
        },
        onEnd: (reason) => {
          this.#ended(reason);
        },
      },
      // Messages, and credit for those of this host, which is never longer than what it is for.
      terms.windowBytes + terms.peerWindowBytes,
    );
    this.closed = port.closed.then(() => {
      this.#end(new ErrConnectionClosed(`connection to ${this.peer} lost`));
      return this.#reason;
    });
  }

  attach(handlers: LinkHandlers): void {
    this.#handlers = handlers;
  }

  get isOpen(): boolean {
    return !this.#ending;
  }

  /** Bytes given to `send` that the peer has not taken. */
  get outstandingBytes(): number {
    return this.#outbox.outstandingBytes;
  }

  /** Whether something that was given to `send` or `sendEnd` has not gone out. */
  get hasUnsent(): boolean {
    return this.#outbox.hasUnsent;
  }

  /** The bytes must not change any more. Throws ErrConnectionClosed once the link is closing. */
  send(message: Uint8Array): void {
    if (this.#ending) throw asConnectionClosed(this.#reason);
    this.#outbox.push(message);
  }

  /** Says that no more will be sent, behind everything that was. */
  sendEnd(): void {
    if (this.#ending) throw asConnectionClosed(this.#reason);
    this.#outbox.pushEnd();
  }

  signal(type: Signal): void {
    this.#port.send(type);
  }

  /** While held, the peer gets credit only for what is released. */
  hold(holding: boolean): void {
    this.#inbox.hold(holding);
  }

  release(sizeBytes: number): void {
    this.#inbox.release(sizeBytes);
  }

  /** Closes in order. What was sent still goes out if the peer takes it soon. */
  close(): void {
    this.#end(undefined);
    this.#port.close();
  }

  /** Closes at once: because of what the peer did, or because the host stops. */
  terminate(reason: Error): void {
    this.#end(reason);
    this.#port.destroy();
  }

  /**
   * Says something, and gives the peer up when nothing has arrived during `maxSilentSweeps` sweeps. Sweeps are counted
   * rather than time, so that a pause of this process itself, in which nothing could be read, is not held against the
   * peer. Datagrams of which nothing can be read yet, because one before them was lost, count for longer: those of a
   * process that hangs arrive, too, where the engine has a thread of its own.
   */
  sweep(maxSilentSweeps: number, deadPeerTimeoutMs: number): void {
    if (this.#ending) return;
    const { bytesRead, packetsRead } = this.#port;
    const hasRead = bytesRead !== this.#bytesRead;
    this.#stalledSweeps = hasRead ? 0 : this.#stalledSweeps + 1;
    this.#silentSweeps = hasRead || packetsRead !== this.#packetsRead ? 0 : this.#silentSweeps + 1;
    this.#bytesRead = bytesRead;
    this.#packetsRead = packetsRead;
    if (this.#silentSweeps >= maxSilentSweeps || this.#stalledSweeps >= STALLED_TIMES * maxSilentSweeps) {
      const message = `no sign of life from ${this.peer} for ${deadPeerTimeoutMs} ms`;
      this.terminate(new ErrConnectionClosed(message, { details: { deadPeerTimeoutMs } }));
      return;
    }
    this.#port.send(FrameType.Ping);
  }

  /** Throws ErrMalformed, which the port turns into the end. */
  #receive(type: FrameType, payload: Uint8Array): void {
    switch (type) {
      case FrameType.Begin:
      case FrameType.More:
        if (this.#handlers?.onMessage === undefined) throw new ErrMalformed('a message where none is due');
        this.#inbox.receive(type, payload);
        return;
      case FrameType.Credit:
        this.#credit(payload);
        return;
      case FrameType.Ping:
        return;
      case FrameType.End:
      case FrameType.Done:
      case FrameType.Rejected:
        if (this.#handlers?.onSignal === undefined || payload.length > 0 || this.#inbox.isMidway) {
          throw new ErrMalformed(`a frame of type ${type} where none is due`);
        }
        this.#handlers.onSignal(type);
        return;
      default:
        throw new ErrMalformed(`a frame of type ${type} where none is due`);
    }
  }

  #credit(payload: Uint8Array): void {
    if (payload.length !== 4 || !this.#outbox.credit(readUint32(payload))) {
      throw new ErrMalformed('credit for what was not sent');
    }
    this.#handlers?.onCredit?.();
  }

  #ended(reason: Error | undefined): void {
    this.#end(whyEnded(this.peer, reason));
    this.#port.destroy();
  }

  #end(reason: Error | undefined): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#reason = reason;
    this.#handlers?.onClosed(reason);
  }
}

function whyEnded(peer: string, reason: Error | undefined): Error {
  if (reason === undefined) return new ErrConnectionClosed(`${peer} closed the connection`);
  if (hasErrorCode(reason, 'ERR_MALFORMED')) {
    return new ErrMalformed(`${peer} broke the protocol: ${reason.message}`, { cause: reason });
  }
  return new ErrConnectionClosed(`connection to ${peer} lost: ${reason.message}`, { cause: reason });
}
