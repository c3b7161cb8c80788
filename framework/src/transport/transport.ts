import {
  type ArrivalHandler,
  type ArrivingMessage,
  BIN_VER,
  type ChunkSinkFactory,
  Feature,
  type IChunkSink,
  type IRaftRPC,
  type ISnapshotConnection,
  type Message,
  type MessageBatch,
  type RaftRPCCounters,
  MessageType,
  type MutualTLSConfig,
  type NormalAddress,
  type PeerKind,
  OWN_FEATURES,
  type PeerIdentity,
  type RequestHandler,
  LATEST_LEVEL,
  hasFeature,
  knowsMessage,
  levelOf,
  type MemberCheck,
} from '@drakkar/raftio';
import { LimitedLogger } from '../logging/limited-logger.js';
import type { ILogger } from '../logging/logger.js';
import type { IClock, Timer } from '../runtime/clock.js';
import type { IRandom } from '../runtime/random.js';
import { NodeRegistry, type Location, locationAt } from './node-registry.js';
import { PeerFeatures } from './peer-features.js';
import { isHostOfMember } from './member-host.js';
import type { SenderCheck, SenderClaim } from '../snapshot/index.js';
import { PeerGuard } from './peer-guard.js';
import { type Loss, NEVER_SENT, Peer, type PeerOptions } from './peer.js';

/**
 * A host that nothing was sent to for one to two such periods is released, with its connection: it has left every
 * group here, or they sleep. The next message connects again.
 */
const IDLE_SWEEP_MS = 300_000;

/**
 * Hosts talked to at a time that no membership names: leaders of groups that are joined, members that were added while
 * this host was away, and whatever a message claims to come from. One leaves when it has not been used for a while.
 */
const MAX_UNLISTED_PEERS = 64;

/** Longer than any raft address: a DNS name of 253 characters with its final dot, and a port. */
const MAX_ADDRESS_LENGTH = 320;

export interface TransportOptions extends PeerOptions {
  raftAddress: string;
  deploymentID: number;
  /** Present with mutual TLS: peers must be who they say they are, and these only, where given. */
  identities?: Pick<MutualTLSConfig, 'allowedPeers'> | undefined;
}

/** What the transport of a host has done since it started. */
export interface TransportCounters extends Partial<RaftRPCCounters> {
  /** Attempts to connect to other hosts, of whatever outcome. */
  dials: number;
  /** Messages that were not answered, since too many hosts of no membership had sent some. */
  unansweredMessages: number;
  /** With mutual TLS: batches, messages and snapshots whose sender was not who it said it is. */
  rejectedSenders?: number;
}

/** Who takes what arrives, and learns what did not leave. */
export interface TransportHandler {
  /**
   * False: there is no such replica here, and the message was dropped.
   *
   * @param source raft address of the host that sent it
   * @param isDragonboat whether that is known to be a host of Dragonboat
   */
  onMessage(message: Message, source: string, isDragonboat: boolean): boolean;
  /** More of a leader's message has arrived, or of the batch that it is in, which is not whole yet. */
  onArriving(message: ArrivingMessage): void;
  /** Raft address that a change in the log of the receiver gives the sender, when it is not applied yet. */
  addressInLog?(claim: SenderClaim): string | undefined;
  /** Takes an InstallSnapshot message, whose data goes in a stream of its own. */
  onInstallSnapshot(message: Message): void;
  /** The message was lost with the way to its receiver, which no newer connection has opened again. */
  onUnreachable(message: Message): void;
  /** A forwarded proposal has certainly not arrived. */
  onProposalUndelivered(message: Message): void;
  onConnectionChanged(target: string, up: boolean, reason: Error | undefined): void;
  /** A host that was away is heard of, though no connection to it is up yet. */
  onHeardAgain(target: string): void;
}

export interface TransportDependencies {
  createRPC: (
    requestHandler: RequestHandler,
    chunkSinkFactory: ChunkSinkFactory,
    onArriving: ArrivalHandler,
    isMember: MemberCheck,
  ) => IRaftRPC;
  handler: TransportHandler;
  /** Takes incoming snapshots, of whom the check lets through. */
  createSink: (isSender: SenderCheck) => IChunkSink;
  clock: IClock;
  random: IRandom;
  logger: ILogger;
}

/**
 * Messages of all groups of a host, gathered into one batch per other host and engine cycle. Names of replicas become
 * addresses here, and nowhere else.
 */
export class Transport {
  readonly registry = new NodeRegistry((clusterID) => {
    for (const peer of this.#peers.values()) peer.forget(clusterID);
  });
  readonly #options: TransportOptions;
  readonly #deps: TransportDependencies;
  readonly #rpc: IRaftRPC;
  readonly #features = new PeerFeatures();
  /** Hosts that were heard, and are asked again what they know. */
  readonly #toAsk = new Set<NormalAddress>();
  /** For lines that senders of batches can cause. */
  readonly #inboundLog: ILogger;
  /** With mutual TLS. */
  readonly #guard: PeerGuard | undefined;
  /** Hosts are told apart by the normal form of their addresses: groups, and hosts themselves, may spell one differently. */
  readonly #peers = new Map<NormalAddress, Peer>();
  readonly #toFlush = new Set<Peer>();
  /** Hosts that connections were taken to reach one of Dragonboat at. */
  readonly #dragonboats = new Set<NormalAddress>();
  /** Peers that something was sent to since the last sweep. */
  readonly #used = new Set<Peer>();
  #dials = 0;
  #unlistedRefused = 0;
  #hasWarnedOfUnlisted = false;
  #sweeper: Timer | undefined;
  #stopped = false;

  constructor(options: TransportOptions, deps: TransportDependencies) {
    this.#options = options;
    this.#deps = deps;
    this.#inboundLog = new LimitedLogger(deps.logger, deps.clock);
    const { identities } = options;
    this.#guard =
      identities &&
      new PeerGuard({
        allowedPeers: identities.allowedPeers,
        registry: this.registry,
        addressInLog: (claim) => deps.handler.addressInLog?.(claim),
        logger: this.#inboundLog,
      });
    this.#rpc = deps.createRPC(
      (batch, peer) => this.#receive(batch, peer),
      (peer) => deps.createSink(this.#senderCheck(peer)),
      (messages, peer) => {
        for (const message of messages)
          if (this.#guard?.isSenderOfArriving(peer, message) !== false) deps.handler.onArriving(message);
      },
      (claim) => isHostOfMember(claim, this.registry, identities?.allowedPeers),
    );
  }

  get name(): string {
    return this.#rpc.name;
  }

  async start(): Promise<void> {
    await this.#rpc.start();
    if (this.#stopped) return;
    this.#sweeper = this.#deps.clock.setInterval(() => this.#releaseIdle(), IDLE_SWEEP_MS);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#sweeper?.cancel();
    for (const peer of this.#peers.values()) peer.stop();
    this.#peers.clear();
    this.#toFlush.clear();
    this.#used.clear();
    await this.#rpc.stop();
  }

  /** As `IRaftRPC.reload`; a transport without it looks at its files by itself. */
  async reload(): Promise<void> {
    await this.#rpc.reload?.();
  }

  /** Queues messages for the next `flush`. One whose target is unknown is dropped, as a network may. */
  send(messages: readonly Message[]): void {
    for (const message of messages) {
      if (message.type === MessageType.InstallSnapshot) {
        this.#deps.handler.onInstallSnapshot(message);
        continue;
      }
      const location = this.registry.locationOf(message.clusterID, message.to);
      const peer = location === undefined || this.#stopped ? undefined : this.#peerAt(location);
      if (peer === undefined) {
        this.#undelivered(message, NEVER_SENT);
        continue;
      }
      peer.push(message);
      this.#toFlush.add(peer);
      this.#used.add(peer);
    }
  }

  /**
   * What the host where a replica lives has announced since it was last connected to; 0: nothing, or not heard yet.
   */
  replicaFeatures(clusterID: number, nodeID: number): number {
    const location = this.registry.locationOf(clusterID, nodeID);
    return location === undefined ? 0 : this.#featuresOf(location.host);
  }

  #featuresOf(host: NormalAddress): number {
    return this.#features.of(host) ?? 0;
  }

  /**
   * The same of the host at an address, if a member of a group here lives there. Of others, and of one that was not
   * heard, it is `undefined`: anybody may have sent a batch in their name, and nothing comes from them to put it right.
   * Of one that is silent, since its groups sleep, nothing comes either: when it seems to know less than this host, it
   * is asked again.
   */
  hostFeatures(address: string): number | undefined {
    const location = locationAt(address);
    const { host } = location;
    if (!this.registry.isListed(host)) return undefined;
    const features = this.#features.of(host);
    if (features !== undefined && levelOf(features) < LATEST_LEVEL) this.#askAgain(location);
    return features;
  }

  /** With the next flush. */
  #askAgain(location: Location): void {
    const peer = this.#peerAt(location);
    if (peer === undefined) return;
    this.#toAsk.add(location.host);
    peer.greet();
    this.#toFlush.add(peer);
    this.#used.add(peer);
  }

  get counters(): TransportCounters {
    const counters: Partial<RaftRPCCounters> = this.#rpc.counters?.() ?? {};
    return {
      dials: this.#dials,
      unansweredMessages: this.#unlistedRefused,
      ...(this.#guard === undefined ? {} : { rejectedSenders: this.#guard.rejected }),
      ...counters,
    };
  }

  #senderCheck(peer: PeerIdentity | undefined): SenderCheck {
    const guard = this.#guard;
    return guard && ((claim) => guard.isSender(peer, undefined, claim));
  }

  /** A connection for one snapshot. */
  connectSnapshot(target: string, signal: AbortSignal): Promise<ISnapshotConnection> {
    this.#dials += 1;
    return this.#rpc.getSnapshotConnection(target, signal, target);
  }

  /** Called once at the end of an engine cycle. */
  flush(): void {
    if (this.#toFlush.size === 0) return;
    for (const peer of this.#toFlush) peer.flush();
    this.#toFlush.clear();
  }

  #releaseIdle(): void {
    for (const [host, peer] of this.#peers) {
      peer.releaseIdle();
      if (this.#used.has(peer) || !peer.isAtRest) continue;
      this.#peers.delete(host);
      this.#dragonboats.delete(host);
      this.#toAsk.delete(host);
      peer.stop();
    }
    this.#used.clear();
    this.#hasWarnedOfUnlisted = false;
  }

  /** Undefined: too many hosts are talked to already that are known from messages alone. */
  #peerAt({ address, host }: Location): Peer | undefined {
    const peer = this.#peers.get(host);
    if (peer !== undefined || this.registry.isListed(host)) return peer ?? this.#addPeer({ address, host });
    let unlisted = 0;
    for (const each of this.#peers.keys()) unlisted += this.registry.isListed(each) ? 0 : 1;
    if (unlisted < MAX_UNLISTED_PEERS) return this.#addPeer({ address, host });
    this.#unlistedRefused += 1;
    if (!this.#hasWarnedOfUnlisted) {
      this.#hasWarnedOfUnlisted = true;
      this.#deps.logger.warn(
        'messages are not answered: too many hosts that are members of no group sent some',
        {
          address,
          maxUnlistedPeers: MAX_UNLISTED_PEERS,
        },
      );
    }
    return undefined;
  }

  #addPeer({ address, host }: Location): Peer {
    const { handler } = this.#deps;
    let spelling = address;
    const peer = new Peer(address, this.#options, {
      connect: async (_target, signal) => {
        this.#dials += 1;
        try {
          const connection = await this.#rpc.getConnection(spelling, signal, spelling);
          void connection.peerKind?.then((kind) => this.#noteKind(host, kind));
          return connection;
        } catch (error) {
          spelling = this.#otherSpelling(host, spelling);
          throw error;
        }
      },
      // A host that announces features is of a release that serves any number of connections of one host.
      mayAddLane: () => this.#featuresOf(host) !== 0,
      makeBatch: (requests) => this.#makeBatch(host, requests),
      onUndelivered: (message, loss) => this.#undelivered(message, loss),
      onConnected: (target) => {
        // One that is asked may be of a release that does not answer: what is known then goes on counting.
        if (!this.#toAsk.has(host)) this.#features.forget(host);
        handler.onConnectionChanged(target, true, undefined);
      },
      onDisconnected: (target, reason) => {
        this.#features.forget(host);
        this.#toAsk.delete(host);
        handler.onConnectionChanged(target, false, reason);
      },
      clock: this.#deps.clock,
      random: this.#deps.random,
      logger: this.#deps.logger,
    });
    this.#peers.set(host, peer);
    return peer;
  }

  #noteKind(host: NormalAddress, kind: PeerKind): void {
    if (kind === 'dragonboat' && !this.#stopped) this.#dragonboats.add(host);
    else this.#dragonboats.delete(host);
  }

  /** A host of ours that was slow to say so has announced features since, or does so here. */
  #isDragonboat(batch: MessageBatch, host: NormalAddress): boolean {
    if (batch.isDragonboat === true) return true;
    if (this.#dragonboats.size === 0 || !this.#dragonboats.has(host)) return false;
    return (batch.features ?? 0) === 0;
  }

  /** The next one of those in memberships: not every one need lead there, for a name with a final dot is a full one. */
  #otherSpelling(host: NormalAddress, spelling: string): string {
    const all = this.registry.spellingsOf(host);
    return all[(all.indexOf(spelling) + 1) % all.length] ?? spelling;
  }

  /** While the other host has not been heard it gets nothing that it may not know, and is asked to say what it knows. */
  #makeBatch(host: NormalAddress, requests: Message[]): MessageBatch {
    const features = this.#features.of(host);
    const asks = this.#toAsk.delete(host) || features === undefined;
    const isKnown = ({ type }: Message): boolean => knowsMessage(features ?? 0, type);
    if (features !== undefined && !hasFeature(features, Feature.ComparesGroups)) withoutIdentity(requests);
    return {
      requests: requests.every(isKnown) ? requests : requests.filter(isKnown),
      deploymentID: this.#options.deploymentID,
      sourceAddress: this.#options.raftAddress,
      binVer: BIN_VER,
      features: asks ? OWN_FEATURES | Feature.Asks : OWN_FEATURES,
    };
  }

  #undelivered(message: Message, { isCertain, isOfFormerConnection }: Loss): void {
    const { handler } = this.#deps;
    if (message.type === MessageType.Replicate || message.type === MessageType.Heartbeat) {
      if (!isOfFormerConnection) handler.onUnreachable(message);
    } else if (message.type === MessageType.Propose && isCertain) {
      handler.onProposalUndelivered(message);
    }
  }

  /** What a host that we talk to says of itself counts before its messages do. Whether it is one. */
  #hear(batch: MessageBatch, source: Location): boolean {
    const peer = this.#peers.get(source.host);
    if (peer === undefined) return false;
    if (peer.heardFrom()) this.#deps.handler.onHeardAgain(peer.target);
    this.#learnFeatures(batch, source);
    return true;
  }

  #learnFeatures({ features = 0 }: MessageBatch, source: Location): void {
    this.#features.heard(source.host, features & ~Feature.Asks);
    if (!hasFeature(features, Feature.Asks)) return;
    const peer = this.#peerAt(source);
    peer?.greet();
    peer?.flush();
  }

  #receive(batch: MessageBatch, identity: PeerIdentity | undefined): void {
    if (this.#stopped) return;
    if (batch.deploymentID !== this.#options.deploymentID || batch.binVer !== BIN_VER) {
      this.#inboundLog.warn('dropped a batch of another deployment or version', {
        source: batch.sourceAddress,
        deploymentID: batch.deploymentID,
        ownDeploymentID: this.#options.deploymentID,
        binVer: batch.binVer,
      });
      return;
    }
    if (batch.sourceAddress.length > MAX_ADDRESS_LENGTH) {
      this.#inboundLog.warn('dropped a batch whose source address is longer than any address', {
        source: batch.sourceAddress,
        maxLength: MAX_ADDRESS_LENGTH,
      });
      return;
    }
    const source = locationAt(batch.sourceAddress);
    const guard = this.#guard;
    if (guard !== undefined && !guard.isSource(identity, source)) return;
    const isExpected = this.#hear(batch, source);
    // A host of a member may ask what this one knows, before it sends anything that this one might not know.
    let isWanted = batch.requests.length === 0 && this.registry.isListed(source.host);
    const isDragonboat = this.#isDragonboat(batch, source.host);
    let dropped = 0;
    for (const message of batch.requests) {
      if (message.type === MessageType.InstallSnapshot) {
        // It is made here, when the stream with its data is whole: recorded without, it would be the end of a replica.
        dropped += 1;
        continue;
      }
      if (guard !== undefined && !guard.isSender(identity, source, message)) continue;
      // Nothing is learnt from messages for groups that do not run here: they could name any number of them.
      if (
        this.#deps.handler.onMessage(message, source.address, isDragonboat) &&
        message.from !== 0 &&
        source.address !== ''
      ) {
        this.registry.learn(message.clusterID, message.from, source.address);
        isWanted = true;
      }
    }
    if (isWanted && !isExpected) this.#learnFeatures(batch, source);
    if (dropped > 0) {
      this.#inboundLog.warn('dropped messages of snapshots that came without their data', {
        source: source.address,
        dropped,
      });
    }
  }
}

/**
 * A host that was heard and does not know these fields does not get them. One that was not heard yet does: a host that does
 * not know them skips them, and without them a replica that differs could have its vote in the first moment.
 */
function withoutIdentity(requests: readonly Message[]): void {
  for (const message of requests) {
    message.groupID = 0;
    message.settings = 0;
  }
}
