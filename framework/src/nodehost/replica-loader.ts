import type { ILogDB, Snapshot } from '@drakkar/raftio';
import type { BulkheadPolicy } from 'cockatiel';
import { loadSnappy } from '../compression/snappy.js';
import type { ClusterConfig } from '../config/cluster-config.js';
import { loadReplica } from '../engine/log-loader.js';
import { Replica, type ReplicaHost, type ReplicaLimits } from '../engine/replica.js';
import { Snapshotter, recoverNewest } from '../engine/snapshotter.js';
import { ErrInvalidOperation } from '../errors/index.js';
import type { IEventSink } from '../events/event-hub.js';
import type { ILogger } from '../logging/logger.js';
import { type IRaft, type RaftInit, createRaft } from '../raft/index.js';
import { PendingConfigChange } from '../requests/pending-config-change.js';
import { KEY_NONCE_BOUND, PendingProposals } from '../requests/pending-proposals.js';
import { PendingReads } from '../requests/pending-reads.js';
import { EntryPayloads, ReplicatedStateMachine } from '../rsm/index.js';
import type { IRandom } from '../runtime/random.js';
import type { SoftSettings } from '../settings/soft.js';
import type { SnapshotStore } from '../snapshot/index.js';
import type { CreateStateMachine, IStateMachine } from '../statemachine/contract.js';

export interface ReplicaLoaderDependencies {
  logDB: ILogDB;
  random: IRandom;
  limits: ReplicaLimits;
  softSettings: SoftSettings;
  maxSessionCount: number;
  snapshotStore: (clusterID: number, nodeID: number) => SnapshotStore;
  /** How many snapshots this host writes at a time. */
  snapshotSlots: BulkheadPolicy;
  events: IEventSink;
  logger: ILogger;
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
    signal: AbortSignal,
  ): Promise<{ replica: Replica; init: RaftInit }> {
    const { clusterID, nodeID } = config;
    const { events, logDB, softSettings, maxSessionCount, logger } = this.#deps;
    const payloads = await loadPayloads(config);
    const replica = this.#makeReplica(config, payloads, host);
    const stateMachine: unknown = await createStateMachine(clusterID, nodeID);
    const rsm = new ReplicatedStateMachine({
      clusterID,
      nodeID,
      stateMachine: checkStateMachine(stateMachine),
      orderedConfigChange: config.orderedConfigChange,
      maxSessionCount,
      listener: replica,
      payloads,
    });
    try {
      const maxInMemLogBytes =
        config.maxInMemLogSize > 0 ? config.maxInMemLogSize : softSettings.maxInMemLogBytes;
      const limits = { maxInMemLogBytes, maxLogReadBytes: softSettings.maxLogReadBytes };
      const store = this.#deps.snapshotStore(clusterID, nodeID);
      const newest = await recoverNewest(logDB, clusterID, nodeID, store, rsm, logger, signal);
      if (newest !== undefined) events.emit('snapshotRecovered', { clusterID, nodeID, index: newest.index });
      const init = await loadReplica(logDB, clusterID, nodeID, rsm, newest, limits, signal);
      if (init.membership.removed.has(nodeID)) replica.removed = true;
      const raft = this.#makeRaft(config, maxInMemLogBytes, init, newest);
      replica.attach(raft, rsm, this.#makeSnapshotter(config, replica, store, newest));
      return { replica, init };
    } catch (error) {
      await rsm.close().catch(() => undefined); // the first error is the one to be told
      throw error;
    }
  }

  /** Removes the snapshot files of a replica that does not run; their records must be gone. */
  async removeSnapshots(clusterID: number, nodeID: number): Promise<void> {
    await this.#deps.snapshotStore(clusterID, nodeID).removeAll();
  }

  #makeReplica({ clusterID, nodeID }: ClusterConfig, payloads: EntryPayloads, host: ReplicaHost): Replica {
    const { random, limits } = this.#deps;
    return new Replica(
      {
        clusterID,
        nodeID,
        limits,
        proposals: new PendingProposals(clusterID, random.nextInt(KEY_NONCE_BOUND)),
        reads: new PendingReads(clusterID, 1 + random.nextInt(0xffff_fffe)),
        configChange: new PendingConfigChange(clusterID, random.nextInt(KEY_NONCE_BOUND)),
        payloads,
      },
      host,
    );
  }

  #makeRaft(
    config: ClusterConfig,
    maxInMemLogBytes: number,
    init: RaftInit,
    newest: Snapshot | undefined,
  ): IRaft {
    const { softSettings, random } = this.#deps;
    const raft = createRaft(
      {
        clusterID: config.clusterID,
        nodeID: config.nodeID,
        electionTimeoutTicks: config.electionRTT,
        heartbeatTicks: config.heartbeatRTT,
        checkQuorum: config.checkQuorum,
        preVote: config.preVote,
        quiesce: config.quiesce,
        isObserver: config.isObserver,
        maxInMemLogBytes,
        maxReplicateBytes: softSettings.maxReplicateBytes,
        maxInflightBytes: softSettings.maxInflightBytes,
        maxInflightMessages: softSettings.maxInflightMessages,
        random,
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
    const { logDB, snapshotSlots, events, logger } = this.#deps;
    const policy = {
      snapshotEntries: config.snapshotEntries,
      compactionOverhead: config.compactionOverhead,
      compression: config.snapshotCompression,
      autoCompacts: !config.disableAutoCompactions,
    };
    return new Snapshotter(replica, policy, newest?.index ?? 0, {
      store,
      logDB,
      slots: snapshotSlots,
      events,
      log: logger,
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
