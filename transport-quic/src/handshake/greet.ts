import { ErrConnectFailed, ErrMalformed, ErrTLS, hasErrorCode } from '@drakkar/raftio';
import {
  type Identity,
  type PeerCredentials,
  attemptAborted,
  certificateFault,
} from '@drakkar/raftio/transport';
import type { Channel, EngineName } from '../engine.js';
import { Link } from '../link.js';
import { FramePort } from '../protocol/frame-port.js';
import { FrameType } from '../protocol/frames.js';
import {
  type ChannelKind,
  type Hello,
  type Refusal,
  decodeHello,
  decodeRefusal,
  encodeHello,
} from '../protocol/hello.js';
import { CertificateFault } from '../security/chain.js';
import { type Transcript, checkProof, makeProof } from '../security/proof.js';
import { type Self, differentEngines, linkTerms, ownHello } from './terms.js';

export interface GreetRequest {
  self: Self;
  kind: ChannelKind;
  /** Raft address that was dialled. */
  target: string;
  /** Raft address of the host that must be there. */
  expected: string | undefined;
  /** Its host part: what the peer's certificate must name. */
  host: string;
  identity: Identity | undefined;
  signal: AbortSignal;
}

/**
 * The dialling side's part: says hello, has the peer prove itself and proves this host. Resolves to what `wrap` makes
 * of the link, in the turn in which it opened. Rejects with ErrTLS or ErrConnectFailed; the channel is then gone.
 */
export function greet<T>(
  channel: Channel,
  request: GreetRequest,
  wrap: (link: Link, credentials: PeerCredentials | undefined) => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    new Greeting(
      channel,
      request,
      (link, credentials) => {
        resolve(wrap(link, credentials));
      },
      reject,
    ).start();
  });
}

class Greeting {
  readonly #channel: Channel;
  readonly #request: GreetRequest;
  readonly #port: FramePort;
  readonly #hello: Hello;
  readonly #helloBytes: Uint8Array;
  readonly #onLink: (link: Link, credentials: PeerCredentials | undefined) => void;
  readonly #onFailed: (error: Error) => void;
  readonly #onAbort = (): void => {
    this.#fail(attemptAborted(this.#request.target, this.#request.signal.reason));
  };
  #answer: Hello | undefined;
  #transcript: Transcript | undefined;
  /** Whether the peer has shown that it is the one that was dialled, as far as that is asked. */
  #isProven: boolean;
  #credentials: PeerCredentials | undefined;

  constructor(
    channel: Channel,
    request: GreetRequest,
    onLink: (link: Link, credentials: PeerCredentials | undefined) => void,
    onFailed: (error: Error) => void,
  ) {
    const { self, kind, target, expected, identity } = request;
    const mutualTLS = identity !== undefined;
    this.#channel = channel;
    this.#request = request;
    this.#onLink = onLink;
    this.#onFailed = onFailed;
    this.#hello = ownHello(self, kind, { to: target, expected, mutualTLS, binding: '' });
    this.#helloBytes = encodeHello(this.#hello);
    this.#isProven = !mutualTLS;
    this.#port = new FramePort(channel, {
      onFrame: (type, payload) => {
        try {
          this.#receive(type, payload);
        } catch (error) {
          this.#fail(explainGreeting(target, error));
        }
      },
      onEnd: (reason) => {
        this.#fail(explainEnd(target, self.engine, mutualTLS, reason));
      },
    });
  }

  start(): void {
    const { signal } = this.#request;
    signal.addEventListener('abort', this.#onAbort, { once: true });
    if (signal.aborted) this.#onAbort();
    else this.#port.send(FrameType.Hello, this.#helloBytes);
  }

  /** Throws what is wrong with the frame. */
  #receive(type: FrameType, payload: Uint8Array): void {
    const { target } = this.#request;
    if (type === FrameType.Refuse) {
      throw explainRefusal(target, decodeRefusal(payload));
    } else if (type === FrameType.Hello && this.#answer === undefined) {
      const answer = decodeHello(payload);
      checkAnswer(answer, this.#hello, target);
      this.#transcript = transcriptOf(this.#channel, this.#helloBytes, payload, answer, target);
      const { self, expected } = this.#request;
      const mistake = self.introductions.failureOf(target, expected, answer.from);
      if (mistake !== undefined) throw mistake;
      this.#answer = answer;
    } else if (type === FrameType.Proof && !this.#isProven) {
      this.#prove(payload);
    } else if (type === FrameType.Ready && this.#answer !== undefined && this.#isProven) {
      this.#settle();
      this.#onLink(new Link(this.#port, linkTerms(this.#hello, this.#answer, target)), this.#credentials);
    } else {
      throw new ErrMalformed(`a frame of type ${type} where none is due`);
    }
  }

  /** Checks who the peer is; only then says who this host is. */
  #prove(payload: Uint8Array): void {
    const { identity, host } = this.#request;
    const transcript = this.#transcript;
    if (identity === undefined || transcript === undefined)
      throw new ErrMalformed('a proof before its hello');
    this.#credentials = checkProof(payload, { role: 'server', identity, host, transcript });
    this.#isProven = true;
    this.#port.send(FrameType.Proof, makeProof('client', identity, transcript));
  }

  #settle(): void {
    this.#request.signal.removeEventListener('abort', this.#onAbort);
  }

  #fail(error: Error): void {
    this.#settle();
    this.#port.destroy();
    this.#onFailed(error);
  }
}

function transcriptOf(
  channel: Channel,
  clientHello: Uint8Array,
  serverHello: Uint8Array,
  answer: Hello,
  target: string,
): Transcript {
  const binding = new Uint8Array(Buffer.from(answer.binding, 'base64'));
  if (answer.mutualTLS && !channel.confirms(binding)) {
    throw new ErrTLS(
      `${target} does not see the TLS session that this host sees: somebody in between may be reading along`,
    );
  }
  return { clientHello, serverHello: new Uint8Array(serverHello), binding };
}

function checkAnswer(answer: Hello, own: Hello, target: string): void {
  const { engine, mutualTLS, deploymentID } = answer;
  if (engine !== own.engine) {
    throw new ErrConnectFailed(`${target}: ${differentEngines(engine, own.engine)}`);
  }
  if (mutualTLS !== own.mutualTLS) {
    const advice = 'mutual TLS must be on for all hosts of a deployment, or for none';
    throw mutualTLS
      ? new ErrConnectFailed(`${target} has mutual TLS on, which this host has not: ${advice}`)
      : new ErrTLS(`${target} has mutual TLS off and this host has it on: ${advice}`);
  }
  if (deploymentID !== own.deploymentID) {
    throw new ErrConnectFailed(
      `${target} is of deployment ${deploymentID}, this host of ${own.deploymentID}`,
    );
  }
  if (answer.kind !== own.kind || answer.to !== own.to) throw new ErrMalformed('an answer to another hello');
}

function explainRefusal(target: string, { code, reason }: Refusal): Error {
  const message = `${target} refused the connection: ${reason}`;
  return code === 'tls' ? new ErrTLS(message) : new ErrConnectFailed(message);
}

function explainGreeting(target: string, error: unknown): Error {
  if (hasErrorCode(error, 'ERR_TLS') || hasErrorCode(error, 'ERR_CONNECT_FAILED')) return error as Error;
  if (error instanceof CertificateFault) {
    const fault = certificateFault(error.code) ?? 'is not accepted';
    return new ErrTLS(`${target}: its certificate ${fault} (${error.message})`, {
      cause: error,
      details: { target, cause: error.code },
    });
  }
  return new ErrConnectFailed(`${target} does not answer as expected: ${(error as Error).message}`, {
    cause: error,
  });
}

function explainEnd(
  target: string,
  engine: EngineName,
  mutualTLS: boolean,
  reason: Error | undefined,
): Error {
  if (hasErrorCode(reason, 'ERR_TLS')) return reason as Error;
  const tls = mutualTLS ? ', and has mutual TLS on' : ', and mutual TLS off';
  const advice = `is it a host that uses engine ${engine} of the quic transport${tls}, below its limit of connections?`;
  const message = `${target} ended the connection during the handshake: ${advice}`;
  return new ErrConnectFailed(reason === undefined ? message : `${message} (${reason.message})`, {
    cause: reason,
  });
}
