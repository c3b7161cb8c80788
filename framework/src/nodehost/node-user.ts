import {
  EMPTY_BYTES,
  EntryType,
  type GroupSettings,
  MAX_PROPOSAL_PAYLOAD_BYTES,
  NOOP_SERIES_ID,
  type Uint64,
  isDrakkarError,
  makeEntry,
  withClaim,
} from '@drakkar/raftio';
import type { Session } from '../client/session.js';
import type { Replica } from '../engine/replica.js';
import {
  ErrClusterClosed,
  ErrInvalidOperation,
  ErrInvalidSession,
  ErrPayloadTooBig,
  ErrReplicaFailed,
  ErrSystemBusy,
} from '../errors/index.js';
import { messageOf } from '../errors/inspect.js';
import type { Operation } from '../client/claims.js';
import type { RequestState } from '../requests/request-state.js';
import { type ClusterMembership, toClusterMembership } from '../engine/cluster-membership.js';
import { type MembershipChange, requestChange, requestTransfer } from './membership-requests.js';
import { type CallOptions, timeoutMsOf } from './options.js';
import { completed } from './outcome.js';
import { requestSettings } from './settings-requests.js';

/** Requests to one replica of this host, without the look-up of the group at each call (Go: INodeUser). */
export interface INodeUser {
  readonly clusterID: number;
  readonly nodeID: number;
  /** As `NodeHost.propose`. */
  propose(session: Session, cmd: Uint8Array, options?: CallOptions): RequestState;
  /** As `NodeHost.readIndex`. */
  readIndex(options?: CallOptions): RequestState;
}

/** Throws ErrInvalidSession for what is no session: its fields alone, for one, as they come out of `toRecord`. */
export function checkSession(session: Session): void {
  if (typeof (session as Partial<Session> | undefined | null)?.attempts === 'function') return;
  throw new ErrInvalidSession(
    'a Session is needed: getNewSession, getNoOPSession or Session.fromRecord give one',
  );
}

/** The error of one more attempt at a command: an earlier one may have been applied all the same. */
export function restatedFor(session: Session, cmd: Uint8Array, error: unknown): unknown {
  if (!isDrakkarError(error) || error.effect !== 'none' || !(cmd instanceof Uint8Array)) return error;
  if (!session.mayBeApplied(cmd)) return error;
  return withClaim(error, { effect: 'unknown' });
}

export class NodeUser implements INodeUser {
  readonly #replica: Replica;
  readonly #tickMs: number;

  constructor(replica: Replica, tickMs: number) {
    this.#replica = replica;
    this.#tickMs = tickMs;
  }

  get clusterID(): number {
    return this.#replica.clusterID;
  }

  get nodeID(): number {
    return this.#replica.nodeID;
  }

  propose(session: Session, cmd: Uint8Array, options?: CallOptions): RequestState {
    checkSession(session);
    if (!session.validForProposal(this.clusterID)) {
      throw new ErrInvalidSession(
        `the session is of group ${session.clusterID} at series id ${session.seriesID}; it can't carry a proposal to ` +
          `group ${this.clusterID}`,
      );
    }
    if (!(cmd instanceof Uint8Array)) throw new ErrInvalidOperation('cmd must be a Uint8Array');
    if (cmd.length > MAX_PROPOSAL_PAYLOAD_BYTES) {
      throw new ErrPayloadTooBig(
        `the command has ${cmd.length} bytes; at most ${MAX_PROPOSAL_PAYLOAD_BYTES} can be proposed`,
      );
    }
    try {
      return this.#submit('proposal', session, cmd, options);
    } catch (error) {
      throw restatedFor(session, cmd, error);
    }
  }

  /** As `NodeHost.proposeSession`. */
  proposeSession(session: Session, options?: CallOptions): RequestState {
    if (!session.validForSessionOp(this.clusterID)) {
      throw new ErrInvalidSession(
        'the session is not prepared: call prepareForRegister() or prepareForUnregister() before proposeSession()',
      );
    }
    try {
      return this.#submit('session', session, EMPTY_BYTES, options);
    } catch (error) {
      throw restatedFor(session, EMPTY_BYTES, error);
    }
  }

  /** As `NodeHost.getNewSession`, with a session that is new. */
  async register(session: Session, options?: CallOptions): Promise<Session> {
    session.prepareForRegister();
    await this.#syncProposeSession(session, options);
    session.prepareForPropose();
    return session;
  }

  /** As `NodeHost.closeSession`. */
  async unregister(session: Session, options?: CallOptions): Promise<void> {
    session.prepareForUnregister();
    await this.#syncProposeSession(session, options);
  }

  async #syncProposeSession(session: Session, options: CallOptions | undefined): Promise<void> {
    const { value } = await completed(this.proposeSession(session, options), options?.signal);
    if (value === session.clientID) return;
    const message = `the group answered for session ${value}, not ${session.clientID}`;
    throw new ErrInvalidSession(message, { effect: 'unknown' });
  }

  readIndex(options?: CallOptions): RequestState {
    const replica = this.#agreeing();
    const refusal = replica.checks?.readRefusal;
    if (refusal !== undefined) throw refusal;
    const timeoutMs = timeoutMsOf(options, this.#tickMs);
    if (!replica.admitsRead) {
      throw new ErrSystemBusy(`group ${this.clusterID}: the queue of reads is full, try again later`);
    }
    return replica.read(replica.nowMs + timeoutMs);
  }

  /** As `NodeHost.readLocalNode`. */
  async readLocalNode(request: RequestState, query: Uint8Array): Promise<Uint8Array> {
    if (request.outcome !== 'completed') {
      throw new ErrInvalidOperation('readLocalNode needs the state of a readIndex that has completed');
    }
    // After a restart the state machine may be behind what the read was told to wait for.
    if (!this.#replica.reads.issued(request)) {
      throw new ErrInvalidOperation(
        'that readIndex was not made of the replica as it runs now: make another',
      );
    }
    return await this.lookup(query);
  }

  /** Looks at the state machine as it is here and now. */
  async lookup(query: Uint8Array): Promise<Uint8Array> {
    const { rsm } = this.#running();
    try {
      return await rsm.lookup(query);
    } catch (error) {
      if (rsm.failure?.error !== error) throw error;
      throw failedError(this.clusterID, error); // of a read, and not of the entry that could not be applied
    }
  }

  /** As `NodeHost.requestSnapshot`. */
  requestSnapshot(): Promise<number> {
    return this.#running().snapshotter.request();
  }

  requestChange(change: MembershipChange, options?: CallOptions): RequestState {
    const replica = this.#agreeing();
    return requestChange(replica, change, timeoutMsOf(options, this.#tickMs));
  }

  requestSettings(settings: Partial<GroupSettings>, options?: CallOptions): RequestState {
    const replica = this.#agreeing();
    return requestSettings(replica, settings, timeoutMsOf(options, this.#tickMs));
  }

  /** As applied here and now. */
  settings(): GroupSettings {
    return { ...this.#running().rsm.settings };
  }

  requestLeaderTransfer(targetNodeID: number): void {
    requestTransfer(this.#agreeing(), targetNodeID);
  }

  /** Node id of the leader that the replica knows of; 0: none. */
  get leaderID(): number {
    return this.#running().leader.leaderID;
  }

  /** As applied here and now. */
  membership(): ClusterMembership {
    return toClusterMembership(this.#running().rsm.getMembership());
  }

  #submit(
    operation: Operation,
    session: Session,
    cmd: Uint8Array,
    options: CallOptions | undefined,
  ): RequestState {
    const attempts = session.seriesID === NOOP_SERIES_ID ? undefined : session.attempts(cmd);
    const replica = this.#agreeing();
    const { clientID, seriesID, respondedTo }: Record<'clientID' | 'seriesID' | 'respondedTo', Uint64> =
      session;
    const timeoutMs = timeoutMsOf(options, this.#tickMs);
    if (!replica.admits(cmd.length)) {
      throw new ErrSystemBusy(`group ${this.clusterID}: ${replica.busyReason}`);
    }
    const request = replica.proposals.add({
      operation,
      clientID,
      seriesID,
      deadlineMs: Math.ceil(replica.nowMs + timeoutMs), // whole numbers take no memory of their own
      attempts,
    });
    attempts?.begin(cmd);
    const encoded = replica.payloads.compress(cmd);
    const type = encoded === undefined ? EntryType.ApplicationEntry : EntryType.EncodedEntry;
    // A copy: the caller may use its buffer again at once, and all replicas must apply the same bytes.
    const payload = encoded ?? new Uint8Array(cmd);
    replica.propose(makeEntry({ type, key: request.key, clientID, seriesID, respondedTo, cmd: payload }));
    return request;
  }

  /** The replica, which is as the other members are in what must be equal on all of them. */
  #agreeing(): Replica {
    const replica = this.#running();
    const refusal = replica.checks?.refusal;
    if (refusal !== undefined) throw refusal;
    return replica;
  }

  #running(): Replica {
    const replica = this.#replica;
    if (replica.failure !== undefined) throw failedError(replica.clusterID, replica.failure.error);
    if (replica.stopped || replica.closing) throw closedError(replica);
    return replica;
  }
}

/** The error of a call to a replica that could not go on. */
export function failedError(clusterID: number, error: unknown): ErrReplicaFailed {
  return new ErrReplicaFailed(
    `group ${clusterID}: the replica on this host has failed and was stopped: ${messageOf(error)}`,
    { cause: error },
  );
}

/** The error of a call to a replica that takes no requests any more. */
export function closedError({
  clusterID,
  nodeID,
  removed,
}: Pick<Replica, 'clusterID' | 'nodeID' | 'removed'>): ErrClusterClosed {
  return new ErrClusterClosed(
    removed
      ? `group ${clusterID}: node ${nodeID} on this host was removed from the group`
      : `group ${clusterID} was stopped on this host`,
  );
}
