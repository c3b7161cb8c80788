import {
  ErrLogDBFenced,
  type GroupSettings,
  type ILogDB,
  type Membership,
  type Message,
} from '@drakkar/raftio';
import type { LogDisk } from '../fs/log-disk.js';
import { storageProblemOf } from '../fs/storage-problem.js';
import type { ILogger } from '../logging/logger.js';
import type { CoreReport, LogReadRequest, MemoryBudget, RaftUpdate } from '../raft/index.js';
import { allSettled } from '../runtime/all-settled.js';
import type { IClock, Timer } from '../runtime/clock.js';
import type { Replica, ReplicaHost } from './replica.js';
import { SaveBatch } from './save-batch.js';
import { Sleepers } from './sleepers.js';

/** Updates of one replica that wait for a stuck disk, beyond which those that hold only messages are dropped. */
const MAX_WAITING_UPDATES = 1_024;
/** Pause before a log is read again that could not be opened. */
const READ_AGAIN_MS = 1_000;
/** The longest period that a timer of Node.js can have. */
const LONGEST_PERIOD_MS = 0x7fff_ffff;

/** The ways out of the engine to other hosts. */
export interface MessageSender {
  send(messages: readonly Message[]): void;
  /** Called at the end of a cycle: what was sent in it leaves as one batch per host. */
  flush(): void;
}

/** What the host learns from its engine. */
export interface EngineListener {
  onLeaderChanged(replica: Replica, leaderID: number, term: number): void;
  onReport(replica: Replica, report: CoreReport): void;
  onMembershipChanged(replica: Replica, membership: Membership): void;
  onLevelRaised(replica: Replica, level: number): void;
  onSettingsChanged(replica: Replica, settings: GroupSettings): void;
  /** The replica leads; that member gets nothing, since its host does not announce the group's feature level. */
  onMemberOutdated(replica: Replica, memberID: number): void;
  /** The replica's log must not grow any more, or may again; see LogDisk. */
  onLogStuck(replica: Replica, isStuck: boolean): void;
  /** The replica was taken out of the engine, because its invariants or its state machine failed. */
  onReplicaFailed(replica: Replica, error: unknown): void;
  /** The LogDB failed: what it holds is unknown, nothing more is saved, every replica is out of the engine. */
  onLogDBFailed(error: unknown): void;
}

export interface EngineDependencies {
  logDB: ILogDB;
  sender: MessageSender;
  listener: EngineListener;
  clock: IClock;
  logger: ILogger;
  tickMs: number;
  /** What the replicas may hold in memory together. */
  memory: MemoryBudget;
  disk: LogDisk;
}

/**
 * One loop for all replicas of a host. A cycle gives each replica that has work its inputs, sends what may leave
 * before the disk (thesis 10.2.1), starts one save for all of them, and only then lets them apply. While a save is in
 * flight cycles go on and the next batch gathers.
 */
export class Engine implements ReplicaHost {
  readonly #deps: EngineDependencies;
  readonly #replicas = new Set<Replica>();
  /** Those that time means something to: all but the idle ones. */
  readonly #ticking = new Set<Replica>();
  /** Idle ones that go on looking for members. */
  readonly #sleepers: Sleepers;
  /** Stands still while every replica is idle: then nobody waits for anything. */
  nowTick = 0;
  #ready: Replica[] = [];
  #cycleDue = false;
  #saving: Promise<void> | undefined;
  #nextSave = new SaveBatch();
  /** Set while a replica ticks: a timer that fires for nothing would be all that a host of idle groups does. */
  #ticker: Timer | undefined;
  /** A host that runs keeps its process alive, whether it ticks or not. */
  #keepAlive: Timer | undefined;
  #failure: { error: unknown } | undefined;

  constructor(deps: EngineDependencies) {
    this.#deps = deps;
    this.#sleepers = new Sleepers(deps.clock, deps.tickMs);
  }

  /** From now on one timer drives every group's clock, while there is a group that is not idle. */
  start(): void {
    this.#keepAlive = this.#deps.clock.setInterval(() => undefined, LONGEST_PERIOD_MS);
    if (this.#ticking.size > 0) this.#startTicker();
  }

  /** @throws ErrLogDBFenced after the LogDB has failed: nothing would be saved any more */
  add(replica: Replica): void {
    if (this.#failure !== undefined) {
      throw new ErrLogDBFenced('a write of the LogDB has failed: restart this host', {
        cause: this.#failure.error,
        effect: 'none',
      });
    }
    this.#replicas.add(replica);
    this.setReady(replica);
  }

  /**
   * Takes the replica out, if it is not out already; settles when it has stopped and nothing of it is on its way to
   * the disk any more. Throws what its state machine's `close` threw.
   */
  async remove(replica: Replica): Promise<void> {
    this.#takeOut(replica);
    try {
      await replica.stop();
    } finally {
      while (replica.unsavedUpdates > 0 && this.#saving !== undefined) await this.#saving;
    }
  }

  async stop(): Promise<void> {
    this.#keepAlive?.cancel();
    this.#keepAlive = undefined;
    this.#stopTicker();
    this.#sleepers.stop();
    try {
      await allSettled([...this.#replicas].map((replica) => this.remove(replica)));
    } finally {
      await this.saved();
    }
  }

  /** Settles when no save is under way, and none that has to follow. */
  async saved(): Promise<void> {
    while (this.#saving !== undefined) await this.#saving;
  }

  get disk(): LogDisk {
    return this.#deps.disk;
  }

  get nowMs(): number {
    return this.#deps.clock.nowMs();
  }

  setReady(replica: Replica): void {
    if (replica.isReady || !this.#replicas.has(replica)) return;
    replica.isReady = true;
    this.#ready.push(replica);
    this.#ticking.add(replica);
    this.#sleepers.delete(replica);
    this.#startTicker();
    if (this.#cycleDue) return;
    this.#cycleDue = true;
    this.#deps.clock.defer(() => this.#cycle());
  }

  /** A host is heard of again: wakes who has work with a member there. @param isThere whether that node is */
  hostReachable(isThere: (clusterID: number, nodeID: number) => boolean): void {
    for (const replica of [...this.#sleepers, ...this.#ticking]) {
      for (const nodeID of replica.raft.membersToSeek) {
        if (isThere(replica.clusterID, nodeID)) replica.reachable(nodeID);
      }
    }
  }

  membershipChanged(replica: Replica, membership: Membership): void {
    this.#deps.listener.onMembershipChanged(replica, membership);
  }

  leaderChanged(replica: Replica, leaderID: number, term: number): void {
    this.#deps.listener.onLeaderChanged(replica, leaderID, term);
  }

  reported(replica: Replica, report: CoreReport): void {
    this.#deps.listener.onReport(replica, report);
  }

  levelRaised(replica: Replica, level: number): void {
    this.#deps.listener.onLevelRaised(replica, level);
  }

  settingsChanged(replica: Replica, settings: GroupSettings): void {
    this.#deps.listener.onSettingsChanged(replica, settings);
  }

  memberOutdated(replica: Replica, memberID: number): void {
    this.#deps.listener.onMemberOutdated(replica, memberID);
  }

  logStuck(replica: Replica, isStuck: boolean): void {
    this.#deps.listener.onLogStuck(replica, isStuck);
  }

  /** A failed replica goes out alone; the others of the host go on. */
  failed(replica: Replica, error: unknown): void {
    if (!this.#takeOut(replica)) return;
    this.#deps.listener.onReplicaFailed(replica, error);
  }

  #takeOut(replica: Replica): boolean {
    this.#ticking.delete(replica);
    this.#sleepers.delete(replica);
    return this.#replicas.delete(replica);
  }

  /** An idle replica costs nothing from the next tick on, until `setReady` brings it back; the last one stops time. */
  #tick(): void {
    this.nowTick++;
    this.#deps.disk.tick();
    const { nowMs } = this;
    for (const replica of this.#ticking) {
      replica.tick(nowMs);
      if (!replica.isIdle) continue;
      this.#ticking.delete(replica);
      if (this.#keepAlive !== undefined) this.#sleepers.add(replica);
    }
    if (this.#deps.memory.isOver) this.#shedMemory();
    if (this.#ticking.size === 0) this.#stopTicker();
  }

  /** Those that are idle release what they keep for others only when they are asked to. */
  #shedMemory(): void {
    for (const replica of this.#replicas) {
      if (!this.#deps.memory.isOver) return;
      this.#guard(replica, () => replica.raft.shedMemory());
    }
  }

  /** Only between `start` and `stop`. */
  #startTicker(): void {
    if (this.#ticker !== undefined || this.#keepAlive === undefined) return;
    this.#ticker = this.#deps.clock.setInterval(() => this.#tick(), this.#deps.tickMs);
  }

  #stopTicker(): void {
    this.#ticker?.cancel();
    this.#ticker = undefined;
  }

  #cycle(): void {
    this.#cycleDue = false;
    const ready = this.#ready;
    this.#ready = [];
    for (const replica of ready) {
      replica.isReady = false;
      if (this.#replicas.has(replica)) this.#guard(replica, () => replica.stepInputs());
    }
    this.#advance(ready);
  }

  /** Takes the updates of `replicas` through sending, saving and applying, in this order. */
  #advance(replicas: readonly Replica[]): void {
    const updates: { replica: Replica; update: RaftUpdate }[] = [];
    for (const replica of replicas) {
      if (!this.#replicas.has(replica)) continue;
      this.#guard(replica, () => {
        const ownMessages = replica.takeOwnMessages();
        if (ownMessages.length > 0) this.#deps.sender.send(ownMessages);
        if (!replica.raft.hasUpdate()) return;
        const update = replica.raft.getUpdate();
        replica.checks?.stampAll(update);
        updates.push({ replica, update });
        this.#dispatch(replica, update);
      });
    }
    this.#deps.sender.flush();
    this.#startSave();
    for (const { replica, update } of updates) {
      if (!this.#replicas.has(replica)) continue;
      this.#guard(replica, () => {
        replica.process(update);
        if (replica.raft.hasUpdate()) this.setReady(replica);
      });
    }
  }

  #dispatch(replica: Replica, update: RaftUpdate): void {
    if (update.messages.length > 0) this.#deps.sender.send(update.messages);
    for (const request of update.logReads) void this.#readLog(replica, request);
    if (!update.mustSave) {
      if (update.messagesAfterSave.length === 0) return;
      if (replica.unsavedUpdates === 0) {
        this.#deps.sender.send(update.messagesAfterSave);
        return;
      }
      if (replica.unsavedUpdates >= MAX_WAITING_UPDATES) return; // lost, as messages may be
    }
    replica.unsavedUpdates++;
    this.#nextSave.add(replica, update);
  }

  #startSave(): void {
    while (this.#saving === undefined && !this.#nextSave.isEmpty && this.#failure === undefined) {
      const batch = this.#nextSave;
      this.#nextSave = new SaveBatch();
      if (batch.mustSave) {
        this.#saving = this.#save(batch).then(
          () => this.#saved(batch),
          (error: unknown) => this.#saveFailed(error),
        );
      } else {
        this.#release(batch);
        this.#deps.sender.flush();
      }
    }
  }

  /** Async, so that an adapter that throws instead of rejecting has failed all the same. */
  async #save(batch: SaveBatch): Promise<void> {
    while (batch.mustSave) {
      try {
        await this.#deps.logDB.saveRaftState(batch.updates());
        return;
      } catch (error) {
        // Nothing was written, so the store is good, and the others are saved without that one.
        const refused = batch.refusedBy(error);
        if (refused === undefined) throw error;
        batch.drop(refused);
        this.#nextSave.drop(refused);
        this.failed(refused, error);
      }
    }
  }

  #saved(batch: SaveBatch): void {
    this.#saving = undefined;
    // Those that are in the next cycle, which is due, have more to do in it than they have now.
    this.#advance(this.#release(batch).filter((replica) => !replica.isReady));
  }

  /** The batch is durable: tells the cores, and sends what waited for it. */
  #release(batch: SaveBatch): Replica[] {
    const replicas: Replica[] = [];
    for (const { replica, updates } of batch.shares()) {
      replica.unsavedUpdates -= updates.length;
      replicas.push(replica);
      if (!this.#replicas.has(replica)) continue;
      this.#guard(replica, () => {
        for (const update of updates) {
          if (update.mustSave) replica.saved(update);
          const messages = stillOfUse(update.messagesAfterSave, replica.raft.term);
          if (messages.length > 0) this.#deps.sender.send(messages);
        }
      });
    }
    return replicas;
  }

  /** A failed save is never retried: what it covers is unknown. */
  #saveFailed(error: unknown): void {
    this.#saving = undefined;
    this.logDBFailed(error);
  }

  logDBFailed(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = { error };
    const replicas = [...this.#replicas];
    this.#replicas.clear();
    this.#ticking.clear();
    this.#sleepers.stop();
    for (const replica of replicas) this.#deps.listener.onReplicaFailed(replica, error);
    this.#deps.listener.onLogDBFailed(error);
  }

  /** A follower needs entries that memory no longer holds. */
  async #readLog(replica: Replica, request: LogReadRequest): Promise<void> {
    const { low, high, maxSizeBytes } = request;
    try {
      const { logDB } = this.#deps;
      const slice = await logDB.iterateEntries(replica.clusterID, replica.nodeID, low, high, maxSizeBytes);
      if (this.#replicas.has(replica)) replica.logRead(request, slice.entries);
    } catch (error) {
      if (storageProblemOf(error) === 'noDescriptors') this.#readLogLater(replica, request, error);
      else this.failed(replica, error);
    }
  }

  /** A read has changed nothing, so it may be repeated: when somebody has closed a file. */
  #readLogLater(replica: Replica, request: LogReadRequest, err: unknown): void {
    const { clusterID, nodeID } = replica;
    const { clock, logger } = this.#deps;
    logger.warn('the log could not be read, for lack of descriptors: it is tried again', {
      clusterID,
      nodeID,
      err,
    });
    clock.setTimeout(() => {
      if (this.#replicas.has(replica)) void this.#readLog(replica, request);
    }, READ_AGAIN_MS);
  }

  #guard(replica: Replica, work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#deps.logger.error('a replica failed', {
        clusterID: replica.clusterID,
        nodeID: replica.nodeID,
        err: error,
      });
      this.failed(replica, error);
    }
  }
}

/**
 * Of messages that have waited for the disk, those that are not of an earlier term by now. Nobody needs the others, and
 * what they acknowledge may never have been durable: a later leader overwrote it while it waited in the same save.
 */
function stillOfUse(messages: readonly Message[], term: number): readonly Message[] {
  const isOfUse = (message: Message): boolean => message.term === 0 || message.term >= term;
  return messages.every(isOfUse) ? messages : messages.filter(isOfUse);
}
