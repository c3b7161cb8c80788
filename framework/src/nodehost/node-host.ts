import { ConfigChangeType, EMPTY_BYTES, type GroupSettings, type Uint64 } from '@drakkar/raftio';
import type { Session } from '../client/session.js';
import { newNoOPSession, newSession } from '../client/session.js';
import type { ClusterConfigInput } from '../config/cluster-config.js';
import type { NodeHostConfig } from '../config/node-host-config.js';
import { validateClusterConfig } from '../config/validate-cluster.js';
import { ErrClosed, ErrInvalidOperation } from '../errors/index.js';
import type { RequestState } from '../requests/request-state.js';
import type { CreateStateMachine } from '../statemachine/contract.js';
import type { CreateOptions, HostParts, NodeHostConfigSource } from './assembly.js';
import type { SysOpState } from './compactions.js';
import type { ExportOptions, ExportedSnapshot } from './export-snapshot.js';
import { checkIDs } from './ids.js';
import { type LeaderInfo, type NodeHostInfo, replicaInfo } from './host-info.js';
import { type InitialMembers, memberMap } from './members.js';
import type { ClusterMembership } from '../engine/cluster-membership.js';
import { type INodeUser, type NodeUser, checkSession, restatedFor } from './node-user.js';
import type { MembershipChange } from './membership-requests.js';
import type { CallOptions, ChangeOptions } from './options.js';
import { completed } from './outcome.js';
import { loadAssembly, loadExport } from './parts.js';
import * as groups from '../group/start-group.js';
import type { GroupOf } from '../typed/client.js';
import { Emitter } from '../events/emitter.js';
import type { HostEvents } from '../events/host-listener.js';
import { asyncDispose } from '../runtime/async-dispose.js';
import { waitReady } from './readiness.js';
import { type ReplaceOptions, replaceNode } from './replace-node.js';

/**
 * A host of Raft groups: one per process, as a rule. Runs at most one replica of each group, with the storage and the
 * transport that its configuration names.
 *
 * Errors are classes of `DrakkarError` with a stable `code`; each says whether the call may have had an effect
 * (`effect`) and where it may be repeated (`retry`). All calls but `stop` throw `ErrClosed` after `stop`.
 *
 * `await using host = await NodeHost.create(…)` stops it at the end of the scope.
 */
export class NodeHost extends Emitter<HostEvents> {
  readonly #parts: HostParts;
  #stopping: Promise<void> | undefined;

  private constructor(parts: HostParts) {
    super(parts.events);
    this.#parts = parts;
  }

  /**
   * Opens the data directory, listens, and is ready for `startCluster`.
   *
   * @param config a configuration, or the path of a YAML or JSON file
   * @throws ErrInvalidConfig with every mistake at once, ErrModuleNotFound, ErrInvalidModule, ErrAddressInUse,
   *   ErrInvalidAddress, ErrTLS, ErrLockDirectory, ErrNotOwner, ErrDeploymentIDChanged, ErrHardSettingsChanged,
   *   ErrLogDBType, ErrIncompatibleData, ErrDirNotExist; the data directory is left as it was
   */
  static async create(config: NodeHostConfigSource, options: CreateOptions = {}): Promise<NodeHost> {
    const { assembleHost } = await loadAssembly();
    return new NodeHost(await assembleHost(config, options));
  }

  /**
   * Starts the replica `config.nodeID` of group `config.clusterID` here. Resolves when its log has been replayed.
   *
   * @param initialMembers all members of a group that is started for the first time, the same on each of them; on a
   *   restart the same again, or none
   * @param join true for a node that was added to a running group; `initialMembers` is then empty
   * @throws ErrInvalidConfig, ErrClusterAlreadyExist, ErrInvalidClusterSettings, ErrClusterNotBootstrapped,
   *   ErrNodeRemoved, ErrLogDBCorrupt, and what `createStateMachine` throws
   */
  async startCluster(
    initialMembers: InitialMembers,
    join: boolean,
    createStateMachine: CreateStateMachine,
    config: ClusterConfigInput,
  ): Promise<void> {
    this.#checkOpen();
    if (typeof createStateMachine !== 'function')
      throw new ErrInvalidOperation('createStateMachine must be a function');
    const { config: checked, warnings } = validateClusterConfig(config);
    for (const { path, message } of warnings)
      this.#parts.log.warn(`group configuration: ${path}: ${message}`);
    await this.#parts.replicas.start(memberMap(initialMembers), join, createStateMachine, checked);
  }

  /** As `startCluster`, and returns the handle of the group. @throws ErrInvalidOption, and as `startCluster` */
  async startGroup<Machine extends groups.GroupStateMachine>(
    options: groups.StartGroupOptions<Machine>,
  ): Promise<GroupOf<Machine>> {
    const { members, join, create, config, handle } = groups.startArguments(options);
    await this.startCluster(members, join, create, config);
    return handle(groups.groupParts(this.#parts, this, config.clusterID)) as GroupOf<Machine>;
  }

  /**
   * Stops the group's replica on this host; its data stays. If it leads, it hands over first, for which it waits an
   * election timeout at most.
   *
   * @throws ErrClusterNotFound, ErrClusterNotInitialized; ErrStateMachineFailed when the state machine's `close`
   *   threw, the replica is stopped nevertheless; ErrStopTimeout when it has not stopped within
   *   `settings.stopTimeoutMs`, it goes on stopping
   */
  async stopCluster(clusterID: number): Promise<void> {
    this.#checkOpen();
    await this.#parts.replicas.stop(clusterID);
  }

  /** As `stopCluster`, if the replica here is that node. */
  async stopNode(clusterID: number, nodeID: number): Promise<void> {
    this.#checkOpen();
    await this.#parts.replicas.stop(clusterID, nodeID);
  }

  /**
   * Stops every replica, also those that are starting, and those that lead after handing over; closes connections,
   * storage and the data directory. Idempotent. What a state machine's `close` threw comes out as
   * ErrStateMachineFailed when everything has been released. So does ErrStopTimeout: what does not end within
   * `settings.stopTimeoutMs` is left behind; its message and `details.waits` say what that is.
   */
  stop(): Promise<void> {
    if (this.#stopping === undefined) {
      this.#parts.events.emit('nodeHostShuttingDown', {});
      this.#stopping = this.#parts.stop();
    }
    return this.#stopping;
  }

  [asyncDispose](): Promise<void> {
    return this.stop();
  }

  /**
   * Reads again what may change while the host runs: the levels of `log`, if the configuration is a file, and the files of
   * mutual TLS, at once. What else has changed in the configuration needs a restart, and is logged. `drakkar serve` calls
   * it on SIGHUP.
   *
   * @throws ErrInvalidConfig, ErrTLS: what can't be used is left as it was
   */
  async reload(): Promise<void> {
    this.#checkOpen();
    await this.#parts.reload();
  }

  /**
   * Proposes a command and waits until it is committed and applied on this host. The value is what
   * `IStateMachine.update` returned. With a registered session call `session.proposalCompleted()` after success;
   * after `ErrTimeout` propose the same again with the session as it is, and it is applied at most once.
   *
   * @throws ErrTimeout, ErrCanceled, ErrRequestTerminated (effect unknown), ErrClusterNotReady, ErrSystemBusy (no
   *   effect, retry here), ErrRejected, ErrSessionInUse, ErrInvalidSession, ErrPayloadTooBig, ErrTimeoutTooSmall, ErrInvalidDeadline,
   *   ErrClusterNotFound, ErrClusterNotInitialized, ErrClusterClosed, ErrReplicaFailed
   */
  async syncPropose(session: Session, cmd: Uint8Array, options?: CallOptions): Promise<Uint64> {
    const request = this.propose(session, cmd, options);
    return (await completed(request, options?.signal)).value;
  }

  /** Proposes a command without waiting; the returned state says how it ends. @throws as `syncPropose`, at once */
  propose(session: Session, cmd: Uint8Array, options?: CallOptions): RequestState {
    return this.#userOf(session, cmd).propose(session, cmd, options);
  }

  /** Proposes to register or unregister a session that was prepared for it; see `getNewSession`. */
  proposeSession(session: Session, options?: CallOptions): RequestState {
    return this.#userOf(session, EMPTY_BYTES).proposeSession(session, options);
  }

  /**
   * A linearizable read (thesis 6.4): `IStateMachine.lookup` on this host, after everything that was committed
   * before the call.
   *
   * @throws as `syncPropose`; a read has no effect, whatever its error
   */
  async syncRead(clusterID: number, query: Uint8Array, options?: CallOptions): Promise<Uint8Array> {
    const user = this.#user(clusterID);
    await completed(user.readIndex(options), options?.signal);
    return await user.lookup(query);
  }

  /** Starts a linearizable read; when it has completed, `readLocalNode` may look. */
  readIndex(clusterID: number, options?: CallOptions): RequestState {
    return this.#user(clusterID).readIndex(options);
  }

  /**
   * The second half of a linearizable read.
   *
   * @throws ErrInvalidOperation unless `request` is a read that has completed, of the replica as it runs now
   */
  async readLocalNode(request: RequestState, query: Uint8Array): Promise<Uint8Array> {
    return await this.#user(request.clusterID).readLocalNode(request, query);
  }

  /** @deprecated Looks at the state machine as it is here, which may be out of date; use `syncRead`. */
  async readLocal(clusterID: number, query: Uint8Array): Promise<Uint8Array> {
    return await this.#user(clusterID).lookup(query);
  }

  /** Registers a client session with the group, so that its proposals are applied at most once. */
  async getNewSession(clusterID: number, options?: CallOptions): Promise<Session> {
    const user = this.#user(clusterID);
    return await user.register(newSession(clusterID, this.#parts.services.random), options);
  }

  /** Unregisters a session. @throws ErrRejected if the group does not know it any more */
  async closeSession(session: Session, options?: CallOptions): Promise<void> {
    await this.#userOf(session, EMPTY_BYTES).unregister(session, options);
  }

  /** A session for proposals that may be applied more than once if they are retried. Costs nothing. */
  getNoOPSession(clusterID: number): Session {
    this.#checkOpen();
    checkIDs({ clusterID });
    return newNoOPSession(clusterID, this.#parts.services.random);
  }

  /**
   * Takes a snapshot of the replica on this host, and cuts its log behind it. Resolves to the snapshot's index; one
   * that is under way counts.
   *
   * @throws ErrRejected when nothing was applied since the newest; ErrClusterClosed, ErrSnapshotNoSpace, and what
   *   `IStateMachine.saveSnapshot` throws
   */
  async requestSnapshot(clusterID: number): Promise<number> {
    return await this.#user(clusterID).requestSnapshot();
  }

  /**
   * Has the LogDB give back the disk space of entries that were removed: those behind a snapshot, when
   * `disableAutoCompactions` keeps that from being done after each, and what a node has left that does not run here
   * any more. How much the files shrink is up to the LogDB: one without the capability `shrinksOnCompaction`, as
   * LMDB, uses the space again instead.
   *
   * @returns the operation, under way
   * @throws ErrRejected when there is nothing to give back, ErrClusterNotFound when this host has nothing of that
   *   node, ErrClusterNotInitialized, ErrClusterClosed, ErrReplicaFailed
   */
  async requestCompaction(clusterID: number, nodeID: number): Promise<SysOpState> {
    this.#checkOpen();
    return await this.#parts.compactions.request(clusterID, nodeID);
  }

  /**
   * Takes a snapshot of all that is applied on this host and copies it to a folder of its own, external files
   * included, from which `importSnapshot` or the command `drakkar snapshot import` takes it. Needs no leader. Every
   * bit of the copy is checked; the folder appears when it is complete and durable.
   *
   * @param dir must not exist, or be empty; the folder above it must allow making another one beside it
   * @throws ErrInvalidOption, ErrTimeout, ErrCanceled (nothing is left), ErrRejected when nothing was applied yet,
   *   ErrSnapshotCorrupt, ErrSnapshotNoSpace, ErrClusterClosed, and what `IStateMachine.saveSnapshot` throws
   */
  async exportSnapshot(clusterID: number, dir: string, options?: ExportOptions): Promise<ExportedSnapshot> {
    this.#checkOpen();
    const { exportSnapshot } = await loadExport();
    return await exportSnapshot(this.#parts.replicas.replica(clusterID), dir, this.#parts.services, options);
  }

  getLeaderID(clusterID: number): LeaderInfo {
    this.#checkOpen();
    const { leaderID } = this.#parts.replicas.replica(clusterID).leader;
    return { leaderID, valid: leaderID !== 0 };
  }

  /**
   * Asks to make a node a voting member of the group; an observer under the same address is promoted. The request is
   * completed when the change is applied here, and rejected when it does not fit the membership: the node id was
   * removed, is a voting member, the address is another's, or, with `orderedConfigChange`, `configChangeIndex` is not
   * that of the membership in force. A node that was added is started on its host with join = true.
   *
   * @param configChangeIndex that of the membership which the change is for, from `getClusterMembership`; without
   *   `orderedConfigChange` it has no effect, and 0 will do
   * @throws ErrPendingConfigChangeExist, ErrInvalidOption, ErrInvalidAddress, and as `propose`
   */
  requestAddNode(
    clusterID: number,
    nodeID: number,
    address: string,
    configChangeIndex: number,
    options?: ChangeOptions,
  ): RequestState {
    const change = { type: ConfigChangeType.AddNode, nodeID, address, configChangeIndex };
    return this.#requestChange(clusterID, change, options);
  }

  /** As `requestAddNode`, for a member that follows, serves reads, and has no vote. */
  requestAddObserver(
    clusterID: number,
    nodeID: number,
    address: string,
    configChangeIndex: number,
    options?: ChangeOptions,
  ): RequestState {
    const change = { type: ConfigChangeType.AddObserver, nodeID, address, configChangeIndex };
    return this.#requestChange(clusterID, change, options);
  }

  /**
   * Asks to remove a node, voting member or observer, from the group, permanently: its id can never be added again. The
   * last voting member can't be removed. The node stops by itself when it learns of it.
   */
  requestDeleteNode(
    clusterID: number,
    nodeID: number,
    configChangeIndex: number,
    options?: ChangeOptions,
  ): RequestState {
    const change = { type: ConfigChangeType.RemoveNode, nodeID, address: '', configChangeIndex };
    return this.#requestChange(clusterID, change, options);
  }

  /**
   * As `requestAddNode`, and waits for the end.
   *
   * @throws ErrRejected with the reason, ErrQuorumAtRisk, ErrObserverBehind, ErrHostOutdated, ErrNotAMember, ErrClusterNotReady (no effect, retry), ErrTimeout, ErrCanceled,
   *   ErrRequestTerminated (effect unknown: look at the membership), and as `requestAddNode`
   */
  async syncRequestAddNode(
    clusterID: number,
    nodeID: number,
    address: string,
    configChangeIndex: number,
    options?: ChangeOptions,
  ): Promise<void> {
    const request = this.requestAddNode(clusterID, nodeID, address, configChangeIndex, options);
    await completed(request, options?.signal);
  }

  /** As `requestAddObserver`, and waits for the end. @throws as `syncRequestAddNode` */
  async syncRequestAddObserver(
    clusterID: number,
    nodeID: number,
    address: string,
    configChangeIndex: number,
    options?: ChangeOptions,
  ): Promise<void> {
    const request = this.requestAddObserver(clusterID, nodeID, address, configChangeIndex, options);
    await completed(request, options?.signal);
  }

  /** As `requestDeleteNode`, and waits for the end. @throws as `syncRequestAddNode` */
  async syncRequestDeleteNode(
    clusterID: number,
    nodeID: number,
    configChangeIndex: number,
    options?: ChangeOptions,
  ): Promise<void> {
    await completed(this.requestDeleteNode(clusterID, nodeID, configChangeIndex, options), options?.signal);
  }

  /**
   * Puts a new node in the place of a voting member, one change after the other: adds it as an observer, waits until it
   * has caught up, promotes it, moves leadership away from the old one, and removes that. The new node is to be started
   * on its host with join = true, before the call or when `onProgress` gives the step `promote`. Resumable: repeated with
   * the same arguments, on any host of the group, it goes on where it was; when all is done it resolves at once. Never
   * forces a change.
   *
   * @throws ErrTimeout, ErrCanceled with the step that it was at in `details.step`; ErrRejected, ErrQuorumAtRisk;
   *   ErrInvalidTarget when the old node is no voting member, the new one is a member under another address, or another
   *   node has that address, the old one included;
   *   ErrClusterClosed at once when the replica here is stopped, and as `requestAddNode`
   */
  async syncRequestReplaceNode(
    clusterID: number,
    nodeID: number,
    newNodeID: number,
    address: string,
    options?: ReplaceOptions,
  ): Promise<void> {
    const { clock } = this.#parts.services;
    const context = { host: this, clock, tickMs: this.#parts.config.rttMillisecond };
    await replaceNode(context, { clusterID, nodeID, newNodeID, address }, options);
  }

  /** The members of the group, with every change that was completed before the call (linearizable). */
  async getClusterMembership(clusterID: number, options?: CallOptions): Promise<ClusterMembership> {
    const user = this.#user(clusterID);
    await completed(user.readIndex(options), options?.signal);
    return user.membership();
  }

  /**
   * Changes settings by which the entries of the group are applied, on all replicas at the same place of the log. Those
   * that are not given stay as they are. The configuration of a host says what a new group begins with.
   *
   * @throws ErrLevelTooLow while the group is at feature level 0, where the configuration of each host counts;
   *   ErrInvalidOption, ErrPendingConfigChangeExist; ErrClusterNotReady (no effect, retry); ErrTimeout, ErrCanceled,
   *   ErrRequestTerminated (outcome unknown: ask again, or look at `getGroupSettings`)
   */
  async syncRequestSetGroupSettings(
    clusterID: number,
    settings: Partial<GroupSettings>,
    options?: CallOptions,
  ): Promise<void> {
    await completed(this.#user(clusterID).requestSettings(settings, options), options?.signal);
  }

  /** The settings in force in the group, with every change that was completed before the call (linearizable). */
  async getGroupSettings(clusterID: number, options?: CallOptions): Promise<GroupSettings> {
    const user = this.#user(clusterID);
    await completed(user.readIndex(options), options?.signal);
    return user.settings();
  }

  /**
   * Asks the leader, wherever it is, to hand over to a voting member. It tries for one election timeout, during which
   * it takes no proposals, and goes on leading if the target did not take over (thesis 3.10). `getLeaderID` and the
   * event `leaderUpdated` tell what became of it.
   *
   * @throws ErrInvalidTarget unless `targetNodeID` is a voting member, ErrClusterNotReady while no leader is known,
   *   ErrPendingLeaderTransferExist
   */
  requestLeaderTransfer(clusterID: number, targetNodeID: number): void {
    this.#user(clusterID).requestLeaderTransfer(targetNodeID);
  }

  /**
   * Resolves when the replica here can serve a linearizable read: it has replayed its log, a leader is known and this
   * replica has caught up with it.
   *
   * @throws ErrClusterNotReady, with what is missing, when that takes longer than `timeoutMs`; ErrCanceled;
   *   ErrClusterNotFound, ErrClusterClosed, ErrReplicaFailed at once
   */
  async waitReady(clusterID: number, options?: CallOptions): Promise<void> {
    const { clock } = this.#parts.services;
    const tickMs = this.#parts.config.rttMillisecond;
    await waitReady(clusterID, { clock, tickMs, user: () => this.#user(clusterID) }, options);
  }

  /**
   * Removes everything that this host stores for a node that was removed from its group, failed permanently, or never
   * belonged there. It must not run. Its node id can't be started on this host again.
   *
   * @throws ErrClusterNotStopped
   */
  async removeData(clusterID: number, nodeID: number): Promise<void> {
    this.#checkOpen();
    await this.#parts.replicas.removeData(clusterID, nodeID);
  }

  /** A look at every replica of this host: for people and metrics. */
  getNodeHostInfo(): NodeHostInfo {
    this.#checkOpen();
    const { replicas, transport } = this.#parts;
    return {
      raftAddress: this.raftAddress,
      transport: transport.counters,
      replicas: [...replicas.list()]
        .sort(([a], [b]) => a - b)
        .map(([clusterID, member]) => replicaInfo(clusterID, member)),
    };
  }

  /** Requests to one group without its look-up at each call; valid until the group is stopped. */
  getNodeUser(clusterID: number): INodeUser {
    return this.#user(clusterID);
  }

  /** Whether this host has data of that node. */
  async hasNodeInfo(clusterID: number, nodeID: number): Promise<boolean> {
    this.#checkOpen();
    checkIDs({ clusterID, nodeID });
    return await this.#parts.hasReplica(clusterID, nodeID);
  }

  /** The configuration in force, defaults filled in. */
  get nodeHostConfig(): NodeHostConfig {
    return this.#parts.config;
  }

  get raftAddress(): string {
    return this.#parts.config.raftAddress;
  }

  #requestChange(
    clusterID: number,
    change: Omit<MembershipChange, 'force'>,
    options: ChangeOptions | undefined,
  ): RequestState {
    return this.#user(clusterID).requestChange({ ...change, force: options?.force === true }, options);
  }

  #checkOpen(): void {
    if (this.#stopping !== undefined) throw new ErrClosed();
  }

  #user(clusterID: number): NodeUser {
    this.#checkOpen();
    return this.#parts.replicas.user(clusterID);
  }

  /** The group that a session is of, for `cmd`. */
  #userOf(session: Session, cmd: Uint8Array): NodeUser {
    checkSession(session);
    try {
      return this.#user(session.clusterID);
    } catch (error) {
      throw restatedFor(session, cmd, error);
    }
  }
}
