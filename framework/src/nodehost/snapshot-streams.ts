import {
  type IChunkSink,
  type ISnapshotConnection,
  type Message,
  MessageType,
  type Snapshot,
  hasErrorCode,
  makeMessage,
} from '@drakkar/raftio';
import type { Replica } from '../engine/replica.js';
import type { IEventSink } from '../runtime/event-sink.js';
import type { HostEvents } from '../events/host-listener.js';
import { emitStorageProblem } from '../engine/storage-events.js';
import type { DiskReserve } from '../fs/disk-reserve.js';
import type { IFileSystem } from '../fs/file-system.js';
import { storageProblemOf } from '../fs/storage-problem.js';
import { LimitedLogger } from '../logging/limited-logger.js';
import type { ILogger } from '../logging/logger.js';
import { dragonboatSessionFormat } from '../rsm/index.js';
import type { IClock } from '../runtime/clock.js';
import type { SoftSettings } from '../config/soft.js';
import {
  type ReceivedSnapshot,
  type SenderCheck,
  type SnapshotOffer,
  type SessionFormat,
  SnapshotReceiver,
  SnapshotSender,
  type SnapshotTarget,
} from '../snapshot/index.js';

export interface SnapshotStreamsDependencies {
  deploymentID: number;
  settings: SoftSettings;
  connect: (target: string, signal: AbortSignal) => Promise<ISnapshotConnection>;
  /** Raft address of a node's host. */
  resolve: (clusterID: number, nodeID: number) => string | undefined;
  /** The replica of this host that a message or a snapshot concerns. */
  findReplica: (clusterID: number, nodeID: number) => Replica | undefined;
  /** Whether members of the replica's group may be hosts of Dragonboat v2.1.7. */
  mayHaveDragonboat: (replica: Replica) => boolean;
  /** What the host of a node has announced; 0: nothing, as Dragonboat, or it was not heard yet. */
  featuresOf: (clusterID: number, nodeID: number) => number;
  fileSystem: IFileSystem;
  reserve: DiskReserve;
  events: IEventSink<HostEvents>;
  clock: IClock;
  logger: ILogger;
}

/** Snapshots on their way between this host and others, for all replicas. */
export class SnapshotStreams {
  readonly #deps: SnapshotStreamsDependencies;
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;

  constructor(deps: SnapshotStreamsDependencies) {
    const { deploymentID, settings, connect, fileSystem, clock, logger } = deps;
    this.#deps = deps;
    this.#sender = new SnapshotSender(
      {
        deploymentID,
        maxStreams: settings.maxSnapshotSendCount,
        bytesPerSecond: settings.maxSnapshotBytesPerSecond,
        connectTimeoutMs: settings.connectTimeoutMs,
        stallTimeoutMs: settings.snapshotStallTimeoutMs,
      },
      { connect, fileSystem, clock, logger },
    );
    this.#receiver = new SnapshotReceiver(
      {
        deploymentID,
        maxStreams: settings.maxSnapshotReceiveCount,
        idleTimeoutMs: settings.snapshotStallTimeoutMs,
      },
      {
        lookup: (offer) => this.#targetFor(offer),
        onReceived: (received) => this.#received(received),
        onDiskFailed: (offer, error) => this.#diskFailed(offer, error),
        fileSystem,
        reserve: deps.reserve,
        clock,
        logger: new LimitedLogger(logger, clock),
      },
    );
  }

  /** For the transport. */
  createSink(isSender?: SenderCheck): IChunkSink {
    return this.#receiver.createCheckedSink(isSender);
  }

  /** Streams the snapshot that an InstallSnapshot message describes, and reports the end of that stream to the core. */
  send(message: Message): void {
    const { clusterID, from, to, snapshot } = message;
    const replica = this.#deps.findReplica(clusterID, from);
    const target = this.#deps.resolve(clusterID, to);
    if (replica === undefined || snapshot === undefined) return;
    const { snapshotter } = replica;
    const { index } = snapshot;
    const streamID = Number(message.hint);
    // A state that is known to be wrong goes to nobody.
    if (target === undefined || snapshotter.isDamaged(index) || replica.checks?.states.isWrong === true) {
      // The core asks again with the next heartbeat; by then there may be another snapshot.
      if (snapshotter.isDamaged(index)) snapshotter.replaceDamaged();
      replica.streamEnded({ nodeID: to, streamID, index, failed: true });
      return;
    }
    const { store, signal } = snapshotter;
    const { events } = this.#deps;
    const event = { clusterID, nodeID: from, to, index };
    events.emit('sendSnapshotStarted', event);
    const { groupID, settings } = message;
    // Every host of this release takes that format in such a group, so it does no harm where it was not heard yet.
    const dragonboat = this.#deps.featuresOf(clusterID, to) === 0 ? this.#sessionFormat(replica) : undefined;
    void this.#sender
      .send({ store, snapshot, from, to, target, signal, groupID, settings, dragonboat })
      .then((outcome) => {
        const { sent, sizeBytes } = outcome;
        this.#deps.logger.info('a snapshot stream has ended', { clusterID, to, index, sent, sizeBytes });
        if (outcome.sent) events.emit('sendSnapshotCompleted', event);
        else events.emit('sendSnapshotAborted', { ...event, error: outcome.error });
        if (!outcome.sent && hasErrorCode(outcome.error, 'ERR_SNAPSHOT_CORRUPT')) {
          snapshotter.damaged(snapshot, outcome.error);
        }
        replica.streamEnded({ nodeID: to, streamID, index, failed: !sent });
      });
  }

  /** Of those nodes none gets a snapshot any more: the group has removed them. */
  callOff(clusterID: number, removed: Iterable<number>): void {
    for (const nodeID of removed) this.#sender.callOff(clusterID, nodeID);
  }

  /** A member has sent the message by which hosts of Dragonboat say that a snapshot has arrived whole. */
  confirmed({ clusterID, from }: Message): void {
    this.#sender.confirm(clusterID, from);
  }

  #diskFailed({ clusterID, from, to, index }: SnapshotOffer, error: unknown): void {
    const { events } = this.#deps;
    const replica = { clusterID, nodeID: to };
    if (storageProblemOf(error) === 'noSpace')
      events.emit('snapshotNoSpace', { ...replica, from, index, error });
    else emitStorageProblem(events, 'snapshot from another host', error, replica);
  }

  #sessionFormat(replica: Replica): SessionFormat | undefined {
    if (!this.#deps.mayHaveDragonboat(replica)) return undefined;
    return dragonboatSessionFormat(replica.rsm.settings.lruMaxSessionCount);
  }

  /** Where a snapshot that is offered goes; `undefined`: nobody here has a use for it. */
  #targetFor(offer: SnapshotOffer): SnapshotTarget | undefined {
    const { clusterID, from, to, index, term, membership, groupID, settings } = offer;
    const replica = this.#deps.findReplica(clusterID, to);
    if (replica === undefined || replica.stopped) return undefined;
    if (replica.checks?.guard.admitsSnapshot(from, groupID, settings) === false) return undefined;
    if (index > replica.rsm.lastApplied) {
      return { store: replica.snapshotter.store, dragonboat: this.#sessionFormat(replica) };
    }
    // The leader does not know how far this replica is, and would offer it indefinitely: the core answers that.
    if (term <= replica.raft.term) {
      const snapshot: Snapshot = { filepath: '', fileSize: 0, index, term, membership, files: [] };
      const message = makeMessage({ type: MessageType.InstallSnapshot, clusterID, from, to, snapshot });
      replica.receiveSnapshot(message, undefined);
    }
    return undefined;
  }

  /** A stream carries no term, so the message has none: see the core's handling of received snapshots. */
  async #received({ clusterID, from, to, snapshot, isFromDragonboat }: ReceivedSnapshot): Promise<void> {
    const replica = this.#deps.findReplica(clusterID, to);
    await replica?.checks?.guard.recorded();
    if (replica === undefined || replica.stopped) throw new Error('the replica was stopped');
    const event = { clusterID, nodeID: to, from, index: snapshot.index };
    this.#deps.logger.info('a snapshot was received', event);
    this.#deps.events.emit('snapshotReceived', event);
    const message = makeMessage({ type: MessageType.InstallSnapshot, clusterID, from, to, snapshot });
    replica.receiveSnapshot(message, snapshot.index);
    if (!isFromDragonboat) return;
    const type = MessageType.SnapshotReceived;
    replica.sendOwn(makeMessage({ type, clusterID, from: to, to: from }));
  }

  /** Calls off every stream and waits for what is left of them. Idempotent. */
  async stop(): Promise<void> {
    await Promise.all([this.#sender.stop(), this.#receiver.stop()]);
  }
}
