import type {
  ChunkSinkFactory,
  IConnection,
  IRaftRPC,
  ISnapshotConnection,
  MessageBatch,
  MutualTLSConfig,
  RaftRPCCapabilities,
  RaftRPCConfig,
  RequestHandler,
} from '@drakkar/raftio';
import { notApplicable } from '../suite/assert.js';
import { TcpLink } from './tcp-link.js';
import { RecordingSink } from './recording-sink.js';

/** A way to a host that the suite can obstruct: hosts that connect to `address` reach the target through it. */
export interface Link {
  readonly address: string;
  /** Nothing passes any more, and nobody is told: as with a peer that hangs, or a cable that was pulled. */
  pause(): void;
  resume(): void;
  /** Breaks what is connected through it; it can be connected through again. */
  cut(): void;
  close(): Promise<void>;
}

/** Certificate files for the clauses about mutual TLS; each set is one host's. */
export interface TLSFixtures {
  /** Two hosts of one deployment; their certificates are good for the host part of `newAddress`. */
  good: readonly [MutualTLSConfig, MutualTLSConfig];
  /**
   * A host of another deployment: its certificate is of another CA. Its `caFile` holds both CAs, so that it trusts
   * the others and it is they who have to refuse.
   */
  foreign: MutualTLSConfig;
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
  /** Needed by transports that do not run over TCP; for the others the suite has its own. */
  link?(target: string): Promise<Link>;
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
  /** The transport is not over TCP: clauses that need a raw TCP client are not asked. */
  notTCP?: boolean;
}

/** A transport under test, with all that has come to it. */
export interface Host {
  rpc: IRaftRPC;
  address: string;
  batches: MessageBatch[];
  sinks: RecordingSink[];
  warnings: string[];
}

export interface HostOptions {
  address?: string;
  mutualTLS?: MutualTLSConfig | undefined;
  sendBufferBytes?: number;
  makeSink?: () => RecordingSink;
}

/** Bytes that a host of the suite may hold for one slow connection. */
export const SEND_BUFFER_BYTES = 1024 * 1024;

/** Surroundings of one case: hosts, connections and links, all of them ended when the case is. */
export class RPCBench {
  readonly #hosts: Host[] = [];
  readonly #links: Link[] = [];
  readonly #connections: (IConnection | ISnapshotConnection)[] = [];

  constructor(
    readonly site: RPCSite,
    readonly harness: RPCHarness,
    readonly seed: number,
  ) {}

  async make(options: HostOptions = {}): Promise<Host> {
    const address = options.address ?? (await this.site.newAddress());
    const kept = { address, batches: [], sinks: [], warnings: [] } as Omit<Host, 'rpc'>;
    const config: RaftRPCConfig = {
      raftAddress: address,
      listenAddress: address,
      mutualTLS: options.mutualTLS,
      sendBufferBytes: options.sendBufferBytes ?? SEND_BUFFER_BYTES,
      onWarning: (message) => kept.warnings.push(message),
    };
    const rpc = this.site.create(
      config,
      (batch) => kept.batches.push(batch),
      () => {
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
  ): Promise<IConnection> {
    const connection = await from.rpc.getConnection(target, signal);
    this.#connections.push(connection);
    return connection;
  }

  async connectSnapshot(from: Host, target: string): Promise<ISnapshotConnection> {
    const connection = await from.rpc.getSnapshotConnection(target, new AbortController().signal);
    this.#connections.push(connection);
    return connection;
  }

  async link(target: string): Promise<Link> {
    let link: Link;
    if (this.site.link !== undefined) {
      link = await this.site.link(target);
    } else {
      this.needTCP();
      link = await TcpLink.open(target);
    }
    this.#links.push(link);
    return link;
  }

  /** For cases that act as a raw client. */
  needTCP(): void {
    if (this.harness.notTCP === true) notApplicable('the transport is not over TCP');
  }

  async cleanUp(): Promise<void> {
    for (const connection of this.#connections) connection.close();
    for (const link of this.#links) link.cut();
    try {
      await Promise.all(this.#hosts.map(({ rpc }) => rpc.stop()));
      await Promise.all(this.#links.map((link) => link.close()));
    } finally {
      await this.site.teardown();
    }
  }
}
