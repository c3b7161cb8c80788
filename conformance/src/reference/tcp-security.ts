import { readFileSync } from 'node:fs';
import { type Server, type Socket, connect } from 'node:net';
import {
  type SecureContextOptions,
  type Server as TLSServer,
  connect as connectTLS,
  createServer as createTLSServer,
} from 'node:tls';
import { ErrConnectFailed, ErrTLS, type MutualTLSConfig } from '@drakkar/raftio';
import { splitAddress } from '../rpc/address.js';

/** What a transport that is wrong on purpose leaves out. */
export interface SecurityRules {
  checksClients: boolean;
  checksServers: boolean;
  checksNames: boolean;
  /** Whether the files are read for each connection, rather than once. */
  rereads: boolean;
}

/** How connections are made and accepted: in the open, or with mutual TLS. */
export class Security {
  readonly #files: MutualTLSConfig | undefined;
  readonly #rules: SecurityRules;
  #read: SecureContextOptions | undefined;

  constructor(files: MutualTLSConfig | undefined, rules: SecurityRules) {
    this.#files = files;
    this.#rules = rules;
    if (files !== undefined && !rules.rereads) this.#read = this.#identity(files);
  }

  /** A socket to `target`; `ready` tells when bytes may be sent. */
  dial(target: string): { socket: Socket; ready: string } {
    const where = splitAddress(target);
    if (this.#files === undefined) return { socket: connect(where), ready: 'connect' };
    const { checksServers, checksNames } = this.#rules;
    const socket = connectTLS({
      ...where,
      ...this.#identity(this.#files),
      rejectUnauthorized: checksServers,
      ...(checksNames ? {} : { checkServerIdentity: () => undefined }),
    });
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
  attach(server: Server, accept: (socket: Socket) => void): void {
    const files = this.#files;
    if (files === undefined) {
      server.on('connection', accept);
      return;
    }
    const { checksClients } = this.#rules;
    const tls: TLSServer = createTLSServer(
      { requestCert: checksClients, rejectUnauthorized: checksClients, ...this.#identity(files) },
      accept,
    );
    tls.on('tlsClientError', (_error, socket) => socket.destroy());
    server.on('connection', (socket) => {
      tls.setSecureContext(this.#identity(files));
      tls.emit('connection', socket);
    });
  }

  #identity({ caFile, certFile, keyFile }: MutualTLSConfig): SecureContextOptions {
    if (this.#read !== undefined) return this.#read;
    try {
      return { ca: readFileSync(caFile), cert: readFileSync(certFile), key: readFileSync(keyFile) };
    } catch (cause) {
      throw new ErrTLS(`can't read the TLS files`, { cause });
    }
  }
}
