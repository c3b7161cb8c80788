import { type ILogDB, type Snapshot, hasErrorCode } from '@drakkar/raftio';
import { ErrClusterClosed, ErrRejected } from '../errors/index.js';
import type { IEventSink } from '../runtime/event-sink.js';
import type { ReplicaEvents } from './replica-events.js';
import { emitStorageProblem } from './storage-events.js';
import type { DiskReserve } from '../fs/disk-reserve.js';
import type { DiskLevel } from '../fs/log-disk.js';
import type { ILogger } from '../logging/logger.js';
import type { CompressionType } from '../compression/snappy.js';
import type { Operations } from '../runtime/operations.js';
import type { Places } from '../runtime/places.js';
import { type SnapshotStore, snapshotFailure } from '../snapshot/index.js';
import { LogGrowth } from './log-growth.js';
import { LogSizes } from './log-sizes.js';
import { recoverFrom } from './recovery.js';
import type { Replica } from './replica.js';
import { SnapshotSchedule, spreadOf } from './snapshot-schedule.js';
import type { ISnapshotter } from './snapshotter-contract.js';

/** When snapshots are taken, and what is kept. */
export interface SnapshotPolicy {
  /** Applied entries between automatic snapshots; 0 = none. */
  snapshotEntries: number;
  /** Entries kept in the log behind the newest snapshot. */
  compactionOverhead: number;
  compression: CompressionType;
  /** Bytes of log that are kept for replicas to which a snapshot is on its way, or which catch up after one. */
  maxHeldLogBytes: number;
  /** Whether the space of removed entries is given back after each snapshot, and not on request alone. */
  autoCompacts: boolean;
}

export interface SnapshotterDependencies {
  store: SnapshotStore;
  logDB: ILogDB;
  /** How many snapshots this host writes at a time. */
  slots: Places;
  operations: Operations;
  reserve: DiskReserve;
  events: IEventSink<ReplicaEvents>;
  log: ILogger;
  /** Told once of each snapshot that proves damaged. */
  onDamaged: (snapshot: Snapshot, error: unknown) => void;
}

type SnapshotterEvent =
  'snapshotCreated' | 'snapshotRecovered' | 'snapshotCompacted' | 'logCompacted' | 'logDBCompacted';

/** Newest snapshots that are kept: one to go back to, should the newest prove damaged. */
const KEEP_COUNT = 2;
const NOTHING = { effect: 'none' } as const;
/**
 * Ticks until another attempt to replace a damaged snapshot, doubled each time: every heartbeat of a follower that waits
 * asks for it.
 */
const REPLACE_RETRY_TICKS = 300;
const MAX_REPLACE_DOUBLINGS = 5;

/**
 * Takes the snapshots of one replica and cuts its log behind them. The order of a snapshot's life: written and synced
 * by the store, recorded in the LogDB, told to the core, and only then the entries before it go.
 */
export class Snapshotter implements ISnapshotter {
  readonly #replica: Replica;
  readonly #policy: SnapshotPolicy;
  readonly #deps: SnapshotterDependencies;
  readonly #stop = new AbortController();
  /** Index of the newest snapshot. */
  #newestIndex: number;
  readonly #schedule: SnapshotSchedule;
  readonly #growth: LogGrowth;
  #running: Promise<number> | undefined;
  /** Entries up to these were removed since the start, and their space given back. */
  #removedTo = 0;
  #givenBackTo = 0;
  /** How far a compaction would have gone that was held up. */
  #heldUpTo = 0;
  readonly #sizes = new LogSizes();
  /** The last compaction that was begun; never rejects. */
  #compacting: Promise<void> = Promise.resolve();
  /** Recorded snapshots that proved damaged, until there is a good one as new as they are. */
  readonly #damaged = new Set<number>();
  #replaceAgainTick = 0;
  #replaceAttempts = 0;
  readonly #held = new Set<Promise<unknown>>();

  constructor(replica: Replica, policy: SnapshotPolicy, newestIndex: number, deps: SnapshotterDependencies) {
    this.#replica = replica;
    this.#policy = policy;
    this.#schedule = new SnapshotSchedule(policy.snapshotEntries, replica.nodeID);
    this.#growth = new LogGrowth(policy.snapshotEntries, spreadOf(replica.nodeID));
    this.#newestIndex = newestIndex;
    this.#deps = deps;
  }

  handedOut(lastIndex: number, sizeBytes: number): void {
    this.#sizes.add(lastIndex, sizeBytes);
  }

  resumeCompaction(): void {
    const index = this.#heldUpTo;
    if (index === 0 || this.#stop.signal.aborted || this.#compactable(index) < index) return;
    this.#heldUpTo = 0;
    this.#compactTo(index, this.#policy.autoCompacts).catch((err: unknown) => {
      const { clusterID, nodeID } = this.#replica;
      this.#deps.log.warn('the log could not be compacted', { clusterID, nodeID, index, err });
    });
  }

  /** Entries up to `index` are applied: takes a snapshot if one is due. */
  applied(index: number): void {
    if (this.#schedule.isDue(index, this.#newestIndex)) this.#startByItself(index);
  }

  /** Whether the log can't be compacted, and is to grow no further on a disk with so little room. */
  isLogStuck(level: DiskLevel): boolean {
    const { lastApplied } = this.#replica.rsm;
    const newest = this.#newestIndex;
    return this.#growth.isStuck(level, {
      entries: lastApplied - newest,
      sizeBytes: this.#sizes.between(newest, lastApplied),
    });
  }

  tick(): void {
    const { nowMs, rsm } = this.#replica;
    if (this.#growth.isRetryDue(nowMs) && rsm.lastApplied > this.#newestIndex)
      this.#startByItself(rsm.lastApplied);
  }

  #startByItself(index: number): void {
    if (this.#running !== undefined || this.#stop.signal.aborted) return;
    this.#start().catch((error: unknown) => {
      if (this.#stop.signal.aborted) return;
      const { clusterID, nodeID } = this.#replica;
      this.#deps.log.error('a snapshot could not be taken', { clusterID, nodeID, err: error });
      this.#schedule.failed(index);
      this.#growth.paused(this.#replica.nowMs);
    });
  }

  /**
   * Takes a snapshot of what is applied now, after one that is under way. Resolves to its index when it is recorded
   * and the log is cut; requests that overlap share one.
   *
   * @throws ErrRejected when nothing was applied since the newest; ErrClusterClosed when the replica stops
   */
  async request(): Promise<number> {
    if (this.#running !== undefined) {
      await this.#running.catch(() => undefined); // told to who asked for it
      if (this.#replica.rsm.lastApplied <= this.#newestIndex) return this.#newestIndex;
    }
    return await this.#start();
  }

  /** The record of a snapshot of all that is applied when this is called; takes one unless there is one already. */
  async upToDate(): Promise<Snapshot> {
    const { rsm, clusterID, nodeID } = this.#replica;
    const wanted = rsm.lastApplied;
    if (wanted === 0) throw new ErrRejected(`group ${clusterID}: nothing was applied yet`, NOTHING);
    await this.#running?.catch(() => undefined);
    if (this.#newestIndex < wanted || this.#damaged.has(this.#newestIndex)) await this.#start();
    const recorded = await this.#deps.logDB.listSnapshots(clusterID, nodeID, Number.MAX_SAFE_INTEGER);
    const newest = recorded.findLast(({ index }) => !this.#damaged.has(index));
    if (newest === undefined) throw new Error('the snapshot that was taken is not on record');
    return newest;
  }

  async hold<T>(work: Promise<T>): Promise<T> {
    this.#held.add(work);
    try {
      return await work;
    } finally {
      this.#held.delete(work);
    }
  }

  isDamaged(index: number): boolean {
    return this.#damaged.has(index);
  }

  damaged(snapshot: Snapshot, error: unknown): void {
    if (this.#stop.signal.aborted) return;
    if (!this.#damaged.has(snapshot.index)) {
      this.#damaged.add(snapshot.index);
      this.#deps.onDamaged(snapshot, error);
    }
    this.replaceDamaged();
  }

  replaceDamaged(): void {
    const { nowTick, clusterID, nodeID } = this.#replica;
    if (!this.#damaged.has(this.#newestIndex)) return; // there is a newer one already
    if (nowTick < this.#replaceAgainTick || this.#stop.signal.aborted) return;
    this.#replaceAgainTick =
      nowTick + REPLACE_RETRY_TICKS * 2 ** Math.min(this.#replaceAttempts, MAX_REPLACE_DOUBLINGS);
    this.#replaceAttempts += 1;
    this.#start().catch((err: unknown) => {
      if (this.#stop.signal.aborted) return;
      this.#deps.log.error('a damaged snapshot could not be replaced', { clusterID, nodeID, err });
    });
  }

  /** A snapshot came from the leader: its state takes the place of the state machine's, and older ones can go. */
  async recover(snapshot: Snapshot): Promise<void> {
    await recoverFrom(this.#deps.store, this.#replica.rsm, snapshot, this.#stop.signal);
    this.#newestIndex = Math.max(this.#newestIndex, snapshot.index);
    this.#growth.succeeded();
    this.#tell('snapshotRecovered', snapshot.index);
    // Recorded, unless a later one overtook it on its way to the disk.
    await this.#deps.store.giveUp(snapshot.index, () => this.#isRecorded(snapshot.index));
    await this.#removeOld();
  }

  /**
   * Removes the entries that the newest snapshot makes superfluous, as far as that has not been done, and has the
   * LogDB give back the space of all that were.
   *
   * @throws ErrRejected when nothing was removed since that was last done
   */
  compact(): Promise<void> {
    const index = this.#newestIndex - this.#policy.compactionOverhead;
    const { clusterID } = this.#replica;
    if (index < 1 || index <= this.#givenBackTo) {
      throw new ErrRejected(`group ${clusterID}: there is no space to be given back`, NOTHING);
    }
    if (this.#compactable(index) <= this.#givenBackTo) {
      throw new ErrRejected(
        `group ${clusterID}: the log is kept for a member that a snapshot is on its way to; try again when it has ` +
          'caught up, or lower maxHeldLogBytes',
        { effect: 'none', retry: 'here' },
      );
    }
    return this.#compactTo(index, true);
  }

  get store(): SnapshotStore {
    return this.#deps.store;
  }

  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  discard(index: number): void {
    const { store } = this.#deps;
    this.hold(store.giveUp(index, () => this.#isRecorded(index))).catch((error: unknown) => {
      const { clusterID, nodeID } = this.#replica;
      this.#deps.log.warn('a snapshot without use could not be removed', {
        clusterID,
        nodeID,
        index,
        err: error,
      });
    });
  }

  /** Has the one under way stopped, and waits for it, and for what reads the others. Idempotent. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running?.catch(() => undefined);
    await this.#compacting;
    await Promise.allSettled(this.#held);
  }

  #start(): Promise<number> {
    this.#running ??= this.#takeInTurn().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** One that only waits for its turn gives that up as soon as the replica stops. */
  async #takeInTurn(): Promise<number> {
    const slot = await this.#deps.slots.take(this.#stop.signal).catch((cause: unknown) => {
      const { clusterID } = this.#replica;
      throw new ErrClusterClosed(`group ${clusterID} was stopped on this host`, { cause });
    });
    const groups = (): number[] => [this.#replica.clusterID];
    try {
      return await this.#deps.operations.watch('snapshot', groups, () => this.#take());
    } catch (error) {
      if (hasErrorCode(error, 'ERR_SNAPSHOT_NO_SPACE')) {
        const { clusterID, nodeID, rsm } = this.#replica;
        const event = { clusterID, nodeID, from: 0, index: rsm.lastApplied, error };
        this.#deps.events.emit('snapshotNoSpace', event);
      } else if (!this.#stop.signal.aborted) {
        emitStorageProblem(this.#deps.events, 'snapshot', error, this.#replica);
      }
      throw error;
    } finally {
      slot.giveBack();
    }
  }

  async #take(): Promise<number> {
    const { rsm, clusterID, nodeID } = this.#replica;
    const { store, logDB } = this.#deps;
    const { signal } = this.#stop;
    if (signal.aborted) throw new ErrClusterClosed(`group ${clusterID} was stopped on this host`);
    if (rsm.lastApplied <= this.#newestIndex && !this.#damaged.has(this.#newestIndex)) {
      throw new ErrRejected(
        `group ${clusterID}: nothing was applied since the snapshot at ${this.#newestIndex}`,
        NOTHING,
      );
    }
    const { compression } = this.#policy;
    await this.#mustFit();
    const roomBytes = await this.#deps.reserve.roomBytes();
    const draft = await rsm
      .saveSnapshot((source) =>
        store.prepare({
          index: source.index,
          term: source.term,
          membership: source.membership,
          sessions: source.sessions,
          write: (writer, files, writeSignal) => source.writeStateMachine(writer, files, writeSignal),
          compression,
          signal,
        }),
      )
      .catch((error: unknown) => {
        if (hasErrorCode(error, 'ERR_SNAPSHOT_NO_SPACE')) this.#growth.failed(roomBytes);
        throw error;
      });
    const snapshot = await draft.commit();
    await logDB.saveSnapshots([{ clusterID, nodeID, state: undefined, entriesToSave: [], snapshot }]);
    store.recorded(snapshot.index);
    this.#newestIndex = snapshot.index;
    this.#schedule.succeeded();
    this.#growth.succeeded();
    this.#damaged.delete(snapshot.index);
    this.#replaceAgainTick = 0;
    this.#replaceAttempts = 0;
    this.#tell('snapshotCreated', snapshot.index);
    if (this.#replica.stopped) return snapshot.index;
    this.#replica.snapshotCreated(snapshot);
    await this.#compactTo(snapshot.index - this.#policy.compactionOverhead, this.#policy.autoCompacts);
    await this.#removeOld();
    return snapshot.index;
  }

  /** Whether one as large as the last has room: better not begun than given up when the disk is all but full. */
  async #mustFit(): Promise<void> {
    const { clusterID, nodeID, rsm } = this.#replica;
    const what = `the snapshot at ${rsm.lastApplied} of group ${clusterID}`;
    const recorded = await this.#deps.logDB.listSnapshots(clusterID, nodeID, Number.MAX_SAFE_INTEGER);
    const last = recorded.at(-1);
    const sizeBytes = last?.files.reduce((sum, { fileSize }) => sum + fileSize, last.fileSize) ?? 0;
    await this.#deps.reserve
      .mustFit(Math.max(sizeBytes, this.#growth.tooSmallBytes), what)
      .catch((error: unknown) => {
        this.#growth.failed(undefined);
        throw snapshotFailure(error, this.#stop.signal, what);
      });
  }

  /** How far of `index` the log may go: what is not applied stays, and what others need, within the bound. */
  #compactable(index: number): number {
    const { appliedIndex, heldFrom } = this.#replica.raft;
    const end = Math.min(index, appliedIndex);
    if (heldFrom >= end) return end;
    return this.#sizes.between(heldFrom, end) > this.#policy.maxHeldLogBytes ? end : heldFrom;
  }

  /** One compaction after the other, as far as it may go now; the rest when `resumeCompaction` finds that it may. */
  #compactTo(wanted: number, givesSpaceBack: boolean): Promise<void> {
    const done = this.#compacting.then(async () => {
      if (this.#replica.stopped) return;
      const index = this.#compactable(wanted);
      if (index < wanted) this.#heldUpTo = Math.max(this.#heldUpTo, wanted);
      if (index > this.#removedTo) await this.#removeEntries(index);
      if (givesSpaceBack && index > this.#givenBackTo) await this.#giveSpaceBack(index);
    });
    this.#compacting = done.catch(() => undefined);
    return done;
  }

  /** The core hears of it first, and asks for none of them. */
  async #removeEntries(index: number): Promise<void> {
    if (this.#replica.stopped) return;
    const { clusterID, nodeID } = this.#replica;
    this.#replica.compacted(index);
    await this.#deps.logDB.removeEntriesTo(clusterID, nodeID, index);
    this.#removedTo = index;
    this.#tell('logCompacted', index);
  }

  async #giveSpaceBack(index: number): Promise<void> {
    if (this.#replica.stopped) return;
    const { clusterID, nodeID } = this.#replica;
    await this.#deps.logDB.compactEntriesTo(clusterID, nodeID, index);
    this.#givenBackTo = index;
    this.#tell('logDBCompacted', index);
  }

  async #isRecorded(index: number): Promise<boolean> {
    const { clusterID, nodeID } = this.#replica;
    const recorded = await this.#deps.logDB.listSnapshots(clusterID, nodeID, Number.MAX_SAFE_INTEGER);
    return recorded.some((snapshot) => snapshot.index === index);
  }

  async #removeOld(): Promise<void> {
    const { clusterID, nodeID } = this.#replica;
    const { logDB, store } = this.#deps;
    const recorded = await logDB.listSnapshots(clusterID, nodeID, Number.MAX_SAFE_INTEGER);
    const good = recorded.filter(({ index }) => !this.#damaged.has(index)).slice(-KEEP_COUNT);
    for (const snapshot of recorded) {
      // A damaged one too goes only when there is a newer one: the log begins behind it.
      if (good.includes(snapshot) || snapshot.index >= (good.at(-1)?.index ?? 0)) continue;
      await logDB.deleteSnapshot(clusterID, nodeID, snapshot.index);
      await store.remove(snapshot.index);
      this.#damaged.delete(snapshot.index);
      this.#tell('snapshotCompacted', snapshot.index);
    }
  }

  #tell(name: SnapshotterEvent, index: number): void {
    const { clusterID, nodeID } = this.#replica;
    this.#deps.events.emit(name, { clusterID, nodeID, index });
  }
}
