import { type Socket, isIP } from 'node:net';
import { type TLSSocket, connect as connectTLS } from 'node:tls';
import { CallCredentials, ChannelCredentials, type ChannelOptions, experimental } from '@grpc/grpc-js';
import {
  type AttemptState,
  type HostPort,
  type Identity,
  type PeerCredentials,
  credentialsOfSocket,
  serverCheck,
  unsentBytesOf,
} from '@drakkar/raftio/transport';

type Resolver = experimental.Resolver;
type ResolverListener = experimental.ResolverListener;
type SecureConnector = experimental.SecureConnector;
type SecureConnectResult = experimental.SecureConnectResult;
type GrpcUri = experimental.GrpcUri;

/**
 * One attempt to connect, and the socket that comes of it. The library opens sockets by itself and hands out none, so
 * that one to an address that does not answer would stay for minutes, and one that can't be flushed indefinitely; and it
 * tells of errors by their text only. Through the resolver and the credentials below an attempt gets hold of its
 * socket at every stage, and of the first error of it.
 */
export class Attempt {
  readonly state: AttemptState;
  readonly address: HostPort;
  readonly #identity: Identity | undefined;
  readonly #connecting = new AbortController();
  #socket: Socket | undefined;
  /** The socket that the library writes to: the one above, or the TLS socket around it. */
  #outer: Socket | undefined;
  #error: Error | undefined;
  #credentials: PeerCredentials | undefined;

  constructor(target: string, address: HostPort, identity: Identity | undefined) {
    this.address = address;
    this.#identity = identity;
    this.state = { target, secure: identity !== undefined, secured: false, connected: false };
  }

  /**
   * What the library passes to `connect`, also when it tries again by itself: ends the socket, and allows no further one.
   * Node.js opens one all the same for a signal that has aborted, after it has told of its end, and then nobody has it.
   */
  get signal(): AbortSignal {
    const { signal } = this.#connecting;
    if (signal.aborted) throw new Error('the attempt is over');
    return signal;
  }

  /** The first error that a socket had. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** What the peer has shown, with TLS, once the handshake is through. */
  get credentials(): PeerCredentials | undefined {
    return this.#credentials;
  }

  /** Bytes that have arrived, of whatever layer. */
  get bytesRead(): number {
    return this.#socket?.bytesRead ?? 0;
  }

  /** Bytes that the operating system has taken, of whatever layer. */
  get bytesWritten(): number {
    return (this.#socket?.bytesWritten ?? 0) - this.unsentBytes;
  }

  /** Bytes that wait for the operating system to take them. HTTP/2 of Node.js reads nothing in the meantime. */
  get unsentBytes(): number {
    return unsentBytesOf(this.#socket);
  }

  /** Whether the connection still takes bytes, as far as this process has heard. */
  get isAlive(): boolean {
    return this.#error === undefined && isUsable(this.#socket) && isUsable(this.#outer);
  }

  /** Takes over a socket that is connected, and wraps it in TLS where that is on. */
  async secure(socket: Socket): Promise<SecureConnectResult> {
    if (this.#connecting.signal.aborted) {
      socket.destroy();
      throw new Error('the attempt is over');
    }
    this.state.connected = true;
    this.#keep(socket);
    socket.setKeepAlive(true);
    if (this.#identity === undefined) {
      this.#outer = socket;
      return { socket, secure: false };
    }
    const tlsSocket = this.#openTLS(socket, this.#identity);
    this.#outer = tlsSocket;
    await new Promise<void>((resolve, reject) => {
      tlsSocket.once('secureConnect', resolve);
      tlsSocket.once('error', reject);
      tlsSocket.once('close', () => {
        reject(new Error('closed in the TLS handshake'));
      });
    });
    this.state.secured = true;
    this.#credentials = credentialsOfSocket(tlsSocket);
    return { socket: tlsSocket, secure: true };
  }

  /** Resolves when the socket is gone. The library may try again by itself, also after its client was closed. */
  async destroy(): Promise<void> {
    const socket = this.#socket;
    this.#connecting.abort();
    if (socket === undefined || socket.closed) return;
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.destroy();
    await closed;
  }

  #openTLS(socket: Socket, identity: Identity): TLSSocket {
    const { host } = this.address;
    const tlsSocket = connectTLS({
      socket,
      host,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      secureContext: identity.context,
      ALPNProtocols: ['h2'],
      rejectUnauthorized: true,
      checkServerIdentity: serverCheck(host, identity),
    });
    tlsSocket.on('error', (error) => {
      this.#error ??= error;
    });
    return tlsSocket;
  }

  #keep(socket: Socket): void {
    this.#socket = socket;
    socket.on('error', (error) => {
      this.#error ??= error;
    });
  }
}

function isUsable(socket: Socket | undefined): boolean {
  return socket !== undefined && !socket.destroyed && socket.readable && socket.writable;
}

const SCHEME = 'drakkar';
const ATTEMPT_OPTION = 'drakkar.attempt';

/** Gives the one address of an attempt, with the signal that ends the socket: the library passes both to `connect`. */
class AttemptResolver implements Resolver {
  readonly #listener: ResolverListener;
  readonly #attempt: Attempt;
  /** Once is enough, and the library asks again as soon as an address has failed. */
  #resolved = false;

  constructor(_target: GrpcUri, listener: ResolverListener, options: ChannelOptions) {
    this.#listener = listener;
    this.#attempt = options[ATTEMPT_OPTION] as Attempt;
  }

  updateResolution(): void {
    if (this.#resolved) return;
    this.#resolved = true;
    const attempt = this.#attempt;
    const address = {
      ...attempt.address,
      get signal() {
        return attempt.signal;
      },
    };
    process.nextTick(() => {
      this.#listener(experimental.statusOrFromValue([{ addresses: [address] }]), {}, null, '');
    });
  }

  destroy(): void {
    // Nothing is held.
  }

  static getDefaultAuthority(target: GrpcUri): string {
    return target.path;
  }
}

experimental.registerResolver(SCHEME, AttemptResolver);

/** Credentials that leave the securing of the socket to an attempt. */
class AttemptCredentials extends ChannelCredentials {
  readonly #attempt: Attempt;

  constructor(attempt: Attempt) {
    super();
    this.#attempt = attempt;
  }

  override _isSecure(): boolean {
    return this.#attempt.state.secure;
  }

  override _equals(other: ChannelCredentials): boolean {
    return this === other;
  }

  override _createSecureConnector(
    _target: GrpcUri,
    _options: ChannelOptions,
    callCredentials: CallCredentials = CallCredentials.createEmpty(),
  ): SecureConnector {
    return {
      connect: (socket) => this.#attempt.secure(socket),
      waitForReady: () => Promise.resolve(),
      getCallCredentials: () => callCredentials,
      destroy: () => undefined,
    };
  }
}

/** What a client of the library is made of, so that it connects as `attempt` says. */
export function clientParameters(
  attempt: Attempt,
  authority: string,
): { target: string; credentials: ChannelCredentials; options: ChannelOptions } {
  return {
    target: `${SCHEME}:${authority}`,
    credentials: new AttemptCredentials(attempt),
    options: { [ATTEMPT_OPTION]: attempt },
  };
}
