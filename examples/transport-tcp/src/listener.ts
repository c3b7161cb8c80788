import { type Server, type Socket, createServer } from 'node:net';
import { type Server as TLSServer, type TLSSocket, createServer as createTLSServer } from 'node:tls';
import {
  type Identity,
  type IdentityFiles,
  type PeerCredentials,
  type Warnings,
  credentialsOfSocket,
  faultOfCredentials,
  listen,
} from '@drakkar/raftio/transport';
import type { TcpOptions } from './options.js';

/** Accepts connections, and with mutual TLS hands on those only that have proved themselves. */
export class Listener {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #options: TcpOptions;
  readonly #identityFiles: IdentityFiles | undefined;
  readonly #warnings: Warnings;
  readonly #onSocket: (socket: Socket, credentials: PeerCredentials | undefined) => void;
  #identity: Identity | undefined;
  #tlsServer: TLSServer | undefined;

  constructor(
    options: TcpOptions,
    identityFiles: IdentityFiles | undefined,
    warnings: Warnings,
    onSocket: (socket: Socket, credentials: PeerCredentials | undefined) => void,
  ) {
    this.#options = options;
    this.#identityFiles = identityFiles;
    this.#warnings = warnings;
    this.#onSocket = onSocket;
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#accept(socket).catch((error: unknown) => {
        warnings.warn('handshake', `a connection failed: ${(error as Error).message}`, { error });
        socket.destroy();
      });
    });
    this.#server.maxConnections = options.maxConnections;
    this.#server.on('drop', () => {
      warnings.warn('connections', 'a connection was refused: there are maxConnections', {});
    });
  }

  /** Rejects with ErrInvalidAddress, ErrAddressInUse or ErrTLS. */
  async start(address: string): Promise<void> {
    const identity = await this.#identityFiles?.current();
    this.#identity = identity;
    if (identity !== undefined) {
      const handshakeTimeout = this.#options.connectTimeoutMs;
      const rules = { requestCert: true, rejectUnauthorized: true, handshakeTimeout };
      this.#tlsServer = createTLSServer({ ...identity.options, ...rules }, this.#identify);
      this.#tlsServer.on('tlsClientError', (error: NodeJS.ErrnoException) => {
        const isPlain = error.code === 'ERR_SSL_WRONG_VERSION_NUMBER';
        const why = isPlain ? 'it has mutual TLS off and this host has it on' : error.message;
        this.#warnings.warn('handshake', `a client failed the TLS handshake: ${why}`, { error });
      });
    }
    await listen(this.#server, address);
    this.#server.on('error', (error) => {
      this.#warnings.warn('connections', `accepting failed: ${error.message}`, { error });
    });
  }

  /** Resolves when nothing is open any more. */
  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroy();
    });
  }

  async #accept(socket: Socket): Promise<void> {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => undefined); // The user of the socket hears of it too; without a listener it would throw.
    if (this.#tlsServer === undefined) {
      this.#onSocket(socket, undefined);
      return;
    }
    // Certificates are rotated by replacing their files, so each handshake begins with a look at them.
    const identity = await this.#identityFiles?.current();
    this.#identity = identity;
    if (identity !== undefined) this.#tlsServer.setSecureContext(identity.options);
    if (!socket.destroyed) this.#tlsServer.emit('connection', socket);
  }

  /** TLS has seen to it that the certificate is of the CA; there is more to ask. */
  readonly #identify = (socket: TLSSocket): void => {
    const credentials = credentialsOfSocket(socket);
    const fault = credentials && this.#identity && faultOfCredentials(credentials, 'client', this.#identity);
    if (credentials !== undefined && fault === undefined) {
      this.#onSocket(socket, credentials);
      return;
    }
    this.#warnings.warn(
      'handshake',
      `a client was refused: ${fault?.message ?? 'it has no certificate'}`,
      {},
    );
    socket.on('error', () => undefined);
    socket.destroy();
  };
}
