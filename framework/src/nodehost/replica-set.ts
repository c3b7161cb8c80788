import type { Bootstrap, ILogDB, Membership } from '@drakkar/raftio';
import type { ClusterConfig } from '../config/cluster-config.js';
import type { Engine } from '../engine/engine.js';
import type { Replica } from '../engine/replica.js';
import {
  ErrClosed,
  ErrClusterAlreadyExist,
  ErrClusterNotStopped,
  ErrNodeRemoved,
  ErrStopTimeout,
} from '../errors/index.js';
import type { EventHub } from '../events/event-hub.js';
import type { NodeUnloadedEvent } from '../engine/replica-events.js';
import type { ILogger } from '../logging/logger.js';
import { allSettled } from '../runtime/all-settled.js';
import { finishesWithin } from '../runtime/finishes-within.js';
import type { CoreReport } from '../raft/index.js';
import type { IClock } from '../runtime/clock.js';
import {
  type OperationUnderWay,
  type Operations,
  describeGroups,
  describeOperations,
} from '../runtime/operations.js';
import type { CreateStateMachine } from '../statemachine/contract.js';
import type { NodeRegistry } from '../transport/node-registry.js';
import { checkIDs } from './ids.js';
import { type StartRequest, bootstrapReplica } from './bootstrap.js';
import { Handovers } from './handover.js';
import { type Member, notFound, notInitialized, unusable } from './member.js';
import { toClusterMembership } from '../engine/cluster-membership.js';
import { NodeUser } from './node-user.js';
import { finishRemoval, removeReplica } from './removal.js';
import type { ReplicaLoader } from './replica-loader.js';

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
  clock: IClock;
  events: EventHub;
  logger: ILogger;
  loader: ReplicaLoader;
  operations: Operations;
  /** For the stop of a group; 0 = no limit. */
  stopTimeoutMs: number;
}

/** The replicas of a host: at most one per group. */
export class ReplicaSet {
  readonly #deps: ReplicaSetDependencies;
  readonly #members = new Map<number, Member>();
  readonly #handovers: Handovers;
  /** Replicas on their way out of the engine, by group: another life of one begins when this one has ended. */
  readonly #leaving = new Map<number, Promise<void>>();
  /** Removals of data that are under way, by group. */
  readonly #removals = new Map<number, Promise<void>>();
  readonly #starting = new Set<Promise<Replica>>();
  readonly #closing = new AbortController();

  constructor(deps: ReplicaSetDependencies) {
    this.#deps = deps;
    this.#handovers = new Handovers(deps.clock, deps.tickMs);
  }

  /** Starts a replica: bootstrap, replay of its log, and a place in the engine's loop. @throws ErrClosed */
  async start(
    initialMembers: ReadonlyMap<number, string>,
    join: boolean,
    createStateMachine: CreateStateMachine,
    config: ClusterConfig,
  ): Promise<void> {
    const { clusterID, nodeID, isObserver } = config;
    let former = this.#members.get(clusterID);
    for (; former?.phase === 'stopping'; former = this.#members.get(clusterID)) {
      await this.#mustEnd(
        clusterID,
        former.done.catch(() => undefined),
      ); // told to who stopped it
    }
    this.#closing.signal.throwIfAborted();
    if (former?.phase === 'removed' && former.nodeID === nodeID) throw nodeRemoved(clusterID, nodeID);
    if (former !== undefined && former.phase !== 'failed' && former.phase !== 'removed') {
      throw new ErrClusterAlreadyExist(
        `group ${clusterID} is ${former.phase} on this host, as node ${former.nodeID}`,
      );
    }
    this.#members.set(clusterID, { phase: 'starting', nodeID });
    const { raftAddress } = this.#deps;
    const settings = this.#deps.loader.configuredSettings(config);
    const isForDragonboat = config.compatibility === 'dragonboat-2.1';
    const request = {
      clusterID,
      nodeID,
      raftAddress,
      initialMembers,
      join,
      isObserver,
      settings,
      isForDragonboat,
    };
    const starting = this.#start(request, createStateMachine, config, former);
    this.#starting.add(starting);
    let replica: Replica;
    try {
      replica = await starting;
    } catch (error) {
      this.#forget(clusterID);
      // What it was doing was cut short; the caller is to hear why, and not how that came out.
      this.#closing.signal.throwIfAborted();
      throw error;
    } finally {
      this.#starting.delete(starting);
    }
    if (replica.removed) throw nodeRemoved(clusterID, nodeID);
  }

  async #start(
    request: StartRequest,
    createStateMachine: CreateStateMachine,
    config: ClusterConfig,
    former: Member | undefined,
  ): Promise<Replica> {
    const { clusterID, nodeID } = request;
    const { engine, events, loader, logDB, registry, tickMs } = this.#deps;
    if (former?.phase === 'removed') await this.#mustEnd(clusterID, this.#endGrace(clusterID, former));
    await this.#mustEnd(clusterID, this.#leaving.get(clusterID));
    await this.#mustEnd(clusterID, this.#removals.get(clusterID));
    await finishRemoval(logDB, loader.snapshotStore(clusterID, nodeID), clusterID, nodeID);
    const bootstrap = await bootstrapReplica(logDB, request);
    for (const [id, address] of bootstrap.addresses) registry.set(clusterID, id, address);
    const replica = await this.#load(config, createStateMachine, bootstrap);
    try {
      this.#closing.signal.throwIfAborted();
      engine.add(replica);
    } catch (error) {
      await replica.stop().catch(() => undefined);
      throw error;
    }
    const electionTimeoutMs = config.electionRTT * tickMs;
    const user = new NodeUser(replica, tickMs);
    this.#members.set(clusterID, { phase: 'running', nodeID, replica, user, electionTimeoutMs });
    // Its log says that it was removed: it only answers the others for a while.
    if (replica.removed) this.#retire(replica);
    else events.emit('nodeReady', { clusterID, nodeID });
    return replica;
  }

  /**
   * Stops the group's replica here; its data stays.
   *
   * @param nodeID when given, must be the replica's
   * @throws ErrStopTimeout when it has not stopped in time: it goes on stopping, and can't be started before it has
   */
  async stop(clusterID: number, nodeID?: number): Promise<void> {
    await this.#ended(clusterID, this.#stop(clusterID, nodeID));
  }

  async #ended(clusterID: number, stopping: Promise<void>): Promise<void> {
    const { stopTimeoutMs, clock } = this.#deps;
    if (await finishesWithin(stopping, stopTimeoutMs, clock)) return;
    stopping.catch(() => undefined); // nobody waits for it any more
    throw this.#stopTimeout(stopTimeoutMs, [clusterID]);
  }

  /** Waits for what has to end before a group is started again. @throws ErrClusterNotStopped when it does not in time */
  async #mustEnd(clusterID: number, stopping: Promise<void> | undefined): Promise<void> {
    if (stopping === undefined) return;
    const { stopTimeoutMs, clock } = this.#deps;
    if (await finishesWithin(stopping, stopTimeoutMs, clock)) return;
    stopping.catch(() => undefined); // nobody waits for it any more
    const waits = this.#waitsOf([clusterID]);
    throw new ErrClusterNotStopped(
      `group ${clusterID} is still stopping on this host, after ${stopTimeoutMs} ms of waiting: it waits for ` +
        describeOperations(waits),
      { details: { clusterID, waits } },
    );
  }

  #waitsOf(clusterIDs: readonly number[]): OperationUnderWay[] {
    const concerned = new Set(clusterIDs);
    return this.#deps.operations
      .list()
      .filter(({ clusterIDs: groups }) => groups.some((each) => concerned.has(each)));
  }

  #stopTimeout(timeoutMs: number, clusterIDs: number[]): ErrStopTimeout {
    const waits = this.#waitsOf(clusterIDs);
    return new ErrStopTimeout(
      `replicas have not stopped within ${timeoutMs} ms: those of ${describeGroups(clusterIDs)}, ` +
        `which wait for ${describeOperations(waits)}`,
      { details: { clusterIDs, waits } },
    );
  }

  async #stop(clusterID: number, nodeID?: number): Promise<void> {
    const member = this.#members.get(clusterID);
    if (member === undefined || (nodeID !== undefined && member.nodeID !== nodeID)) {
      throw notFound(clusterID, nodeID);
    }
    switch (member.phase) {
      case 'starting':
        throw notInitialized(clusterID);
      case 'running':
        return await this.#unload(member);
      case 'stopping':
        return await member.done;
      case 'removed':
        this.#forget(clusterID);
        return await this.#endGrace(clusterID, member);
      case 'failed':
        this.#forget(clusterID);
        await this.#leaving.get(clusterID);
    }
  }

  /**
   * Stops all replicas, those that are starting too, and lets none start any more.
   *
   * @param timeoutMs for all of them together; 0 = no limit
   * @throws ErrStopTimeout when that was not enough, since a state machine is at something that does not end; what
   *   the `close` of one threw
   */
  async stopAll(timeoutMs: number): Promise<void> {
    this.#closing.abort(new ErrClosed());
    if (await finishesWithin(this.#stopAll(), timeoutMs, this.#deps.clock)) return;
    const groups = new Set([...this.#members.keys(), ...this.#leaving.keys(), ...this.#removals.keys()]);
    const clusterIDs = [...groups].sort((a, b) => a - b);
    throw this.#stopTimeout(timeoutMs, clusterIDs);
  }

  async #stopAll(): Promise<void> {
    const present = [...this.#members].filter(([, member]) => member.phase !== 'starting');
    const stops = present.map(([clusterID]) => this.#stop(clusterID));
    await Promise.allSettled(this.#starting);
    await allSettled([...stops, ...this.#leaving.values(), ...this.#removals.values()]);
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

  #unload(member: Extract<Member, { phase: 'running' }>): Promise<void> {
    member.replica.closing = true;
    const done = this.#handOverAndLeave(member);
    this.#members.set(member.replica.clusterID, { ...member, phase: 'stopping', done });
    return done;
  }

  /** A leader hands over first, so that its group need not wait for an election timeout. */
  async #handOverAndLeave({
    replica,
    electionTimeoutMs,
  }: Extract<Member, { phase: 'running' }>): Promise<void> {
    await this.#handovers.handOver(replica, electionTimeoutMs);
    try {
      await this.#leave(replica);
    } finally {
      this.#forget(replica.clusterID);
      this.#unloaded(replica, 'stopped');
    }
  }

  #forget(clusterID: number): void {
    this.#members.delete(clusterID);
    this.#deps.registry.removeCluster(clusterID);
  }

  /** The replica's group has removed it: it takes no more requests, answers the others for a while, and is gone. */
  #retire(replica: Replica): void {
    const { clusterID, nodeID } = replica;
    const { clock, logger } = this.#deps;
    const member = this.#members.get(clusterID);
    replica.close();
    if (member?.phase !== 'running' || member.replica !== replica) return;
    const grace = clock.setTimeout(() => {
      const present = this.#members.get(clusterID);
      if (present !== undefined && 'replica' in present && present.replica === replica)
        this.#members.set(clusterID, { phase: 'removed', nodeID });
      this.#leave(replica).catch((err: unknown) => {
        logger.warn('the state machine of a removed replica could not be closed', { clusterID, nodeID, err });
      });
    }, REMOVED_GRACE_ELECTION_TIMEOUTS * member.electionTimeoutMs);
    this.#members.set(clusterID, { ...member, phase: 'removed', grace });
    logger.info('the group has removed this node', { clusterID, nodeID });
    this.#unloaded(replica, 'removed');
  }

  #endGrace(clusterID: number, member: Extract<Member, { phase: 'removed' }>): Promise<void> {
    if (!('replica' in member)) return this.#leaving.get(clusterID) ?? Promise.resolve();
    member.grace.cancel();
    return this.#leave(member.replica);
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

  /**
   * The engine took the replica out: its waiting requests end, and later ones learn why. Throws what its state
   * machine's `close` threw.
   */
  async fail(replica: Replica, error: unknown): Promise<void> {
    const { clusterID, nodeID } = replica;
    replica.failure ??= { error };
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
    await this.#leave(replica);
  }

  leaderChanged(replica: Replica, leaderID: number, term: number): void {
    const { clusterID, nodeID } = replica;
    this.#handovers.leaderChanged(replica);
    this.#deps.events.emit('leaderUpdated', { clusterID, nodeID, leaderID, term });
  }

  reported(replica: Replica, report: CoreReport): void {
    const { clusterID, nodeID } = replica;
    const { events, logger } = this.#deps;
    if (report.type === 'removed') {
      const { saidBy } = report;
      logger.warn('members say that the group has removed this node while it was away', {
        clusterID,
        nodeID,
        saidBy,
      });
      replica.removed = true;
      this.#retire(replica);
      return;
    }
    if (report.type === 'steppedDown') {
      const { term, reason } = report;
      logger.warn('the leader has stepped down', { clusterID, nodeID, term, reason });
      events.emit('leaderSteppedDown', { clusterID, nodeID, term, reason });
      return;
    }
    const { applied, commit } = report;
    logger.warn('the state machine has applied nothing for long, though entries are committed', {
      clusterID,
      nodeID,
      applied,
      commit,
    });
    events.emit('stateMachineStalled', { clusterID, nodeID, applied, commit });
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
   * Removes everything of a replica that does not run, if there is anything. Its node id can't be started here any
   * more: a voting member that comes back without the promises that it made breaks the group.
   */
  async removeData(clusterID: number, nodeID: number): Promise<void> {
    checkIDs({ clusterID, nodeID });
    const member = this.#members.get(clusterID);
    if (member?.nodeID === nodeID) {
      if (member.phase !== 'failed' && member.phase !== 'removed') {
        throw new ErrClusterNotStopped(`group ${clusterID} node ${nodeID} runs on this host: stop it first`);
      }
      await this.stop(clusterID, nodeID);
    }
    const before = this.#removals.get(clusterID);
    const removal = (before ?? Promise.resolve()).then(async () => {
      const { logDB, loader } = this.#deps;
      await removeReplica(logDB, loader.snapshotStore(clusterID, nodeID), clusterID, nodeID);
    });
    const settled = removal.then(undefined, () => undefined);
    this.#removals.set(clusterID, settled);
    try {
      await removal;
    } finally {
      if (this.#removals.get(clusterID) === settled) this.#removals.delete(clusterID);
    }
  }

  #unloaded({ clusterID, nodeID }: Replica, reason: NodeUnloadedEvent['reason']): void {
    this.#deps.events.emit('nodeUnloaded', { clusterID, nodeID, reason });
  }

  async #load(
    config: ClusterConfig,
    createStateMachine: CreateStateMachine,
    bootstrap: Bootstrap,
  ): Promise<Replica> {
    const { engine, loader } = this.#deps;
    const { signal } = this.#closing;
    const { replica, init } = await loader.load(config, createStateMachine, engine, bootstrap, signal);
    this.#register(config.clusterID, init.membership);
    return replica;
  }

  #register(clusterID: number, membership: Membership): void {
    const { registry } = this.#deps;
    for (const members of [membership.addresses, membership.observers]) {
      for (const [nodeID, address] of members) registry.set(clusterID, nodeID, address);
    }
    for (const nodeID of membership.removed.keys()) registry.retire(clusterID, nodeID);
  }
}

function nodeRemoved(clusterID: number, nodeID: number): ErrNodeRemoved {
  return new ErrNodeRemoved(
    `group ${clusterID}: node ${nodeID} was removed from the group, and a node id never comes back. Add a new node ` +
      'under another id and start that with join = true; removeData gives back the space of this one',
  );
}
