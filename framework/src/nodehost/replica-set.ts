import type { ILogDB, Membership } from '@drakkar/raftio';
import type { ClusterConfig } from '../config/cluster-config.js';
import type { Engine } from '../engine/engine.js';
import { loadReplica } from '../engine/log-loader.js';
import { Replica, type ReplicaLimits } from '../engine/replica.js';
import { ErrClosed, ErrClusterAlreadyExist, ErrClusterNotStopped, ErrNodeRemoved } from '../errors/index.js';
import type { EventHub } from '../events/event-hub.js';
import type { NodeUnloadedEvent } from '../events/host-listener.js';
import { createRaft } from '../raft/index.js';
import { PendingConfigChange } from '../requests/pending-config-change.js';
import { KEY_NONCE_BOUND, PendingProposals } from '../requests/pending-proposals.js';
import { PendingReads } from '../requests/pending-reads.js';
import { ReplicatedStateMachine } from '../rsm/index.js';
import type { IClock } from '../runtime/clock.js';
import type { IRandom } from '../runtime/random.js';
import type { SoftSettings } from '../settings/soft.js';
import type { CreateStateMachine } from '../statemachine/contract.js';
import type { NodeRegistry } from '../transport/node-registry.js';
import { bootstrapReplica, saveTombstone } from './bootstrap.js';
import { Handovers } from './handover.js';
import { type Member, notFound, notInitialized, unusable } from './member.js';
import { toClusterMembership } from './membership-requests.js';
import { NodeUser } from './node-user.js';

/**
 * For how many election timeouts a removed replica goes on answering. A leader that removes itself may be the only
 * one who knows that the removal is committed: in a group of two, the other can't win an election without it.
 */
const REMOVED_GRACE_ELECTION_TIMEOUTS = 20;

export interface ReplicaSetDependencies {
  raftAddress: string;
  tickMs: number;
  logDB: ILogDB;
  engine: Engine;
  registry: NodeRegistry;
  random: IRandom;
  clock: IClock;
  events: EventHub;
  limits: ReplicaLimits;
  softSettings: SoftSettings;
  maxSessionCount: number;
}

/** The replicas of a host: at most one per group. */
export class ReplicaSet {
  readonly #deps: ReplicaSetDependencies;
  readonly #members = new Map<number, Member>();
  readonly #handovers: Handovers;
  /** Removals of data that are under way, by group. */
  readonly #removals = new Map<number, Promise<void>>();
  #closed = false;

  constructor(deps: ReplicaSetDependencies) {
    this.#deps = deps;
    this.#handovers = new Handovers(deps.clock);
  }

  /** Starts a replica: bootstrap, replay of its log, and a place in the engine's loop. */
  async start(
    initialMembers: ReadonlyMap<number, string>,
    join: boolean,
    createStateMachine: CreateStateMachine,
    config: ClusterConfig,
  ): Promise<void> {
    const { clusterID, nodeID } = config;
    const member = this.#members.get(clusterID);
    if (member?.phase === 'stopping') {
      throw new ErrClusterAlreadyExist(
        `group ${clusterID} is being stopped on this host: wait for stopCluster`,
      );
    }
    if (member?.phase === 'removed' && member.nodeID === nodeID) throw nodeRemoved(clusterID, nodeID);
    if (member?.phase === 'starting' || member?.phase === 'running') {
      throw new ErrClusterAlreadyExist(
        `group ${clusterID} is running on this host, as node ${member.nodeID}`,
      );
    }
    const done = this.#start({ initialMembers, join, createStateMachine, config }, member);
    // Never rejects: only for those who wait for the end of the start, whatever it is.
    const settled = done.then(undefined, () => undefined);
    this.#members.set(clusterID, { phase: 'starting', nodeID, done: settled });
    await done;
  }

  /** Stops the group's replica here; its data stays. @param nodeID when given, must be the replica's. */
  async stop(clusterID: number, nodeID?: number): Promise<void> {
    const member = this.#members.get(clusterID);
    if (member === undefined || (nodeID !== undefined && member.nodeID !== nodeID)) {
      throw notFound(clusterID, nodeID);
    }
    if (member.phase === 'starting') throw notInitialized(clusterID);
    if (member.phase === 'running') {
      const done = this.#unload(member);
      this.#members.set(clusterID, { ...member, phase: 'stopping', done });
      await done;
    } else if (member.phase === 'stopping') {
      await member.done;
    } else {
      this.#members.delete(clusterID);
      await this.#letGo(clusterID, member);
    }
  }

  /** Stops everything that runs, and what is being started, too. Nothing can be started afterwards. */
  async stopAll(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#members].map(([clusterID, member]) => this.#stopAtEnd(clusterID, member)));
    await Promise.all(this.#removals.values());
  }

  /** Throws the error that says why the group can't be used, when it can't. */
  user(clusterID: number): NodeUser {
    const member = this.#members.get(clusterID);
    if (member?.phase !== 'running') throw unusable(clusterID, member);
    return member.user;
  }

  /** The replica in the engine that a message is for. */
  find(clusterID: number, nodeID: number): Replica | undefined {
    const member = this.#members.get(clusterID);
    return member !== undefined && 'replica' in member && member.nodeID === nodeID
      ? member.replica
      : undefined;
  }

  replica(clusterID: number): Replica {
    const member = this.#members.get(clusterID);
    if (member?.phase !== 'running') throw unusable(clusterID, member);
    return member.replica;
  }

  /** Every group of this host, in whatever phase. */
  list(): ReadonlyMap<number, Member> {
    return this.#members;
  }

  /** The engine took the replica out: its waiting requests end, and later ones learn why. */
  async fail(replica: Replica, error: unknown): Promise<void> {
    const { clusterID, nodeID } = replica;
    const { events } = this.#deps;
    const member = this.#members.get(clusterID);
    if (member !== undefined && 'replica' in member && member.replica === replica) {
      events.emit('replicaFailed', { clusterID, nodeID, error });
      if (member.phase === 'running') {
        this.#members.set(clusterID, { phase: 'failed', nodeID, error });
        this.#unloaded(replica, 'failed');
      }
    }
    this.#handovers.gone(replica);
    await replica.stop();
  }

  leaderChanged(replica: Replica, leaderID: number, term: number): void {
    const { clusterID, nodeID } = replica;
    this.#handovers.leaderChanged(replica);
    this.#deps.events.emit('leaderUpdated', { clusterID, nodeID, leaderID, term });
  }

  membershipChanged(replica: Replica, membership: Membership): void {
    const { clusterID, nodeID } = replica;
    this.#register(clusterID, membership);
    this.#deps.events.emit('membershipChanged', {
      clusterID,
      nodeID,
      membership: toClusterMembership(membership),
    });
    if (membership.removed.has(nodeID)) this.#retire(replica);
  }

  /**
   * Removes everything of a replica that does not run. Its node id can't be started here any more: a voting member
   * that comes back without the promises that it made breaks the group.
   */
  async removeData(clusterID: number, nodeID: number): Promise<void> {
    const member = this.#members.get(clusterID);
    if (member?.nodeID === nodeID) {
      if (member.phase !== 'failed' && member.phase !== 'removed') {
        throw new ErrClusterNotStopped(`group ${clusterID} node ${nodeID} runs on this host: stop it first`);
      }
      await this.stop(clusterID, nodeID);
    }
    const before = this.#removals.get(clusterID);
    const removal = (before ?? Promise.resolve()).then(async () => {
      const { logDB } = this.#deps;
      await logDB.removeNodeData(clusterID, nodeID);
      await saveTombstone(logDB, clusterID, nodeID);
    });
    const settled = removal.then(undefined, () => undefined);
    this.#removals.set(clusterID, settled);
    try {
      await removal;
    } finally {
      if (this.#removals.get(clusterID) === settled) this.#removals.delete(clusterID);
    }
  }

  async #start(
    request: StartOptions,
    former: Exclude<Member, { phase: 'running' }> | undefined,
  ): Promise<void> {
    const { initialMembers, join, createStateMachine, config } = request;
    const { clusterID, nodeID } = config;
    const { logDB, raftAddress, registry, tickMs, engine } = this.#deps;
    // What runs up to the first await must not see the member that `start` is about to enter.
    await Promise.resolve();
    try {
      if (former !== undefined) await this.#letGo(clusterID, former);
      await this.#removals.get(clusterID);
      const { isObserver } = config;
      const asked = { clusterID, nodeID, raftAddress, initialMembers, join, isObserver };
      const bootstrap = await bootstrapReplica(logDB, asked);
      for (const [id, address] of bootstrap.addresses) registry.set(clusterID, id, address);
      const replica = await this.#load(config, createStateMachine);
      const electionTimeoutMs = config.electionRTT * tickMs;
      const loaded = { nodeID, replica, user: new NodeUser(replica, tickMs), electionTimeoutMs };
      this.#members.set(clusterID, { ...loaded, phase: 'running' });
      engine.add(replica);
      if (!replica.removed) {
        this.#deps.events.emit('nodeReady', { clusterID, nodeID });
        return;
      }
    } catch (error) {
      this.#members.delete(clusterID);
      this.#deps.registry.removeCluster(clusterID);
      throw error;
    }
    const replica = this.find(clusterID, nodeID);
    if (replica !== undefined) this.#retire(replica);
    throw nodeRemoved(clusterID, nodeID);
  }

  async #stopAtEnd(clusterID: number, member: Member): Promise<void> {
    if (member.phase === 'starting') await member.done;
    if (this.#members.has(clusterID)) await this.stop(clusterID);
  }

  /** Hands over, if the replica leads, and takes it out of the engine. */
  async #unload(member: Extract<Member, { phase: 'running' }>): Promise<void> {
    const { replica, electionTimeoutMs } = member;
    replica.closing = true;
    // Not a step of this turn: `stop` is about to enter the phase.
    await Promise.resolve();
    await this.#handovers.handOver(replica, electionTimeoutMs);
    try {
      await this.#deps.engine.remove(replica);
    } finally {
      this.#members.delete(replica.clusterID);
      this.#deps.registry.removeCluster(replica.clusterID);
      this.#unloaded(replica, 'stopped');
    }
  }

  /** Lets go of what is left of a replica that failed or was removed. */
  async #letGo(clusterID: number, member: Member): Promise<void> {
    this.#deps.registry.removeCluster(clusterID);
    if (member.phase !== 'removed') return;
    member.grace?.cancel();
    await this.#deps.engine.remove(member.replica);
  }

  /** The replica's group has removed it: it takes no more requests, answers the others for a while, and is gone. */
  #retire(replica: Replica): void {
    const { clusterID } = replica;
    const member = this.#members.get(clusterID);
    replica.close();
    if (member?.phase !== 'running' || member.replica !== replica) return;
    const retired: Member = { ...member, phase: 'removed', grace: undefined };
    retired.grace = this.#deps.clock.setTimeout(() => {
      retired.grace = undefined;
      void this.#deps.engine.remove(replica);
    }, REMOVED_GRACE_ELECTION_TIMEOUTS * member.electionTimeoutMs);
    this.#members.set(clusterID, retired);
    this.#unloaded(replica, 'removed');
  }

  #unloaded({ clusterID, nodeID }: Replica, reason: NodeUnloadedEvent['reason']): void {
    this.#deps.events.emit('nodeUnloaded', { clusterID, nodeID, reason });
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
        configChange: new PendingConfigChange(clusterID, random.nextInt(KEY_NONCE_BOUND)),
      },
      engine,
    );
    const rsm = new ReplicatedStateMachine({
      clusterID,
      nodeID,
      stateMachine: await createStateMachine(clusterID, nodeID),
      orderedConfigChange: config.orderedConfigChange,
      maxSessionCount,
      listener: replica,
    });
    try {
      const maxInMemLogBytes =
        config.maxInMemLogSize > 0 ? config.maxInMemLogSize : softSettings.maxInMemLogBytes;
      const init = await loadReplica(logDB, clusterID, nodeID, rsm, {
        maxInMemLogBytes,
        maxLogReadBytes: softSettings.maxLogReadBytes,
      });
      this.#register(clusterID, init.membership);
      if (init.membership.removed.has(nodeID)) replica.removed = true;
      if (this.#closed) throw new ErrClosed();
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
      await rsm.close();
      throw error;
    }
  }

  /** Addresses of removed nodes stay known: the news of its removal is still to be sent to one. */
  #register(clusterID: number, membership: Membership): void {
    const { registry } = this.#deps;
    for (const members of [membership.addresses, membership.observers]) {
      for (const [nodeID, address] of members) registry.set(clusterID, nodeID, address);
    }
  }
}

interface StartOptions {
  initialMembers: ReadonlyMap<number, string>;
  join: boolean;
  createStateMachine: CreateStateMachine;
  config: ClusterConfig;
}

function nodeRemoved(clusterID: number, nodeID: number): ErrNodeRemoved {
  return new ErrNodeRemoved(
    `group ${clusterID}: node ${nodeID} was removed from the group, and a node id never comes back. Add a new node ` +
      'under another id and start that with join = true; removeData gives back the space of this one',
  );
}
