import { ErrMalformed, hasErrorCode } from '@drakkar/raftio';
import type { Identity, PeerCredentials } from '@drakkar/raftio/transport';
import type { Channel } from '../engine.js';
import { Link } from '../link.js';
import { FramePort } from '../protocol/frame-port.js';
import { FrameType } from '../protocol/frames.js';
import {
  type ChannelKind,
  type Hello,
  type Refusal,
  decodeHello,
  encodeHello,
  encodeRefusal,
} from '../protocol/hello.js';
import { CertificateFault } from '../security/chain.js';
import { type Transcript, checkProof, makeProof } from '../security/proof.js';
import { type Self, differentEngines, linkTerms, ownHello } from './terms.js';

export interface WelcomeRequest {
  self: Self;
  /** Present with mutual TLS; what this host proves itself with to this client. */
  identity: (() => Promise<Identity>) | undefined;
  timeoutMs: number;
  signal: AbortSignal;
}

/** Why a client was not let in: the message is for this host's log, `told` for the client. */
export class NotWelcome extends Error {
  readonly told: Refusal;

  constructor(message: string, told: Refusal, options?: { cause?: unknown }) {
    super(message, options);
    this.told = told;
  }
}

/**
 * The listening side's part: hears the hello of a client, proves this host, has the client prove itself. Resolves to
 * what `wrap` makes of the link, in the turn in which it opened. Rejects with an error that says what the client did
 * wrong, which the client was told of where it could be; the channel then goes.
 */
export function welcome<T>(
  channel: Channel,
  request: WelcomeRequest,
  wrap: (kind: ChannelKind, link: Link, client: Client) => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    new Welcome(
      channel,
      request,
      (kind, link, client) => {
        resolve(wrap(kind, link, client));
      },
      reject,
    ).start();
  });
}

/** Who has opened a link. */
export interface Client {
  /** Raft address that it gives. */
  from: string;
  credentials: PeerCredentials | undefined;
}

type OnLink = (kind: ChannelKind, link: Link, client: Client) => void;

class Welcome {
  readonly #channel: Channel;
  readonly #request: WelcomeRequest;
  readonly #port: FramePort;
  readonly #onLink: OnLink;
  readonly #onFailed: (error: Error) => void;
  readonly #onAbort = (): void => {
    this.#fail(new Error('the host is stopping'));
  };
  #timer: NodeJS.Timeout | undefined;
  #heard: Heard | undefined;
  #identity: Identity | undefined;

  constructor(channel: Channel, request: WelcomeRequest, onLink: OnLink, onFailed: (error: Error) => void) {
    this.#channel = channel;
    this.#request = request;
    this.#onLink = onLink;
    this.#onFailed = onFailed;
    this.#port = new FramePort(channel, {
      onFrame: (type, payload) => {
        try {
          this.#receive(type, payload);
        } catch (error) {
          this.#fail(asNotWelcome(error));
        }
      },
      onEnd: (reason) => {
        const why = reason === undefined ? '' : `: ${reason.message}`;
        this.#fail(new Error(`a client left during its handshake${why}`));
      },
    });
  }

  start(): void {
    const { signal, timeoutMs } = this.#request;
    this.#timer = setTimeout(() => {
      this.#fail(new Error('a client did not complete its handshake in time'));
    }, timeoutMs);
    signal.addEventListener('abort', this.#onAbort, { once: true });
    if (signal.aborted) this.#onAbort();
  }

  /** Throws what is wrong with the frame. */
  #receive(type: FrameType, payload: Uint8Array): void {
    if (type === FrameType.Hello && this.#heard === undefined) {
      const { self, identity } = this.#request;
      const heard = hear(this.#channel, payload, self, identity !== undefined);
      this.#heard = heard;
      if (identity === undefined) {
        this.#port.send(FrameType.Hello, heard.transcript.serverHello);
        this.#letIn(heard, undefined);
      } else {
        this.#proveSelf(heard, identity).catch((error: unknown) => {
          this.#fail(asNotWelcome(error));
        });
      }
    } else if (type === FrameType.Proof && this.#heard !== undefined && this.#identity !== undefined) {
      const credentials = checkClient(payload, this.#identity, this.#heard.transcript);
      this.#checkWho(this.#heard.hello, credentials);
      this.#letIn(this.#heard, credentials);
    } else {
      throw new ErrMalformed(`a frame of type ${type} where none is due`);
    }
  }

  async #proveSelf({ transcript }: Heard, current: () => Promise<Identity>): Promise<void> {
    const identity = await current();
    this.#identity = identity;
    this.#port.send(FrameType.Hello, transcript.serverHello);
    this.#port.send(FrameType.Proof, makeProof('server', identity, transcript));
  }

  /** Throws NotWelcome for a client whose certificate is not for the host that it says it is. */
  #checkWho({ from }: Hello, { identity }: PeerCredentials): void {
    const { introductions } = this.#request.self;
    const reason = introductions.identityRefusalOf(from, identity, this.#channel.peer);
    if (reason === undefined) return;
    throw new NotWelcome(`a client was refused: ${reason}`, { code: 'tls', reason });
  }

  #letIn({ hello, own }: Heard, credentials: PeerCredentials | undefined): void {
    this.#settle();
    this.#port.send(FrameType.Ready);
    const peer = `${hello.from} (${this.#channel.peer})`;
    this.#onLink(hello.kind, new Link(this.#port, linkTerms(own, hello, peer)), {
      from: hello.from,
      credentials,
    });
  }

  #settle(): void {
    clearTimeout(this.#timer);
    this.#request.signal.removeEventListener('abort', this.#onAbort);
  }

  #fail(error: Error): void {
    this.#settle();
    if (error instanceof NotWelcome) {
      this.#port.send(FrameType.Refuse, encodeRefusal(error.told));
      this.#port.close();
    } else {
      this.#port.destroy();
    }
    this.#onFailed(error);
  }
}

interface Heard {
  hello: Hello;
  own: Hello;
  transcript: Transcript;
}

/** Checks a client's hello, and makes the answer. Throws NotWelcome or ErrMalformed. */
function hear(channel: Channel, payload: Uint8Array, self: Self, mutualTLS: boolean): Heard {
  const hello = decodeHello(payload);
  checkHello(hello, self, mutualTLS);
  const refusal = self.introductions.refusalOf(hello.expected, hello.from, channel.peer);
  if (refusal !== undefined) {
    throw new NotWelcome(`a client was refused: ${refusal}`, { code: 'other', reason: refusal });
  }
  const binding = mutualTLS ? channel.binding() : new Uint8Array(0);
  if (binding === undefined) {
    const reason = 'no certificate was shown in the TLS handshake';
    throw new NotWelcome(`a client was refused: ${reason}`, { code: 'tls', reason });
  }
  const own = ownHello(self, hello.kind, {
    to: hello.to,
    mutualTLS,
    binding: Buffer.from(binding).toString('base64'),
  });
  const transcript = { clientHello: new Uint8Array(payload), serverHello: encodeHello(own), binding };
  return { hello, own, transcript };
}

/** Throws NotWelcome when the two hosts do not belong together. */
function checkHello(hello: Hello, self: Self, mutualTLS: boolean): void {
  const { engine, deploymentID } = self;
  const refuse = (code: 'tls' | 'other', why: string, reason: string): never => {
    throw new NotWelcome(`a client was refused: ${why}`, { code, reason });
  };
  if (hello.engine !== engine) {
    refuse('other', differentEngines(hello.engine, engine), differentEngines(engine, hello.engine));
  }
  if (mutualTLS && !hello.mutualTLS) {
    refuse(
      'other',
      'it has mutual TLS off and this host has it on',
      'it has mutual TLS on, which this host has not',
    );
  }
  if (!mutualTLS && hello.mutualTLS) {
    refuse(
      'tls',
      'it has mutual TLS on and this host has it off',
      'it has mutual TLS off; it must be on for all hosts of a deployment, or for none',
    );
  }
  if (hello.deploymentID !== deploymentID) {
    const other = `it is of deployment ${hello.deploymentID}, this host of ${deploymentID}`;
    refuse('other', other, `it is of deployment ${deploymentID}, this host of ${hello.deploymentID}`);
  }
}

function checkClient(payload: Uint8Array, identity: Identity, transcript: Transcript): PeerCredentials {
  try {
    return checkProof(payload, { role: 'client', identity, host: undefined, transcript });
  } catch (error) {
    if (!(error instanceof CertificateFault)) throw error;
    const advice = "check this host's certFile against the CA that the other trusts, and its dates";
    throw new NotWelcome(
      `a client was refused: its certificate is not accepted: ${error.message}`,
      { code: 'tls', reason: `it does not accept this host's certificate: ${error.message}; ${advice}` },
      { cause: error },
    );
  }
}

function asNotWelcome(error: unknown): Error {
  if (error instanceof NotWelcome) return error;
  if (!hasErrorCode(error, 'ERR_MALFORMED')) return error as Error;
  const { message } = error as Error;
  return new NotWelcome(
    `a client broke the protocol: ${message}`,
    { code: 'other', reason: message },
    { cause: error },
  );
}
