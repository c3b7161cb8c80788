import type { ILogDB, Membership } from '@drakkar/raftio';
import type { ClusterConfig } from '../config/cluster-config.js';
import type { Engine } from '../engine/engine.js';
import { loadReplica } from '../engine/log-loader.js';
import { Replica, type ReplicaLimits } from '../engine/replica.js';
import {
  ErrClosed,
  ErrClusterAlreadyExist,
  ErrClusterNotFound,
  ErrClusterNotInitialized,
  ErrInvalidOperation,
  ErrReplicaFailed,
} from '../errors/index.js';
import { messageOf } from '../errors/inspect.js';
import { createRaft } from '../raft/index.js';
import { KEY_NONCE_BOUND, PendingProposals } from '../requests/pending-proposals.js';
import { PendingReads } from '../requests/pending-reads.js';
import { ReplicatedStateMachine } from '../rsm/index.js';
import { allSettled } from '../runtime/all-settled.js';
import type { IRandom } from '../runtime/random.js';
import type { SoftSettings } from '../settings/soft.js';
import type { CreateStateMachine, IStateMachine } from '../statemachine/contract.js';
import type { NodeRegistry } from '../transport/node-registry.js';
import { type StartRequest, bootstrapReplica } from './bootstrap.js';
import { NodeUser } from './node-user.js';

export interface ReplicaSetDependencies {
  raftAddress: string;
  tickMs: number;
  logDB: ILogDB;
  engine: Engine;
  registry: NodeRegistry;
  random: IRandom;
  limits: ReplicaLimits;
  softSettings: SoftSettings;
  maxSessionCount: number;
}

/** A group as this host sees it. */
type Member =
  | { phase: 'starting'; nodeID: number }
  | { phase: 'running'; nodeID: number; replica: Replica; user: NodeUser }
  | { phase: 'failed'; nodeID: number; error: unknown };

/** The replicas of a host: at most one per group. */
export class ReplicaSet {
  readonly #deps: ReplicaSetDependencies;
  readonly #members = new Map<number, Member>();
  /** Replicas on their way out of the engine, by group: another life of one begins when this one has ended. */
  readonly #leaving = new Map<number, Promise<void>>();
  readonly #starting = new Set<Promise<void>>();
  readonly #closing = new AbortController();

  constructor(deps: ReplicaSetDependencies) {
    this.#deps = deps;
  }

  /** Starts a replica: bootstrap, replay of its log, and a place in the engine's loop. @throws ErrClosed */
  async start(
    initialMembers: ReadonlyMap<number, string>,
    join: boolean,
    createStateMachine: CreateStateMachine,
    config: ClusterConfig,
  ): Promise<void> {
    const { clusterID, nodeID } = config;
    this.#closing.signal.throwIfAborted();
    const member = this.#members.get(clusterID);
    if (member !== undefined && member.phase !== 'failed') {
      throw new ErrClusterAlreadyExist(
        `group ${clusterID} is running on this host, as node ${member.nodeID}`,
      );
    }
    this.#members.set(clusterID, { phase: 'starting', nodeID });
    const { raftAddress } = this.#deps;
    const starting = this.#start(
      { clusterID, nodeID, raftAddress, initialMembers, join },
      createStateMachine,
      config,
    );
    this.#starting.add(starting);
    try {
      await starting;
    } catch (error) {
      this.#members.delete(clusterID);
      this.#deps.registry.removeCluster(clusterID);
      throw error;
    } finally {
      this.#starting.delete(starting);
    }
  }

  async #start(
    request: StartRequest,
    createStateMachine: CreateStateMachine,
    config: ClusterConfig,
  ): Promise<void> {
    const { clusterID, nodeID } = request;
    const { engine, logDB, registry, tickMs } = this.#deps;
    await this.#leaving.get(clusterID);
    const bootstrap = await bootstrapReplica(logDB, request);
    for (const [id, address] of bootstrap.addresses) registry.set(clusterID, id, address);
    const replica = await this.#load(config, createStateMachine);
    try {
      this.#closing.signal.throwIfAborted();
      engine.add(replica);
    } catch (error) {
      await replica.stop().catch(() => undefined);
      throw error;
    }
    this.#members.set(clusterID, { phase: 'running', nodeID, replica, user: new NodeUser(replica, tickMs) });
  }

  /** Stops the group's replica here; its data stays. @param nodeID when given, must be the replica's. */
  async stop(clusterID: number, nodeID?: number): Promise<void> {
    const member = this.#members.get(clusterID);
    if (member === undefined || (nodeID !== undefined && member.nodeID !== nodeID)) {
      throw notFound(clusterID, nodeID);
    }
    if (member.phase === 'starting') throw notInitialized(clusterID);
    this.#members.delete(clusterID);
    this.#deps.registry.removeCluster(clusterID);
    if (member.phase === 'running') await this.#leave(member.replica);
    else await this.#leaving.get(clusterID);
  }

  /** Stops all replicas, those that are starting too, and lets none start any more. */
  async stopAll(): Promise<void> {
    this.#closing.abort(new ErrClosed());
    const present = [...this.#members].filter(([, member]) => member.phase !== 'starting');
    const stops = present.map(([clusterID]) => this.stop(clusterID));
    await Promise.allSettled(this.#starting);
    await allSettled([...stops, ...this.#leaving.values()]);
  }

  /** Settles when the replica has stopped and nothing of it is on its way to the disk. */
  #leave(replica: Replica): Promise<void> {
    const { clusterID } = replica;
    const left = this.#deps.engine.remove(replica);
    const settled = left
      .catch(() => undefined)
      .then(() => {
        if (this.#leaving.get(clusterID) === settled) this.#leaving.delete(clusterID);
      });
    this.#leaving.set(clusterID, settled);
    return left;
  }

  /** Throws the error that says why the group can't be used, when it can't. */
  user(clusterID: number): NodeUser {
    const member = this.#members.get(clusterID);
    if (member?.phase === 'running') return member.user;
    if (member?.phase === 'starting') throw notInitialized(clusterID);
    if (member?.phase === 'failed') {
      const why = messageOf(member.error);
      throw new ErrReplicaFailed(`group ${clusterID}: the replica on this host has failed and was stopped: ${why}`, {
        cause: member.error,
      });
    }
    throw notFound(clusterID);
  }

  /** The running replica that a message is for. */
  find(clusterID: number, nodeID: number): Replica | undefined {
    const member = this.#members.get(clusterID);
    return member?.phase === 'running' && member.nodeID === nodeID ? member.replica : undefined;
  }

  replica(clusterID: number): Replica {
    this.user(clusterID);
    const member = this.#members.get(clusterID);
    if (member?.phase !== 'running') throw notFound(clusterID);
    return member.replica;
  }

  /**
   * The engine took the replica out: its waiting requests end, and later ones learn why. Throws what its state
   * machine's `close` threw.
   */
  async fail(replica: Replica, error: unknown): Promise<void> {
    const member = this.#members.get(replica.clusterID);
    if (member?.phase === 'running' && member.replica === replica) {
      this.#members.set(replica.clusterID, { phase: 'failed', nodeID: replica.nodeID, error });
    }
    await this.#leave(replica);
  }

  membershipChanged(replica: Replica, membership: Membership): void {
    this.#register(replica.clusterID, membership);
  }

  async #load(config: ClusterConfig, createStateMachine: CreateStateMachine): Promise<Replica> {
    const { clusterID, nodeID } = config;
    const { engine, logDB, random, softSettings, maxSessionCount } = this.#deps;
    const replica = new Replica(
      {
        clusterID,
        nodeID,
        limits: this.#deps.limits,
        proposals: new PendingProposals(clusterID, random.nextInt(KEY_NONCE_BOUND)),
        reads: new PendingReads(clusterID, 1 + random.nextInt(0xffff_fffe)),
      },
      engine,
    );
    const stateMachine: unknown = await createStateMachine(clusterID, nodeID);
    const rsm = new ReplicatedStateMachine({
      clusterID,
      nodeID,
      stateMachine: checkStateMachine(stateMachine),
      orderedConfigChange: config.orderedConfigChange,
      maxSessionCount,
      listener: replica,
    });
    try {
      const maxInMemLogBytes =
        config.maxInMemLogSize > 0 ? config.maxInMemLogSize : softSettings.maxInMemLogBytes;
      const limits = { maxInMemLogBytes, maxLogReadBytes: softSettings.maxLogReadBytes };
      const init = await loadReplica(logDB, clusterID, nodeID, rsm, limits, this.#closing.signal);
      this.#register(clusterID, init.membership);
      const raft = createRaft(
        {
          clusterID,
          nodeID,
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
      replica.attach(raft, rsm);
      return replica;
    } catch (error) {
      await rsm.close().catch(() => undefined); // the first error is the one to be told
      throw error;
    }
  }

  #register(clusterID: number, membership: Membership): void {
    const { registry } = this.#deps;
    for (const members of [membership.addresses, membership.observers]) {
      for (const [nodeID, address] of members) registry.set(clusterID, nodeID, address);
    }
    // The address of a node that was removed stays: the leader's last messages tell it that it was.
  }
}

const STATE_MACHINE_METHODS = ['update', 'lookup', 'saveSnapshot', 'recoverFromSnapshot', 'close', 'getHash'] as const;

/** Programs without types make mistakes here, which should not wait for the first proposal to come out. */
function checkStateMachine(stateMachine: unknown): IStateMachine {
  const methods = (stateMachine ?? {}) as Partial<Record<string, unknown>>;
  const missing = STATE_MACHINE_METHODS.filter((name) => typeof methods[name] !== 'function');
  if (missing.length === 0) return stateMachine as IStateMachine;
  throw new ErrInvalidOperation(`createStateMachine must return an IStateMachine; methods missing: ${missing.join(', ')}`);
}

function notFound(clusterID: number, nodeID?: number): ErrClusterNotFound {
  const which = nodeID === undefined ? '' : ` as node ${nodeID}`;
  return new ErrClusterNotFound(`group ${clusterID} does not run on this host${which}`);
}

function notInitialized(clusterID: number): ErrClusterNotInitialized {
  return new ErrClusterNotInitialized(`group ${clusterID} is starting: its log is being replayed`);
}
