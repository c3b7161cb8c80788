import type { Bootstrap, DrakkarError, Entry, GroupSettings, ILogDB, Message } from '@drakkar/raftio';
import type { IEventSink } from '../runtime/event-sink.js';
import type { ReplicaEvents } from '../engine/replica-events.js';
import type { ILogger } from '../logging/logger.js';
import type { IRaft, RaftUpdate } from '../raft/index.js';
import type { ReplicatedStateMachine, StatePoint } from '../rsm/index.js';
import { type ApplySettings, areEqualSettings } from './apply-settings.js';
import { BootstrapRecord } from './bootstrap-record.js';
import { type GroupDifference, GroupGuard } from './group-guard.js';
import { LossWatch } from './loss-watch.js';
import { StateComparison, type StateDivergence } from './state-comparison.js';
import { StatePoints } from './state-points.js';

/** Whether a replica agrees with the others of its group on what must be equal on all of them. */
export interface ReplicaAgreement {
  /** Why the replica serves no linearizable reads, and, but for ErrStateDiverged, takes no writes; undefined: it does. */
  refusal: DrakkarError | undefined;
  /** Others that are of another group, or apply entries in another way. */
  differences: GroupDifference[];
  /** Messages and snapshots that were dropped for that since the replica was started. */
  droppedCount: number;
  /** Replicas that had applied the same entries and differ, as last compared; undefined: none. */
  divergence: StateDivergence | undefined;
  /** The last index at which the state of this replica and of others was compared; 0: none yet. */
  comparedIndex: number;
}

/** What the checks see of their replica, and ask of it. */
export interface CheckedReplica {
  readonly clusterID: number;
  readonly nodeID: number;
  readonly nowTick: number;
  readonly stopped: boolean;
  readonly leader: { readonly leaderID: number };
  readonly raft: IRaft;
  readonly rsm: ReplicatedStateMachine;
  sendOwn(message: Message): void;
  recordFailed(error: unknown): void;
}

export interface ReplicaChecksOptions {
  replica: CheckedReplica;
  bootstrap: Bootstrap;
  /** By which the replica begins, before its group's log says otherwise. */
  settings: ApplySettings;
  /** What the configuration of this host says. */
  configured: GroupSettings;
  electionTimeoutTicks: number;
  /** See `SoftSettings`. */
  stateCheckEntries: number;
  stateCheckIntervalMs: number;
  tickMs: number;
  /** Whether the state machine's own hash is compared though it does not say that it costs little. */
  stateCheckHash: boolean;
}

export interface ReplicaChecksDependencies {
  logDB: ILogDB;
  events: IEventSink<ReplicaEvents>;
  logger: ILogger;
}

/** What one replica compares with the other members of its group, and what it tells the host of the outcome. */
export class ReplicaChecks {
  readonly guard: GroupGuard;

  readonly states: StateComparison;
  readonly #points: StatePoints;
  readonly #options: ReplicaChecksOptions;
  readonly #deps: ReplicaChecksDependencies;
  #isOverruled = false;
  readonly #loss: LossWatch;

  constructor(options: ReplicaChecksOptions, deps: ReplicaChecksDependencies) {
    this.#options = options;
    this.#deps = deps;
    const record = new BootstrapRecord(deps.logDB, options.replica, options.bootstrap);
    this.guard = makeGuard(options, record, deps);
    this.#loss = makeLossWatch(options, record, deps);
    const points = makePoints(options, deps, (point) => this.states.taken(point));
    this.#points = points;
    this.states = makeComparison(options, deps, points);
  }

  /** Why the replica takes no writes and serves no linearizable reads; undefined: it does. */
  get refusal(): DrakkarError | undefined {
    return this.guard.refusal ?? this.#loss.refusal;
  }

  /** Why the replica serves no linearizable reads; undefined: it does. */
  get readRefusal(): DrakkarError | undefined {
    return this.refusal ?? this.states.refusal;
  }

  /** Whether a message is for the core. @param source raft address of the host that sent it */
  admits(message: Message, source: string): boolean {
    return this.guard.admits(message, source) && !this.states.takes(message);
  }

  /** As `admits`, for a message that a host of Dragonboat has sent. */
  admitsDragonboat(message: Message, source: string): boolean {
    if (this.#options.settings.membershipRules === 'dragonboat') return true;
    this.guard.refuseDragonboat(message, source);
    return false;
  }

  /** Applies entries, and takes the points among them at which states are compared. */
  apply(entries: readonly Entry[]): void | Promise<void> {
    return this.#points.apply(entries);
  }

  stamp(message: Message): void {
    this.guard.stamp(message);
  }

  stampAll({ messages, messagesAfterSave }: RaftUpdate): void {
    for (const message of messages) this.guard.stamp(message);
    for (const message of messagesAfterSave) this.guard.stamp(message);
  }

  /** What the configuration of this host says, which counts for a new group only. */
  get configured(): GroupSettings {
    return this.#options.configured;
  }

  /** A snapshot has said by which settings the group began. */
  settingsKnown(): void {
    this.guard.setSettings(this.#options.replica.rsm.initialSettings);
    this.compareConfiguration();
  }

  /** Says once when the configuration is overruled by the group's log. */
  compareConfiguration(): void {
    const { replica, configured } = this.#options;
    const { clusterID, nodeID, rsm } = replica;
    const { level, settings } = rsm;
    if (this.#isOverruled || level === 0 || areEqualSettings(settings, configured)) return;
    this.#isOverruled = true;
    const event = { clusterID, nodeID, settings, configured };
    const message =
      'the configuration of a replica names other settings than its group has in its log; those of the group count';
    this.#deps.logger.warn(message, event);
    this.#deps.events.emit('configurationOverruled', event);
  }

  /** Called with each tick. */
  tick(): void {
    this.guard.tick();
    this.states.tick();
    this.#loss.tick();
  }

  agreement(): ReplicaAgreement {
    const { guard, states } = this;
    return {
      refusal: this.readRefusal,
      differences: guard.differences(),
      droppedCount: guard.droppedCount,
      divergence: states.divergence,
      comparedIndex: states.comparedIndex,
    };
  }
}

function makeGuard(
  { replica, bootstrap, settings, electionTimeoutTicks }: ReplicaChecksOptions,
  bootstrapRecord: BootstrapRecord,
  { events, logger }: ReplicaChecksDependencies,
): GroupGuard {
  const { clusterID, nodeID } = replica;
  const who = { clusterID, nodeID };
  const record = async (groupID: number, settings: GroupSettings | undefined): Promise<void> => {
    if (settings === undefined) return await bootstrapRecord.change({ groupID });
    await bootstrapRecord.change({ groupID, settings: { ...settings, isFinal: true } });
    replica.rsm.setInitialSettings(settings);
  };
  return new GroupGuard(
    {
      ...who,
      groupID: bootstrap.groupID ?? 0,
      self: { initialMembers: bootstrap.join ? undefined : bootstrap.addresses, settings },
      areSettingsFinal: bootstrap.settings?.isFinal === true,
      electionTimeoutTicks,
    },
    {
      get nowTick() {
        return replica.nowTick;
      },
      get level() {
        return replica.rsm.level;
      },
      get isNew() {
        return bootstrap.join && replica.rsm.lastApplied === 0;
      },
      get hasLeader() {
        return replica.leader.leaderID !== 0;
      },
      membership: () => replica.rsm.getMembership(),
      send: (message) => replica.sendOwn(message),
      record,
      differs: (difference) => {
        logger.warn('another replica differs in what must be equal on all members of a group', {
          ...who,
          ...difference,
        });
        events.emit('groupMismatch', { ...who, difference });
      },
      refusalChanged: (refusal) => {
        if (refusal === undefined) {
          logger.info('the replica agrees with the other members again', who);
          return;
        }
        logger.error('the replica takes no writes and serves no linearizable reads', {
          ...who,
          err: refusal,
        });
        events.emit('replicaRefused', { ...who, error: refusal });
      },
      recordFailed: (err) => {
        logger.error('the identity of the group could not be recorded', { ...who, err });
        replica.recordFailed(err);
      },
    },
  );
}

function makeLossWatch(
  { replica, bootstrap, electionTimeoutTicks }: ReplicaChecksOptions,
  record: BootstrapRecord,
  { events, logger }: ReplicaChecksDependencies,
): LossWatch {
  const { clusterID, nodeID } = replica;
  const who = { clusterID, nodeID };
  return new LossWatch(
    { ...who, recorded: bootstrap.lost, pauseTicks: electionTimeoutTicks },
    {
      get nowTick() {
        return replica.nowTick;
      },
      get lost() {
        return replica.raft.lost;
      },
      get lastIndex() {
        return replica.raft.status().lastIndex;
      },
      mayLead: (leaderID) => {
        const { addresses } = replica.rsm.getMembership();
        return addresses.size === 0 || addresses.has(leaderID);
      },
      record: (lost) => record.change({ lost }),
      refused: (error) => {
        logger.error('the replica neither votes nor serves: it has lost entries that it acknowledged', {
          ...who,
          err: error,
        });
        events.emit('replicaRefused', { ...who, error });
      },
      regained: () => logger.info('the replica has again what it had acknowledged', who),
      recordFailed: (err) => {
        logger.error('it could not be recorded what the replica has lost', { ...who, err });
        replica.recordFailed(err);
      },
    },
  );
}

function makePoints(
  { replica, stateCheckEntries, stateCheckHash }: ReplicaChecksOptions,
  { logger }: ReplicaChecksDependencies,
  taken: (point: StatePoint) => void,
): StatePoints {
  const { clusterID, nodeID } = replica;
  return new StatePoints(() => replica.rsm, {
    everyEntries: stateCheckEntries,
    withHash: () => stateCheckHash || replica.rsm.hashIsCheap,
    taken,
    failed: (err) => {
      if (!replica.stopped)
        logger.warn('the state machine gave no hash: the rest of its state is compared without it', {
          clusterID,
          nodeID,
          err,
        });
    },
  });
}

function makeComparison(
  { replica, stateCheckIntervalMs, tickMs }: ReplicaChecksOptions,
  { events, logger }: ReplicaChecksDependencies,
  points: StatePoints,
): StateComparison {
  const { clusterID, nodeID } = replica;
  const who = { clusterID, nodeID };
  return new StateComparison(
    { ...who, intervalTicks: Math.ceil(stateCheckIntervalMs / tickMs) },
    {
      get nowTick() {
        return replica.nowTick;
      },
      get isLeader() {
        return replica.raft.isLeader;
      },
      get commit() {
        return replica.raft.status().commit;
      },
      membership: () => replica.rsm.getMembership(),
      send: (message) => replica.sendOwn(message),
      want: (index) => points.want(index),
      diverged: (divergence) => {
        const isWrong = divergence.wrong.includes(nodeID);
        const message = 'replicas that have applied the same entries differ';
        if (isWrong)
          logger.error(`${message}: this one is not as most members are`, { ...who, ...divergence });
        else logger.error(message, { ...who, ...divergence });
        events.emit('stateDiverged', { ...who, ...divergence });
      },
      recovered: (index) => logger.info('the state of the replicas is equal again', { ...who, index }),
    },
  );
}
