import { readFileSync } from 'node:fs';
import { type Server, type Socket, connect } from 'node:net';
import {
  type SecureContextOptions,
  type Server as TLSServer,
  type TLSSocket,
  checkServerIdentity,
  connect as connectTLS,
  createServer as createTLSServer,
} from 'node:tls';
import { ErrConnectFailed, ErrTLS, type MutualTLSConfig, type PeerIdentity } from '@drakkar/raftio';
import {
  Revocations,
  certificatesIn,
  credentialsOfSocket,
  faultOfCredentials,
} from '@drakkar/raftio/transport';

/** What a transport that is wrong on purpose leaves out. */
export interface SecurityRules {
  checksClients: boolean;
  checksServers: boolean;
  checksNames: boolean;
  /** Whether the files are read for each connection, rather than once. */
  rereads: boolean;
  /** Whether that goes for the CA as well. */
  rereadsCA: boolean;
  /** Whether it says whose certificate a client has shown. */
  namesClients: boolean;
  /** Whether it looks at `crlFile` and `allowedPeers`. */
  checksPeers: boolean;
  /** Whether it ends connections whose certificate is no longer good. */
  watchesPeers: boolean;
}

const WATCH_MS = 1000;

/** How connections are made and accepted: in the open, or with mutual TLS. */
export class Security {
  readonly #files: MutualTLSConfig | undefined;
  readonly #rules: SecurityRules;
  #read: SecureContextOptions | undefined;
  readonly #firstCA: Buffer | undefined;

  constructor(files: MutualTLSConfig | undefined, rules: SecurityRules) {
    this.#files = files;
    this.#rules = rules;
    if (files !== undefined && !rules.rereads) this.#read = this.#identity(files);
    if (files !== undefined && !rules.rereadsCA) this.#firstCA = readFileSync(files.caFile);
  }

  /** A socket to an address; `ready` tells when bytes may be sent. */
  dial(where: { host: string; port: number }): { socket: Socket; ready: string } {
    if (this.#files === undefined) return { socket: connect(where), ready: 'connect' };
    const { checksServers, checksNames } = this.#rules;
    const identity = this.#identity(this.#files);
    const socket: TLSSocket = connectTLS({
      ...where,
      ...identity,
      rejectUnauthorized: checksServers,
      checkServerIdentity: (_name, certificate): Error | undefined => {
        const fault = checksNames ? checkServerIdentity(where.host, certificate) : undefined;
        return fault ?? this.#faultOf(socket, 'server');
      },
    });
    socket.on('secureConnect', () => this.#watch(socket, 'server'));
    return { socket, ready: 'secureConnect' };
  }

  /** What an attempt that failed means to the caller. */
  explain(target: string, cause: unknown): Error {
    const { code = '' } = cause as { code?: string };
    const isAboutTLS = this.#files !== undefined && !['ECONNREFUSED', 'ETIMEDOUT'].includes(code);
    const message = `${target}: ${(cause as Error).message}`;
    return isAboutTLS ? new ErrTLS(message, { cause }) : new ErrConnectFailed(message, { cause });
  }

  /** Hands sockets that `server` accepts to `accept`, once they have proven who they are. */
  attach(server: Server, accept: (socket: Socket, peer: PeerIdentity | undefined) => void): void {
    const files = this.#files;
    if (files === undefined) {
      server.on('connection', (socket) => accept(socket, undefined));
      return;
    }
    const { checksClients } = this.#rules;
    const tls: TLSServer = createTLSServer(
      { requestCert: checksClients, rejectUnauthorized: checksClients, ...this.#identity(files) },
      (socket) => {
        if (checksClients && this.#faultOf(socket, 'client') !== undefined) {
          socket.on('error', () => undefined).destroy();
          return;
        }
        this.#watch(socket, 'client');
        accept(socket, this.#rules.namesClients ? credentialsOfSocket(socket)?.identity : undefined);
      },
    );
    tls.on('tlsClientError', (_error, socket) => socket.destroy());
    server.on('connection', (socket) => {
      tls.setSecureContext(this.#identity(files));
      tls.emit('connection', socket);
    });
  }

  #faultOf(socket: TLSSocket, role: 'client' | 'server'): Error | undefined {
    const credentials = credentialsOfSocket(socket);
    if (this.#files === undefined || !this.#rules.checksPeers) return undefined;
    if (credentials === undefined) return new Error('no certificate was shown');
    const { caFile, crlFile, allowedPeers } = this.#files;
    const revocations = crlFile === undefined ? Revocations.none : Revocations.parse(readFileSync(crlFile));
    const authorities = certificatesIn(String(this.#firstCA ?? readFileSync(caFile)));
    const fault = faultOfCredentials(credentials, role, { revocations, authorities, allowedPeers });
    return fault && new Error(fault.message);
  }

  #watch(socket: TLSSocket, role: 'client' | 'server'): void {
    if (!this.#rules.watchesPeers) return;
    const timer = setInterval(() => {
      if (this.#isFaulty(socket, role)) socket.destroy();
    }, WATCH_MS);
    socket.on('close', () => clearInterval(timer));
  }

  /** What can't be read says nothing of a connection that was good when it began. */
  #isFaulty(socket: TLSSocket, role: 'client' | 'server'): boolean {
    try {
      return this.#faultOf(socket, role) !== undefined;
    } catch {
      return false;
    }
  }

  #identity({ caFile, certFile, keyFile }: MutualTLSConfig): SecureContextOptions {
    if (this.#read !== undefined) return this.#read;
    try {
      return {
        ca: this.#firstCA ?? readFileSync(caFile),
        cert: readFileSync(certFile),
        key: readFileSync(keyFile),
      };
    } catch (cause) {
      throw new ErrTLS(`can't read the TLS files`, { cause });
    }
  }
}
