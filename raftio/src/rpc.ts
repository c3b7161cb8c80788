import type { AllowedPeer, PeerIdentity } from './peer-identity.js';
import type { DamagedPart } from './raftpb/checksum.js';
import type { Message, MessageBatch, SnapshotChunk } from './raftpb/types.js';

/**
 * Called by the transport for each batch received, in the order of its connection. Must not throw or block.
 *
 * @param peer with mutual TLS, who the sender has proven to be: the same object for all batches of a connection. A host
 *   with mutual TLS drops what comes without.
 */
export type RequestHandler = (batch: MessageBatch, peer?: PeerIdentity) => void;

/** What the first bytes of a leader's message say: Replicate, Heartbeat or InstallSnapshot. */
export type ArrivingMessage = Pick<Message, 'type' | 'to' | 'from' | 'clusterID' | 'term'>;

/**
 * Called again and again while a large batch arrives of which not all is there, with the leaders' messages whose
 * beginning is. Nothing of it was checked, and the rest may never come.
 */
export type ArrivalHandler = (messages: readonly ArrivingMessage[], peer?: PeerIdentity) => void;

/** Takes the chunks of one incoming snapshot stream. */
export interface IChunkSink {
  /**
   * Resolves once the chunk is taken; the transport reads no further chunk of the stream before that, which is the
   * back-pressure. `false`: the chunk was refused and the transport must end the stream.
   */
  addChunk(chunk: SnapshotChunk): Promise<boolean>;
  /** Called exactly once, when the stream has ended for whatever reason. */
  close(): void;
}

/** Makes the sink for one incoming snapshot stream; `peer` as for `RequestHandler`. */
export type ChunkSinkFactory = (peer?: PeerIdentity) => IChunkSink;

/** What kind of host a peer is: one of Drakkar, of whatever release, or one of Dragonboat v2.1.7. */
export type PeerKind = 'drakkar' | 'dragonboat';

/** A one-way channel for message batches to one host. */
export interface IConnection {
  /** Resolves, and never rejects, once it is known. Absent where all peers are hosts of Drakkar. */
  readonly peerKind?: Promise<PeerKind>;
  /**
   * Takes a batch for sending. Resolves when the transport has room for another: it need not have been received.
   * Rejects with `ErrConnectionClosed` when the connection is broken, and with `ErrMessageTooLarge` when the encoded
   * batch exceeds MAX_MESSAGE_BYTES (the connection stays usable). The batch must not be modified until it settles.
   */
  sendMessageBatch(batch: MessageBatch): Promise<void>;
  /** Idempotent. A batch on its way may be lost. */
  close(): void;
  /** Settles, never rejects, when the connection is gone, by whichever side; the reason is an error or undefined. */
  readonly closed: Promise<Error | undefined>;
}

/** A one-way channel for the chunks of one snapshot to one host. */
export interface ISnapshotConnection {
  /** As that of a connection. What is sent before it is known waits; it decides which chunks are to be sent. */
  readonly peerKind?: Promise<PeerKind>;
  /** As `sendMessageBatch`; rejects as soon as the peer has refused the stream. */
  sendSnapshotChunk(chunk: SnapshotChunk): Promise<void>;
  /** Resolves when the peer has taken everything sent and ended the stream in order; rejects otherwise. */
  finish(): Promise<void>;
  /** Cuts the stream; idempotent. */
  close(): void;
}

/**
 * Carries message batches and snapshot chunks between hosts. Contract: docs/rpc-contract.md; in short:
 *
 * - delivery is at most once: a batch may be lost, never duplicated, never altered, never cut;
 * - order within a connection is kept;
 * - the memory held for a slow peer is bounded, and the sender learns of it (its promise stays pending);
 * - what arrives is bounded and checked before it is trusted; a hostile message ends its connection, never the
 *   process;
 * - `stop` closes every handle.
 */
export interface IRaftRPC {
  /** Name of the adapter, for logs and metrics, e.g. `ws`. */
  readonly name: string;
  /** Listens. Rejects with `ErrAddressInUse` when the port is taken, `ErrInvalidAddress` when it can't be bound. */
  start(): Promise<void>;
  /** Closes every connection and handle, waits for it, and returns. Idempotent, also before `start`. */
  stop(): Promise<void>;
  /**
   * Connects to the host at raft address `target` (`host:port`). Rejects when it can't, and with `ErrConnectFailed` when
   * `signal` aborts.
   *
   * @param expected raft address of the host that must be there: when another answers, the call rejects with
   *   `ErrConnectFailed`, or the connection ends before anything is delivered, and the other host warns. Unless told,
   *   any host there will do.
   */
  getConnection(target: string, signal: AbortSignal, expected?: string): Promise<IConnection>;
  getSnapshotConnection(target: string, signal: AbortSignal, expected?: string): Promise<ISnapshotConnection>;
  /**
   * Reads the files of `mutualTLS` again at once, and ends connections of certificates that were revoked. Rejects with
   * `ErrTLS` when they can't be used: those before stay in use. Without it, files that are replaced are taken when the
   * transport looks at them the next time.
   */
  reload?(): Promise<void>;
  /** What has happened since the start, for metrics. */
  counters?(): RaftRPCCounters;
}

/**
 * Connections whose two ends were compared with whom each expected, see `Introductions` in `transport`; and damage on
 * the way, see `Arrivals`.
 */
export interface RaftRPCCounters {
  /** Clients that did not say whom they mean to reach: of 0.1, or of Dragonboat. They were let in. */
  clientsWithoutHello: number;
  /** Clients that meant another host, and were refused. */
  misdirectedClients: number;
  /** Hosts that were dialled and did not say who they are. They were taken for who was meant. */
  hostsWithoutHello: number;
  /** Attempts that reached another host than was meant, and were given up. */
  misdirectedDials: number;
  /** Clients whose certificate was not for the host that they said they are, and that were refused. */
  misidentifiedClients: number;
  /**
   * Batches and chunks whose checksum did not match, or that came without one from a peer that gives each one: nothing
   * was taken from them, and their connection ended.
   */
  damagedBatches: number;
  damagedChunks: number;
  /** Entries whose checksum did not match, in batches that came as they were sent: their sender has them damaged. */
  damagedEntries: number;
  /** Messages that were not sent to hosts of Dragonboat, since their processes could end at them. */
  withheldMessages?: number;
}

/** Something that came in was not what its maker had made. */
export interface Damage {
  /** `entry`: its batch came as it was sent, so it was damaged before. */
  part: DamagedPart;
  /** Network address of the connection that brought it, which ends. */
  peer: string;
  /** Raft address that the peer gave in its hello. */
  from: string | undefined;
  reason: string;
}

export interface MutualTLSConfig {
  caFile: string;
  certFile: string;
  keyFile: string;
  /** Certificates that their CA has revoked: PEM, or one list in DER. Read again when it has changed. */
  crlFile?: string | undefined;
  /** When present, only certificates that match one of these are accepted, of whichever side. */
  allowedPeers?: readonly AllowedPeer[] | undefined;
}

/** What is known of the other end of an incoming connection when its handshake is over. */
export interface PeerClaim {
  /** Raft address that it says is its own, which its certificate speaks for if it has shown one. */
  from: string | undefined;
  identity: PeerIdentity | undefined;
  /** Network address, with the port. */
  peer: string;
}

/** Whether a membership of this host names a host that the other end is. */
export type MemberCheck = (claim: PeerClaim) => boolean;

export interface RaftRPCConfig {
  /** `host:port` that other hosts reach this one by. */
  raftAddress: string;
  /** `host:port` to bind; `raftAddress` unless the host is behind address translation. */
  listenAddress: string;
  /** Present when mutual TLS is on: both sides authenticate against the deployment's CA. */
  mutualTLS: MutualTLSConfig | undefined;
  /** Bounds the bytes held for one slow connection before `sendMessageBatch` stops resolving. */
  sendBufferBytes: number;
  /** Tells of things worth knowing that concern no call, e.g. a hostile client. */
  onWarning: (message: string, details: Record<string, unknown>) => void;
  /** Tells of a choice that the transport has made itself; once, not for each connection. */
  onInfo?: (message: string, details: Record<string, unknown>) => void;
  /** Tells of each damaged batch, chunk and entry that came in. */
  onDamage?: (damage: Damage) => void;
  /** For transports that check it before anything else; UNMANAGED_DEPLOYMENT_ID unless told. */
  deploymentID?: number;
  /** For transports that keep places for members when others hold many connections; see `Guests` in `transport`. */
  isMember?: MemberCheck;
  /** For transports that see batches while they arrive; see `BatchWatch` in `transport`. Others never call it. */
  onArriving?: ArrivalHandler;
}

export type RaftRPCFactory = (
  config: RaftRPCConfig,
  requestHandler: RequestHandler,
  chunkSinkFactory: ChunkSinkFactory,
) => IRaftRPC;

/** What a transport may lack. Every key is stated; what is not declared must be refused with ERR_UNSUPPORTED. */
export interface RaftRPCCapabilities {
  mutualTLS: boolean;
  /** Carries snapshot chunks. */
  snapshots: boolean;
  /** Peers are in other processes or on other machines. False only for in-memory adapters. */
  network: boolean;
}
