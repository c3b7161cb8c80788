import { ErrConnectFailed, ErrMalformed, ErrTLS, hasErrorCode } from '@drakkar/raftio';
import { type Identity, certificateFault } from '@drakkar/raftio/transport';
import type { Channel, EngineName } from './engine.js';
import { Link } from './link.js';
import { FramePort } from './protocol/frame-port.js';
import { FrameType } from './protocol/frames.js';
import {
  type ChannelKind,
  type Hello,
  PROTOCOL,
  type Refusal,
  decodeHello,
  decodeRefusal,
  encodeHello,
  encodeRefusal,
  newNonce,
} from './protocol/hello.js';
import { CertificateFault } from './security/chain.js';
import { type Transcript, checkProof, makeProof } from './security/proof.js';

/** What this host says of itself to every other. */
export interface Self {
  engine: EngineName;
  raftAddress: string;
  deploymentID: number;
  /** What this host may send before it waits; the peer is asked for credit in good time. */
  sendMarkBytes: Readonly<Record<ChannelKind, number>>;
  /** What a peer may send before it is given credit. */
  windowBytes: Readonly<Record<ChannelKind, number>>;
}

/** Credit is given when this part of what a sender holds, or of the window, was read. */
const CREDIT_STEP_PART = 4;

function creditStep(windowBytes: number, senderStepBytes: number): number {
  return Math.max(1, Math.min(Math.floor(windowBytes / CREDIT_STEP_PART), senderStepBytes));
}

function ownHello(self: Self, kind: ChannelKind, rest: Pick<Hello, 'to' | 'mutualTLS' | 'binding'>): Hello {
  return {
    protocol: PROTOCOL,
    engine: self.engine,
    kind,
    deploymentID: self.deploymentID,
    from: self.raftAddress,
    nonce: newNonce(),
    windowBytes: self.windowBytes[kind],
    creditStepBytes: Math.max(1, Math.floor(self.sendMarkBytes[kind] / CREDIT_STEP_PART)),
    ...rest,
  };
}

function linkTerms(own: Hello, peer: Hello, name: string): ConstructorParameters<typeof Link>[1] {
  return {
    peer: name,
    peerWindowBytes: peer.windowBytes,
    windowBytes: own.windowBytes,
    creditStepBytes: creditStep(own.windowBytes, peer.creditStepBytes),
  };
}

export interface GreetRequest {
  self: Self;
  kind: ChannelKind;
  /** Raft address that was dialled. */
  target: string;
  /** Its host part: what the peer's certificate must name. */
  host: string;
  identity: Identity | undefined;
  signal: AbortSignal;
}

/**
 * The dialling side's part: says hello, has the peer prove itself and proves this host. Resolves to what `wrap` makes
 * of the link, in the turn in which it opened. Rejects with ErrTLS or ErrConnectFailed; the channel is then
 * gone.
 */
export function greet<T>(channel: Channel, request: GreetRequest, wrap: (link: Link) => T): Promise<T> {
  const { self, kind, target, host, identity, signal } = request;
  const mutualTLS = identity !== undefined;
  const hello = ownHello(self, kind, { to: target, mutualTLS, binding: '' });
  const helloBytes = encodeHello(hello);
  return new Promise((resolve, reject) => {
    let answer: Hello | undefined;
    let transcript: Transcript | undefined;
    let isProven = identity === undefined;
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', onAbort);
      port.destroy();
      reject(error);
    };
    const onAbort = (): void => {
      fail(new ErrConnectFailed(`the attempt to connect to ${target} was aborted`, { cause: signal.reason }));
    };
    const onFrame = (type: FrameType, payload: Uint8Array): void => {
      if (type === FrameType.Refuse) {
        fail(explainRefusal(target, decodeRefusal(payload)));
      } else if (type === FrameType.Hello && answer === undefined) {
        answer = decodeHello(payload);
        checkAnswer(answer, hello, target);
        transcript = transcriptOf(channel, helloBytes, payload, answer, target);
      } else if (
        type === FrameType.Proof &&
        transcript !== undefined &&
        identity !== undefined &&
        !isProven
      ) {
        checkProof(payload, { role: 'server', identity, host, transcript });
        isProven = true;
        port.send(FrameType.Proof, makeProof('client', identity, transcript));
      } else if (type === FrameType.Ready && answer !== undefined && isProven) {
        signal.removeEventListener('abort', onAbort);
        resolve(wrap(new Link(port, linkTerms(hello, answer, target))));
      } else {
        throw new ErrMalformed(`a frame of type ${type} where none is due`);
      }
    };
    const port = new FramePort(channel, {
      onFrame: (type, payload) => {
        try {
          onFrame(type, payload);
        } catch (error) {
          fail(explainGreeting(target, error));
        }
      },
      onEnd: (reason) => {
        fail(explainEnd(target, self.engine, mutualTLS, reason));
      },
    });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    else port.send(FrameType.Hello, helloBytes);
  });
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

function differentEngines(theirs: EngineName, ours: EngineName): string {
  return `it uses engine ${theirs} of the quic transport and this host ${ours}; all hosts of a deployment need the same`;
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
  wrap: (kind: ChannelKind, link: Link) => T,
): Promise<T> {
  const { self, timeoutMs, signal } = request;
  return new Promise((resolve, reject) => {
    let heard: Heard | undefined;
    let identity: Identity | undefined;
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
    };
    const fail = (error: Error): void => {
      settle();
      if (error instanceof NotWelcome) {
        port.send(FrameType.Refuse, encodeRefusal(error.told));
        port.close();
      } else {
        port.destroy();
      }
      reject(error);
    };
    const onAbort = (): void => {
      fail(new Error('the host is stopping'));
    };
    const letIn = ({ hello, own }: Heard): void => {
      settle();
      port.send(FrameType.Ready);
      resolve(wrap(hello.kind, new Link(port, linkTerms(own, hello, `${hello.from} (${channel.peer})`))));
    };
    const proveSelf = async (to: Heard, current: () => Promise<Identity>): Promise<void> => {
      identity = await current();
      port.send(FrameType.Hello, to.transcript.serverHello);
      port.send(FrameType.Proof, makeProof('server', identity, to.transcript));
    };
    const onFrame = (type: FrameType, payload: Uint8Array): void => {
      if (type === FrameType.Hello && heard === undefined) {
        heard = hear(channel, payload, self, request.identity !== undefined);
        if (request.identity === undefined) {
          port.send(FrameType.Hello, heard.transcript.serverHello);
          letIn(heard);
        } else {
          proveSelf(heard, request.identity).catch((error: unknown) => {
            fail(asNotWelcome(error));
          });
        }
      } else if (type === FrameType.Proof && heard !== undefined && identity !== undefined) {
        checkClient(payload, identity, heard.transcript);
        letIn(heard);
      } else {
        throw new ErrMalformed(`a frame of type ${type} where none is due`);
      }
    };
    const timer = setTimeout(() => {
      fail(new Error('a client did not complete its handshake in time'));
    }, timeoutMs);
    const port = new FramePort(channel, {
      onFrame: (type, payload) => {
        try {
          onFrame(type, payload);
        } catch (error) {
          fail(asNotWelcome(error));
        }
      },
      onEnd: (reason) => {
        fail(
          new Error(`a client left during its handshake${reason === undefined ? '' : `: ${reason.message}`}`),
        );
      },
    });
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
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

function checkClient(payload: Uint8Array, identity: Identity, transcript: Transcript): void {
  try {
    checkProof(payload, { role: 'client', identity, host: undefined, transcript });
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
