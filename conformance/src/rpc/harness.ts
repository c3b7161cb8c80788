import type {
  ChunkSinkFactory,
  IConnection,
  IRaftRPC,
  ISnapshotConnection,
  MessageBatch,
  MutualTLSConfig,
  PeerIdentity,
  RaftRPCCapabilities,
  RaftRPCConfig,
  RequestHandler,
} from '@drakkar/raftio';
import { notApplicable } from '../suite/assert.js';
import { type Carrier, NetworkLink, detectCarrier } from './network.js';
import type { Link } from './link.js';
import type { Peer } from './peer.js';
import { RecordingSink } from './recording-sink.js';

/** Certificate files for the clauses about mutual TLS; each set is one host's. */
export interface TLSFixtures {
  /** Two hosts of one deployment; their certificates are good for the host part of `newAddress`. */
  good: readonly [MutualTLSConfig, MutualTLSConfig];
  /**
   * A host of another deployment: its certificate is of another CA. Its `caFile` holds both CAs, so that it trusts
   * the others and it is they who have to refuse.
   */
  foreign: MutualTLSConfig;
  /** A host of the deployment whose certificate is out of date. */
  expired?: MutualTLSConfig;
  /** A host of the deployment whose certificate names another host. */
  wrongName?: MutualTLSConfig;
  /** Hosts of the deployment whose certificates are for clients only, and for servers only. */
  forClients?: MutualTLSConfig;
  forServers?: MutualTLSConfig;
  /** A further host of the deployment, and lists of its CA, in PEM: before its certificate was revoked, and after. */
  revoked?: { files: MutualTLSConfig; listBefore: string; list: string };
  /** Makes a host of the deployment whose certificate expires after so many seconds. */
  expiring?: (seconds: number) => Promise<MutualTLSConfig>;
}

/** Where the transports of one case meet. */
export interface RPCSite {
  create(config: RaftRPCConfig, requestHandler: RequestHandler, chunkSinkFactory: ChunkSinkFactory): IRaftRPC;
  /** A raft address (`host:port`) at which nobody listens. */
  newAddress(): Promise<string>;
  /** Called once, however the case ended; the suite has stopped every transport before. */
  teardown(): Promise<void>;
  /** Needed where mutual TLS is declared. */
  tls?: TLSFixtures;
  /** Needed by transports that run over neither TCP nor UDP; for those the suite has its own. */
  link?(target: string): Promise<Link>;
  /**
   * Starts a host in a process of its own, at an address of `newAddress`; without this, clauses about peers that are
   * stopped or killed as processes are not asked.
   */
  spawn?(): Promise<Peer>;
  /**
   * Connects to a host that has mutual TLS on, without showing a certificate, and resolves when the host has refused.
   * The suite has its own for TLS over TCP; without this, the clause is not asked of others. `tls` is the
   * configuration of another host of that deployment.
   */
  connectWithoutCertificate?(address: string, tls: MutualTLSConfig): Promise<void>;
}

/** What the author of a transport gives to the suite. */
export interface RPCHarness {
  name: string;
  capabilities: RaftRPCCapabilities;
  setup(): Promise<RPCSite>;
  /** Case id → why it fails for now. Such a case must fail: one that passes is reported. */
  knownGaps?: Readonly<Record<string, string>>;
  /** Seed of the cases that use random numbers; 1 unless told. */
  seed?: number;
  /** Why the adapter can't run here, e.g. an engine that is not installed: it is reported so, never as passed. */
  unavailable?: string;
  /** Whether hosts listen for TCP or for UDP; found out by a connection to a host unless told. */
  carrier?: Carrier;
  /** The transport is over neither TCP nor UDP: clauses that need a raw client are not asked. */
  notTCP?: boolean;
}

/** A transport under test, with all that has come to it. */
export interface Host {
  rpc: IRaftRPC;
  address: string;
  batches: MessageBatch[];
  /** Who the sender of each batch, and of each stream, has proven to be. */
  senders: (PeerIdentity | undefined)[];
  sinkSenders: (PeerIdentity | undefined)[];
  sinks: RecordingSink[];
  warnings: string[];
}

export interface HostOptions {
  address?: string;
  /** Where it listens, when that is another address than the one that it has for others. */
  listenAddress?: string;
  mutualTLS?: MutualTLSConfig | undefined;
  sendBufferBytes?: number;
  makeSink?: () => RecordingSink;
}

/** How long the break of a TCP connection may go unnoticed: both ends are told. */
const TOLD_MS = 5000;
/** The same where nobody is told, and only silence tells. */
const SILENT_MS = 20_000;

/** Bytes that a host of the suite may hold for one slow connection. */
export const SEND_BUFFER_BYTES = 1024 * 1024;

/** Surroundings of one case: hosts, connections and links, all of them ended when the case is. */
export class RPCBench {
  /** Figures that are shown with the result. */
  readonly notes: string[] = [];
  readonly #hosts: Host[] = [];
  readonly #links: Link[] = [];
  readonly #connections: (IConnection | ISnapshotConnection)[] = [];
  readonly #peers: Peer[] = [];
  #carrier: Carrier | undefined;
  readonly #seed: number;
  /** Whether the case has looked at the seed. */
  hasDrawn = false;

  constructor(
    readonly site: RPCSite,
    readonly harness: RPCHarness,
    seed: number,
  ) {
    this.#seed = seed;
  }

  /** What a case draws from. */
  get seed(): number {
    this.hasDrawn = true;
    return this.#seed;
  }

  /** What the hosts warned of: of a case that failed, often the reason. */
  warned(): string[] {
    return this.#hosts.flatMap(({ address, warnings: [first, ...more] }) => {
      if (first === undefined) return [];
      const others = more.length === 0 ? '' : `, and of ${more.length} more`;
      return [`the host at ${address} warned: ${first}${others}`];
    });
  }

  async make(options: HostOptions = {}): Promise<Host> {
    const address = options.address ?? (await this.site.newAddress());
    const kept = { address, batches: [], senders: [], sinkSenders: [], sinks: [], warnings: [] } as Omit<
      Host,
      'rpc'
    >;
    const config: RaftRPCConfig = {
      raftAddress: address,
      listenAddress: options.listenAddress ?? address,
      mutualTLS: options.mutualTLS,
      sendBufferBytes: options.sendBufferBytes ?? SEND_BUFFER_BYTES,
      onWarning: (message) => kept.warnings.push(message),
    };
    const rpc = this.site.create(
      config,
      (batch, sender) => {
        kept.batches.push(batch);
        kept.senders.push(sender);
      },
      (sender) => {
        kept.sinkSenders.push(sender);
        const sink = options.makeSink?.() ?? new RecordingSink();
        kept.sinks.push(sink);
        return sink;
      },
    );
    const host = { ...kept, rpc };
    this.#hosts.push(host);
    return host;
  }

  async start(options: HostOptions = {}): Promise<Host> {
    const host = await this.make(options);
    await host.rpc.start();
    return host;
  }

  /** Two started hosts, and a connection from the first to the second. */
  async pair(): Promise<{ from: Host; to: Host; connection: IConnection }> {
    const from = await this.start();
    const to = await this.start();
    return { from, to, connection: await this.connect(from, to.address) };
  }

  async connect(
    from: Host,
    target: string,
    signal: AbortSignal = new AbortController().signal,
    expected?: string,
  ): Promise<IConnection> {
    const connection = await from.rpc.getConnection(target, signal, expected);
    this.#connections.push(connection);
    return connection;
  }

  async connectSnapshot(
    from: Host,
    target: string,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<ISnapshotConnection> {
    const connection = await from.rpc.getSnapshotConnection(target, signal);
    this.#connections.push(connection);
    return connection;
  }

  async link(target: string): Promise<Link> {
    if (this.site.link === undefined) return this.networkLink(target);
    const link = await this.site.link(target);
    this.#links.push(link);
    return link;
  }

  /** The suite's own link, for cases that look at what passes or change it. */
  async networkLink(target: string): Promise<NetworkLink> {
    if (this.harness.notTCP === true) notApplicable('the transport is over neither TCP nor UDP');
    const link = await NetworkLink.open(target);
    this.#links.push(link);
    return link;
  }

  /** A host in a process of its own. */
  async spawn(): Promise<Peer> {
    if (this.site.spawn === undefined) notApplicable('the harness starts no other processes');
    const peer = await this.site.spawn();
    this.#peers.push(peer);
    return peer;
  }

  /** What `host`, which has started, listens for. */
  async carrierOf(host: Pick<Host, 'address'>): Promise<Carrier> {
    if (this.harness.notTCP === true) notApplicable('the transport is over neither TCP nor UDP');
    this.#carrier ??= this.harness.carrier ?? (await detectCarrier(host.address));
    return this.#carrier;
  }

  /** For cases that need a raw client of TCP. */
  async needTCP(host: Host): Promise<void> {
    if ((await this.carrierOf(host)) !== 'tcp') notApplicable('the transport is not over TCP');
  }

  /** How long it may take until a host notices that a link to `host` was cut. */
  async noticeMs(host: Pick<Host, 'address'>): Promise<number> {
    const isTold = this.site.link !== undefined || (await this.carrierOf(host)) === 'tcp';
    return isTold ? TOLD_MS : SILENT_MS;
  }

  async cleanUp(): Promise<void> {
    for (const connection of this.#connections) connection.close();
    for (const link of this.#links) link.cut();
    try {
      await Promise.all(this.#peers.map((peer) => peer.kill()));
      await Promise.all(this.#hosts.map(({ rpc }) => rpc.stop()));
      await Promise.all(this.#links.map((link) => link.close()));
    } finally {
      await this.site.teardown();
    }
  }
}
