import { once } from 'node:events';
import { type Server, type Socket, createServer, isIP } from 'node:net';
import {
  type ChunkSinkFactory,
  ErrAddressInUse,
  ErrConnectFailed,
  ErrInvalidAddress,
  ErrTransportStopped,
  type IConnection,
  type IRaftRPC,
  type ISnapshotConnection,
  MAX_MESSAGE_BYTES,
  type RaftRPCCapabilities,
  type RaftRPCConfig,
  type RequestHandler,
  isSameAddress,
} from '@drakkar/raftio';
import { attemptAborted } from '@drakkar/raftio/transport';
import { splitAddress } from '../rpc/address.js';
import { isAddress } from './memory-hub.js';
import { DIRECTED_HELLO, HELLO, Inbound, type InboundRules } from './tcp-inbound.js';
import { frameOf } from './tcp-frames.js';
import { Outbound } from './tcp-outbound.js';
import { Security, type SecurityRules } from './tcp-security.js';

export const TCP_RPC_CAPABILITIES: RaftRPCCapabilities = { mutualTLS: true, snapshots: true, network: true };

/** What this transport does right; each can be turned off, to see whether the suite notices. */
export interface TcpRules extends SecurityRules, InboundRules {
  boundsBuffers: boolean;
  pings: boolean;
  /** Whether connections of others are ended by `stop`. */
  endsOthers: boolean;
  /** Whether those of them are that are still in their TLS handshake. */
  endsHandshakes: boolean;
  /** Whether an attempt that fails closes its socket. */
  endsAttempts: boolean;
  /** Whether it listens at the address that it was given, rather than at every one of the machine. */
  bindsHost: boolean;
  /** How it finds host and port: IPv6 has further colons. */
  splitsAt: 'last colon' | 'first colon';
  resolvesNames: boolean;
  /** Whether a client that means another host is refused. */
  comparesHosts: boolean | 'as spelled';
}

export const TCP_RULES: TcpRules = {
  checksClients: true,
  checksServers: true,
  checksNames: true,
  rereads: true,
  namesClients: true,
  checksPeers: true,
  watchesPeers: true,
  maxBytes: MAX_MESSAGE_BYTES,
  checksSums: true,
  helloMs: 2000,
  deadPeerMs: 8000,
  boundsBuffers: true,
  pings: true,
  endsOthers: true,
  endsHandshakes: true,
  endsAttempts: true,
  bindsHost: true,
  splitsAt: 'last colon',
  resolvesNames: true,
  givesUpClients: true,
  allocatesAhead: false,
  rereadsCA: true,
  comparesHosts: true,
  joinsHeaders: true,
  endsRubbish: true,
  containsErrors: true,
  looksAtChecksums: true,
  queues: false,
};

const CONNECT_MS = 5000;

/** A plain transport over TCP: what the suite's clauses about networks and TLS are tried on. */
export class TcpRPC implements IRaftRPC {
  readonly name = 'tcp';
  readonly #config: RaftRPCConfig;
  readonly #rules: TcpRules;
  readonly #requestHandler: RequestHandler;
  readonly #makeSink: ChunkSinkFactory;
  readonly #sockets = new Set<Socket>();
  readonly #stopping = new AbortController();
  #security: Security | undefined;
  #server: Server | undefined;
  #stopped: Promise<void> | undefined;

  constructor(
    config: RaftRPCConfig,
    requestHandler: RequestHandler,
    makeSink: ChunkSinkFactory,
    rules: TcpRules = TCP_RULES,
  ) {
    this.#config = config;
    this.#rules = rules;
    this.#makeSink = makeSink;
    this.#requestHandler = (batch, peer) => {
      if (!this.#stopping.signal.aborted) requestHandler(batch, peer);
    };
  }

  async start(): Promise<void> {
    const { listenAddress, mutualTLS } = this.#config;
    if (!isAddress(listenAddress)) throw new ErrInvalidAddress(`not an address: "${listenAddress}"`);
    this.#security = new Security(mutualTLS, this.#rules);
    const server = createServer({ noDelay: true });
    this.#security.attach(server, (socket, peer) => {
      if (!this.#rules.endsHandshakes) this.#keep(socket);
      new Inbound(
        socket,
        this.#rules,
        (batch) => this.#requestHandler(batch, peer),
        () => this.#makeSink(peer),
        (address) => this.#isMe(address),
      );
    });
    server.on('connection', (socket) => {
      if (this.#rules.endsOthers && this.#rules.endsHandshakes) this.#keep(socket);
      else socket.on('error', () => undefined);
    });
    try {
      const { host, port } = this.#split(listenAddress);
      server.listen(this.#rules.bindsHost ? { host, port } : { port });
      await once(server, 'listening');
    } catch (cause) {
      const isTaken = (cause as NodeJS.ErrnoException).code === 'EADDRINUSE';
      const Refusal = isTaken ? ErrAddressInUse : ErrInvalidAddress;
      throw new Refusal(`can't listen at ${listenAddress}`, { cause });
    }
    this.#server = server;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async getConnection(target: string, signal: AbortSignal, expected?: string): Promise<IConnection> {
    return this.#connect(target, signal, 'messages', expected);
  }

  async getSnapshotConnection(
    target: string,
    signal: AbortSignal,
    expected?: string,
  ): Promise<ISnapshotConnection> {
    return this.#connect(target, signal, 'snapshot', expected);
  }

  #split(address: string): { host: string; port: number } {
    const { splitsAt, resolvesNames } = this.#rules;
    const { host, port } = splitAddress(address);
    if (!resolvesNames && isIP(host) === 0) throw new ErrInvalidAddress(`not an IP address: "${host}"`);
    if (splitsAt === 'last colon') return { host, port };
    return { host: address.slice(0, address.indexOf(':')), port };
  }

  #isMe(address: string): boolean {
    const { raftAddress, onWarning } = this.#config;
    const { comparesHosts } = this.#rules;
    if (comparesHosts === false || address === raftAddress) return true;
    if (comparesHosts !== 'as spelled' && isSameAddress(address, raftAddress)) return true;
    onWarning(`a client meant ${address}, and this is ${raftAddress}`, {});
    return false;
  }

  async #stop(): Promise<void> {
    this.#stopping.abort(new ErrTransportStopped());
    const server = this.#server;
    const closed = server === undefined ? undefined : new Promise((resolve) => server.close(resolve));
    const ends = [...this.#sockets].map((socket) => {
      const end = once(socket, 'close');
      socket.destroy();
      return end;
    });
    await Promise.all(ends);
    await closed;
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }

  async #connect(
    target: string,
    signal: AbortSignal,
    kind: 'messages' | 'snapshot',
    expected: string | undefined,
  ): Promise<Outbound> {
    const stopping = this.#stopping.signal;
    stopping.throwIfAborted();
    if (signal.aborted) throw attemptAborted(target, signal.reason);
    if (!isAddress(target)) throw new ErrInvalidAddress(`not an address: "${target}"`);
    const security = this.#security ?? new Security(this.#config.mutualTLS, this.#rules);
    const { socket, ready } = security.dial(this.#split(target));
    this.#keep(socket);
    socket.setNoDelay(true);
    const timeout = AbortSignal.timeout(CONNECT_MS);
    const any = AbortSignal.any([signal, stopping, timeout]);
    try {
      await once(socket, ready, { signal: any });
      if (expected === undefined) socket.write(HELLO[kind]);
      else socket.write(Buffer.concat([DIRECTED_HELLO[kind], frameOf(Buffer.from(expected))]));
      await welcome(socket, any);
    } catch (error) {
      if (this.#rules.endsAttempts) socket.destroy();
      stopping.throwIfAborted();
      if (signal.aborted) throw attemptAborted(target, signal.reason);
      if (timeout.aborted) throw new ErrConnectFailed(`${target} does not answer`, { cause: error });
      throw security.explain(target, error);
    }
    const { sendBufferBytes } = this.#config;
    return new Outbound(socket, {
      deadPeerMs: this.#rules.deadPeerMs,
      pings: this.#rules.pings,
      sendBufferBytes: this.#rules.boundsBuffers ? sendBufferBytes : Number.MAX_SAFE_INTEGER,
    });
  }
}

/** Resolves with the first byte from the other side; rejects when it hangs up instead. */
async function welcome(socket: Socket, signal: AbortSignal): Promise<void> {
  const hungUp = new AbortController();
  const hangUp = (): void => {
    hungUp.abort();
  };
  socket.once('close', hangUp);
  try {
    await once(socket, 'data', { signal: AbortSignal.any([signal, hungUp.signal]) });
  } finally {
    socket.off('close', hangUp);
  }
}
