import type { IChunkSink, SnapshotChunk } from '@drakkar/raftio';
import type { DiskReserve } from '../../fs/disk-reserve.js';
import type { IFileSystem } from '../../fs/file-system.js';
import type { ILogger } from '../../logging/logger.js';
import type { IClock } from '../../runtime/clock.js';
import type { SenderCheck } from './sender-check.js';
import { DragonboatIntake } from './dragonboat-intake.js';
import { IncomingCall } from './incoming-call.js';
import type { Intake } from './intake.js';
import { OwnIntake } from './own-intake.js';
import {
  type ReceivedSnapshot,
  Reception,
  type ReceptionHost,
  type SnapshotOffer,
  type SnapshotTarget,
  isOfDragonboat,
} from './reception.js';

export interface SnapshotReceiverOptions {
  deploymentID: number;
  /** Streams at the same time; further ones are refused, and their senders try again later. */
  maxStreams: number;
  /** A stream in which no chunk came for that long is dropped. */
  idleTimeoutMs: number;
}

export interface SnapshotReceiverDependencies {
  /** The replica that the snapshot is for, if it runs here and wants it. Must not throw. */
  lookup: (offer: SnapshotOffer) => SnapshotTarget | undefined;
  /**
   * A snapshot has arrived: whole, checked, durable, but not recorded yet. The sender hears of its success when this
   * has returned, and of a failure when it throws. A receiver without use for the snapshot gives it up to its store;
   * else it stays until the next start.
   */
  onReceived: (received: ReceivedSnapshot) => void | Promise<void>;
  fileSystem: IFileSystem;
  reserve: DiskReserve;
  /** A snapshot that was offered, and would have been taken, has no room here, or the disk fails. */
  onDiskFailed: (offer: SnapshotOffer, error: unknown) => void;
  clock: IClock;
  logger: ILogger;
}

/** A stream in which no chunk came for so long, or for half the time after which it is dropped, holds up no other. */
const MAX_PATIENCE_MS = 5_000;
const FOREIGN_FORMAT =
  "it is a snapshot of Dragonboat v2.1.7, and the group is not configured to have such members: set compatibility: 'dragonboat-2.1' on every member";
/** Streams in all, counting those in which nothing moves, for each place. */
const MAX_STREAMS_PER_PLACE = 4;

/**
 * Takes the snapshots that other hosts send. A stream is checked chunk by chunk and block by block, and written to a
 * temporary folder of its replica; one that is torn, foreign, replayed, out of order or damaged is dropped without a
 * trace. One stream for each replica: a newer one supersedes it.
 */
export class SnapshotReceiver {
  readonly #options: SnapshotReceiverOptions;
  readonly #deps: SnapshotReceiverDependencies;
  readonly #host: ReceptionHost;
  /** By group and node, the stream that was admitted last. */
  readonly #admitted = new Map<string, Reception>();
  readonly #all = new Set<Reception>();
  #stopped = false;

  constructor(options: SnapshotReceiverOptions, deps: SnapshotReceiverDependencies) {
    this.#options = options;
    this.#deps = deps;
    this.#host = {
      idleTimeoutMs: options.idleTimeoutMs,
      fileSystem: deps.fileSystem,
      clock: deps.clock,
      logger: deps.logger,
      intakeOf: (first) => this.#intakeOf(first),
      admit: (reception, offer) => this.#admit(reception, offer),
      claim: (sizeBytes, what) => deps.reserve.claim(sizeBytes, what),
      diskFailed: (offer, error) => deps.onDiskFailed(offer, error),
      received: (snapshot) => deps.onReceived(snapshot),
      ended: (reception) => this.#ended(reception),
    };
  }

  /** For the transport: takes what comes over one call, from any sender. */
  readonly createSink = (): IChunkSink => this.createCheckedSink(undefined);

  /** The same, if the check finds its sender to be who it says. */
  createCheckedSink(isSender: SenderCheck): IChunkSink {
    return new IncomingCall(
      (isQuiet) => this.#open(isSender, isQuiet),
      () => this.#deps.clock.nowMs(),
    );
  }

  /** Snapshots that are being received. */
  get streamCount(): number {
    return this.#admitted.size;
  }

  /** Drops what is being received for a replica, and waits until nothing is left of it. For one that stops. */
  async cancel(clusterID: number, nodeID: number): Promise<void> {
    const reception = this.#admitted.get(keyOf(clusterID, nodeID));
    reception?.cancel('the replica is being stopped');
    await reception?.ended;
  }

  /** Drops everything that is being received, and waits for it. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    const receptions = [...this.#all];
    for (const reception of receptions) reception.cancel('the host is being stopped');
    await Promise.all(receptions.map((reception) => reception.ended));
  }

  #open(isSender: SenderCheck, isQuiet: boolean): Reception {
    const reception = new Reception(this.#host, isSender, isQuiet);
    this.#all.add(reception);
    if (this.#stopped) reception.cancel('the host is being stopped');
    return reception;
  }

  #intakeOf(first: SnapshotChunk): Intake | string {
    const { deploymentID } = this.#options;
    return isOfDragonboat(first)
      ? DragonboatIntake.start(first, deploymentID)
      : OwnIntake.start(first, deploymentID);
  }

  #admit(reception: Reception, offer: SnapshotOffer): SnapshotTarget | string {
    if (reception.isSender?.(offer) === false) return 'its sender is not who it says';
    const target = this.#deps.lookup(offer);
    if (target === undefined) return 'no replica here wants it';
    if (offer.isFromDragonboat && target.dragonboat === undefined) return FOREIGN_FORMAT;
    const key = keyOf(offer.clusterID, offer.to);
    const before = this.#admitted.get(key);
    if (before === undefined && !this.#hasRoom()) {
      return `${this.#options.maxStreams} snapshots are being received already`;
    }
    if (before?.isCompleting === true) return 'the one before is being completed';
    if ((before?.offer?.index ?? 0) > offer.index) return 'a newer one is being received';
    before?.cancel('another one has begun');
    this.#admitted.set(key, reception);
    return target;
  }

  /** Streams in which nothing moves do not count, up to a bound. */
  #hasRoom(): boolean {
    const { maxStreams, idleTimeoutMs } = this.#options;
    if (this.#admitted.size >= maxStreams * MAX_STREAMS_PER_PLACE) return false;
    const patienceMs = Math.min(MAX_PATIENCE_MS, idleTimeoutMs / 2);
    return [...this.#admitted.values()].filter(({ stalledMs }) => stalledMs < patienceMs).length < maxStreams;
  }

  #ended(reception: Reception): void {
    this.#all.delete(reception);
    const { offer } = reception;
    if (offer === undefined) return;
    const key = keyOf(offer.clusterID, offer.to);
    if (this.#admitted.get(key) === reception) this.#admitted.delete(key);
  }
}

function keyOf(clusterID: number, nodeID: number): string {
  return `${clusterID}-${nodeID}`;
}
