import type { Bootstrap, GroupSettings, ILogDB, Snapshot } from '@drakkar/raftio';
import { areEqualSettings } from '../agreement/apply-settings.js';
import { ReplicaChecks } from '../agreement/replica-checks.js';
import { loadSnappy } from '../compression/snappy.js';
import type { ClusterConfig } from '../config/cluster-config.js';
import { loadReplica } from '../engine/log-loader.js';
import { RejectedMessages } from '../engine/rejected-messages.js';
import { Replica, type ReplicaHost, type ReplicaLimits } from '../engine/replica.js';
import { type DamagedSnapshot, forgetDamaged, recoverNewest } from '../engine/recovery.js';
import { Snapshotter } from '../engine/snapshotter.js';
import { ErrInvalidOperation } from '../errors/index.js';
import type { IEventSink } from '../runtime/event-sink.js';
import type { HostEvents } from '../events/host-listener.js';
import type { DiskReserve } from '../fs/disk-reserve.js';
import type { ILogger } from '../logging/logger.js';
import type { IRaft, MemoryAccount, MemoryBudget, RaftFactory, RaftInit } from '../raft/index.js';
import { PendingConfigChange } from '../requests/pending-config-change.js';
import { KEY_NONCE_BOUND, PendingProposals } from '../requests/pending-proposals.js';
import { PendingReads } from '../requests/pending-reads.js';
import { EntryPayloads, type MembershipRules, ReplicatedStateMachine } from '../rsm/index.js';
import type { IClock } from '../runtime/clock.js';
import type { Operations } from '../runtime/operations.js';
import type { Places } from '../runtime/places.js';
import type { IRandom } from '../runtime/random.js';
import type { SoftSettings } from '../config/soft.js';
import type { SnapshotStore } from '../snapshot/index.js';
import type { CreateStateMachine, IStateMachine } from '../statemachine/contract.js';
import { WatchedStateMachine } from '../statemachine/watched.js';

export interface ReplicaLoaderDependencies {
  logDB: ILogDB;
  random: IRandom;
  createRaft: RaftFactory;
  limits: ReplicaLimits;
  softSettings: SoftSettings;
  maxSessionCount: number;
  tickMs: number;
  snapshotStore: (clusterID: number, nodeID: number) => SnapshotStore;
  /** How many snapshots this host writes at a time. */
  snapshotSlots: Places;
  events: IEventSink<HostEvents>;
  operations: Operations;
  reserve: DiskReserve;
  memory: MemoryBudget;
  clock: IClock;
  /** What the host of a replica has announced that it knows. */
  featuresOf: (clusterID: number, nodeID: number) => number;
  /** The same of the host at an address; `undefined`: not heard. */
  hostFeaturesOf: (address: string) => number | undefined;
  onSnapshotDamaged: (clusterID: number, nodeID: number, snapshot: Snapshot, error: unknown) => void;
  logger: ILogger;
}

/** A replica as its disk says that it is. */
interface Rebuilt {
  rsm: ReplicatedStateMachine;
  init: RaftInit;
  newest: Snapshot | undefined;
  damaged: readonly DamagedSnapshot[];
}

function rulesOf({ compatibility }: ClusterConfig): MembershipRules {
  return compatibility === 'dragonboat-2.1' ? 'dragonboat' : 'strict';
}

/** Makes replicas from what is on their disk: newest snapshot, then the log behind it. */
export class ReplicaLoader {
  readonly #deps: ReplicaLoaderDependencies;

  constructor(deps: ReplicaLoaderDependencies) {
    this.#deps = deps;
  }

  /** @throws what `createStateMachine` throws, and the errors of the LogDB, of snapshots and of the state machine */
  async load(
    config: ClusterConfig,
    createStateMachine: CreateStateMachine,
    host: ReplicaHost,
    bootstrap: Bootstrap,
    signal: AbortSignal,
  ): Promise<{ replica: Replica; init: RaftInit }> {
    const memory = this.#deps.memory.open();
    try {
      return await this.#load(config, createStateMachine, host, bootstrap, memory, signal);
    } catch (error) {
      memory.close();
      throw error;
    }
  }

  async #load(
    config: ClusterConfig,
    createStateMachine: CreateStateMachine,
    host: ReplicaHost,
    bootstrap: Bootstrap,
    memory: MemoryAccount,
    signal: AbortSignal,
  ): Promise<{ replica: Replica; init: RaftInit }> {
    const { clusterID, nodeID } = config;
    const { events, logDB } = this.#deps;
    const payloads = await loadPayloads(config);
    const replica = this.#makeReplica(config, payloads, memory, host);
    const store = this.snapshotStore(clusterID, nodeID);
    const rebuild = (settings: GroupSettings): Promise<Rebuilt> => {
      const make = (): Promise<ReplicatedStateMachine> =>
        this.#makeStateMachine(config, settings, createStateMachine, replica);
      return this.#rebuild(config, store, make, signal);
    };
    const { rebuilt, record } = await this.#rebuildByRecord(config, bootstrap, rebuild);
    const { rsm, newest, damaged } = rebuilt;
    const init: RaftInit = { ...rebuilt.init, lost: record.lost };
    try {
      if (newest !== undefined) events.emit('snapshotRecovered', { clusterID, nodeID, index: newest.index });
      for (const { snapshot, error } of damaged) {
        this.#deps.onSnapshotDamaged(clusterID, nodeID, snapshot, error);
      }
      await forgetDamaged({ clusterID, nodeID, logDB, store }, damaged);
      if (init.membership.removed.has(nodeID)) replica.removed = true;
      const raft = this.#makeRaft(config, replica, init, memory, newest);
      replica.attach(raft, rsm, this.#makeSnapshotter(config, replica, store, newest));
      replica.checks = this.#makeChecks(config, replica, record);
      replica.checks.compareConfiguration();
      return { replica, init };
    } catch (error) {
      await rsm.close().catch(() => undefined); // the first error is the one to be told
      throw error;
    }
  }

  /** What the configuration of this host says of a group. */
  configuredSettings({ orderedConfigChange }: ClusterConfig): GroupSettings {
    return { orderedConfigChange, lruMaxSessionCount: this.#deps.maxSessionCount };
  }

  /**
   * The entries before those that raised the group to feature level 1 are applied by the settings that they were
   * applied by before, whatever the configuration says now. While the group is at level 0 the configuration counts, and
   * is recorded before anything is applied by it.
   */
  async #rebuildByRecord(
    config: ClusterConfig,
    bootstrap: Bootstrap,
    rebuild: (settings: GroupSettings) => Promise<Rebuilt>,
  ): Promise<{ rebuilt: Rebuilt; record: Bootstrap }> {
    const { clusterID, nodeID } = config;
    const configured = this.configuredSettings(config);
    const recorded = bootstrap.settings;
    const rebuilt = await rebuild(recorded ?? configured);
    const isInForce = recorded?.isFinal === true || rebuilt.rsm.level > 0;
    if (isInForce || (recorded !== undefined && areEqualSettings(recorded, configured)))
      return { rebuilt, record: bootstrap };
    await rebuilt.rsm.close();
    const record = { ...bootstrap, settings: { ...configured, isFinal: false } };
    const again = await rebuild(configured);
    await this.#deps.logDB.saveBootstrapInfo(clusterID, nodeID, record);
    return { rebuilt: again, record };
  }

  async #rebuild(
    config: ClusterConfig,
    store: SnapshotStore,
    makeStateMachine: () => Promise<ReplicatedStateMachine>,
    signal: AbortSignal,
  ): Promise<Rebuilt> {
    const { clusterID, nodeID } = config;
    const { logDB, softSettings } = this.#deps;
    const recovery = { clusterID, nodeID, logDB, store, makeStateMachine, signal };
    const { rsm, snapshot: newest, damaged } = await recoverNewest(recovery);
    try {
      const limits = {
        maxInMemLogBytes: this.#inMemLogBytes(config),
        maxLogReadBytes: softSettings.maxLogReadBytes,
      };
      const init = await loadReplica(logDB, clusterID, nodeID, rsm, newest, limits, signal);
      return { rsm, init, newest, damaged };
    } catch (error) {
      await rsm.close().catch(() => undefined); // the first error is the one to be told
      throw error;
    }
  }

  #inMemLogBytes({ maxInMemLogSize }: ClusterConfig): number {
    return maxInMemLogSize > 0 ? maxInMemLogSize : this.#deps.softSettings.maxInMemLogBytes;
  }

  /** The snapshots of a replica on this host. */
  snapshotStore(clusterID: number, nodeID: number): SnapshotStore {
    return this.#deps.snapshotStore(clusterID, nodeID);
  }

  async #makeStateMachine(
    config: ClusterConfig,
    { orderedConfigChange, lruMaxSessionCount }: GroupSettings,
    createStateMachine: CreateStateMachine,
    listener: Replica,
  ): Promise<ReplicatedStateMachine> {
    const { clusterID, nodeID } = config;
    const { operations } = this.#deps;
    const stateMachine: unknown = await operations.watchIfAsync(
      'createStateMachine',
      () => [clusterID],
      () => createStateMachine(clusterID, nodeID),
    );
    return new ReplicatedStateMachine({
      clusterID,
      nodeID,
      stateMachine: new WatchedStateMachine(checkStateMachine(stateMachine), clusterID, operations),
      orderedConfigChange,
      maxSessionCount: lruMaxSessionCount,
      membershipRules: rulesOf(config),
      listener,
      payloads: listener.payloads,
    });
  }

  #makeChecks(config: ClusterConfig, replica: Replica, bootstrap: Bootstrap): ReplicaChecks {
    const { logDB, events, logger, softSettings, tickMs } = this.#deps;
    const { electionRTT, stateCheckHash } = config;
    return new ReplicaChecks(
      {
        replica,
        bootstrap,
        settings: { ...replica.rsm.initialSettings, membershipRules: rulesOf(config) },
        configured: this.configuredSettings(config),
        electionTimeoutTicks: electionRTT,
        stateCheckEntries: softSettings.stateCheckEntries,
        stateCheckIntervalMs: softSettings.stateCheckIntervalMs,
        tickMs,
        stateCheckHash,
      },
      { logDB, events, logger },
    );
  }

  #makeReplica(
    config: ClusterConfig,
    payloads: EntryPayloads,
    memory: MemoryAccount,
    host: ReplicaHost,
  ): Replica {
    const { clusterID, nodeID } = config;
    const { random, limits, logger, operations, clock } = this.#deps;
    return new Replica(
      {
        clusterID,
        nodeID,
        limits,
        proposals: new PendingProposals(clusterID, random.nextInt(KEY_NONCE_BOUND)),
        reads: new PendingReads(clusterID, 1 + random.nextInt(0xffff_fffe)),
        configChange: new PendingConfigChange(clusterID, random.nextInt(KEY_NONCE_BOUND)),
        payloads,
        isForDragonboat: config.compatibility === 'dragonboat-2.1',
        rejected: new RejectedMessages(logger),
        operations,
        clock,
        memory,
      },
      host,
    );
  }

  #makeRaft(
    config: ClusterConfig,
    replica: Replica,
    init: RaftInit,
    memory: MemoryAccount,
    newest: Snapshot | undefined,
  ): IRaft {
    const { softSettings, random, featuresOf, hostFeaturesOf } = this.#deps;
    const raft = this.#deps.createRaft(
      {
        clusterID: config.clusterID,
        nodeID: config.nodeID,
        electionTimeoutTicks: config.electionRTT,
        heartbeatTicks: config.heartbeatRTT,
        checkQuorum: config.checkQuorum,
        preVote: config.preVote,
        quiesce: config.quiesce,
        isObserver: config.isObserver,
        maxInMemLogBytes: this.#inMemLogBytes(config),
        memory,
        maxReplicateBytes: softSettings.maxReplicateBytes,
        maxInflightBytes: softSettings.maxInflightBytes,
        maxInflightMessages: softSettings.maxInflightMessages,
        random,
        featuresOf: (nodeID) => featuresOf(config.clusterID, nodeID),
        hostFeaturesOf,
        isRefused: (nodeID) => replica.checks?.guard.refuses(nodeID) === true,
        ...(config.compatibility === 'none'
          ? { settings: () => replica.rsm.settings }
          : { isForDragonboat: true }),
      },
      init,
    );
    if (newest !== undefined) raft.snapshotCreated(newest);
    return raft;
  }

  #makeSnapshotter(
    config: ClusterConfig,
    replica: Replica,
    store: SnapshotStore,
    newest: Snapshot | undefined,
  ): Snapshotter {
    const { logDB, snapshotSlots, events, onSnapshotDamaged, logger, operations, reserve } = this.#deps;
    const { clusterID, nodeID } = config;
    const policy = {
      snapshotEntries: config.snapshotEntries,
      compactionOverhead: config.compactionOverhead,
      maxHeldLogBytes: config.maxHeldLogBytes,
      compression: config.snapshotCompression,
      autoCompacts: !config.disableAutoCompactions,
    };
    return new Snapshotter(replica, policy, newest?.index ?? 0, {
      store,
      logDB,
      slots: snapshotSlots,
      operations,
      reserve,
      events,
      log: logger,
      onDamaged: (snapshot, error) => onSnapshotDamaged(clusterID, nodeID, snapshot, error),
    });
  }
}

/** Another member may compress what it proposes, so every replica can read it, whatever its own configuration says. */
async function loadPayloads({ entryCompression }: ClusterConfig): Promise<EntryPayloads> {
  const loading = loadSnappy();
  const snappy = await (entryCompression === 'none' ? loading.catch(() => undefined) : loading);
  return new EntryPayloads(entryCompression, snappy);
}

const STATE_MACHINE_METHODS = [
  'update',
  'lookup',
  'saveSnapshot',
  'recoverFromSnapshot',
  'close',
  'getHash',
] as const;

/** Programs without types make mistakes here, which should not wait for the first proposal to come out. */
function checkStateMachine(stateMachine: unknown): IStateMachine {
  const methods = (stateMachine ?? {}) as Partial<Record<string, unknown>>;
  const missing = STATE_MACHINE_METHODS.filter((name) => typeof methods[name] !== 'function');
  if (missing.length === 0) return stateMachine as IStateMachine;
  throw new ErrInvalidOperation(
    `createStateMachine must return an IStateMachine; methods missing: ${missing.join(', ')}`,
  );
}
