import type { Uint64 } from '@drakkar/raftio';
import { hasErrorCode } from '@drakkar/raftio';
import { newNoOPSession } from '../client/session.js';
import type { ReplicaEvents } from '../engine/replica-events.js';
import { ErrTimeout } from '../errors/index.js';
import { Emitter } from '../events/emitter.js';
import type { HostEvents } from '../events/host-listener.js';
import type { ReplicaProgress, ReplicaState } from '../nodehost/host-info.js';
import type { CallOptions } from '../nodehost/options.js';
import { timeoutMsOf } from '../nodehost/options.js';
import { completed } from '../nodehost/outcome.js';
import { waitReady } from '../nodehost/readiness.js';
import { asyncDispose } from '../runtime/async-dispose.js';
import type { IEventSource } from '../runtime/event-sink.js';
import { GroupMembers } from './members.js';
import type { GroupParts } from './parts.js';
import { IN_ANY_CASE, type RetryOptions, WITHOUT_EFFECT, pause, retrying } from './retry.js';
import { type GroupSession, openSession } from './session.js';

/** Events of a group's replica on this host. */
export type GroupEvents = ReplicaEvents;

/** A look at the replica of a group. */
export interface GroupStatus {
  groupID: number;
  replicaID: number;
  /** `stopped`: it does not run here any more, or another one took its place. */
  state: ReplicaState | 'stopped';
  /** Undefined unless it runs. */
  progress: ReplicaProgress | undefined;
  /** Why it failed, when it did. */
  error: unknown;
}

/**
 * A group, seen through its replica on this host. `NodeHost.startGroup` returns it; it is of use until that replica stops.
 *
 * Calls repeat what is safe to repeat, with growing, random pauses, until `timeoutMs` (5 seconds by default) is over or
 * `signal` aborts; then they throw the error of the last attempt. `retry: false` makes one attempt. What may have been
 * applied is never proposed again here: `openSession` is for that.
 *
 * Emits the events of its replica, see `on`; listeners go when the replica stops.
 */
export class Group extends Emitter<GroupEvents> {
  readonly groupID: number;
  readonly replicaID: number;
  /** The members of the group, and changes of them. */
  readonly members: GroupMembers;
  readonly #parts: GroupParts;
  #stopping: Promise<void> | undefined;

  /** @internal */
  constructor(parts: GroupParts) {
    super(eventsOf(parts, () => this.endListeners()));
    this.#parts = parts;
    this.groupID = parts.user.clusterID;
    this.replicaID = parts.user.nodeID;
    this.members = new GroupMembers(parts);
  }

  /**
   * Proposes a command and waits until it is committed and applied on this host; the value is what
   * `IStateMachine.update` returned. Repeated only after errors that had no effect, such as a missing leader.
   *
   * @throws ErrTimeout, ErrCanceled, ErrRequestTerminated (outcome unknown); ErrClusterNotReady, ErrSystemBusy (no effect);
   *   ErrPayloadTooBig, ErrInvalidOption, ErrClusterClosed, ErrReplicaFailed
   */
  async propose(cmd: Uint8Array, options?: RetryOptions): Promise<Uint64> {
    const { user, random } = this.#parts;
    const { value } = await retrying(
      (call) => completed(user.propose(newNoOPSession(user.clusterID, random), cmd, call), call.signal),
      options,
      WITHOUT_EFFECT,
      this.#parts,
    );
    return value;
  }

  /**
   * Answers a query from all that was completed before the call (linearizable), on whichever host. Repeated after any
   * failure that may pass.
   *
   * @throws ErrTimeout, ErrClusterNotReady, ErrSystemBusy, ErrCanceled, ErrClusterClosed, ErrReplicaFailed, and what
   *   `IStateMachine.lookup` throws
   */
  async read(query: Uint8Array, options?: RetryOptions): Promise<Uint8Array> {
    await this.#readIndex(options);
    return await this.#parts.user.lookup(query);
  }

  async #readIndex(options: RetryOptions | undefined): Promise<void> {
    const { user } = this.#parts;
    await retrying((call) => completed(user.readIndex(call), call.signal), options, IN_ANY_CASE, this.#parts);
  }

  /** Registers a session, whose commands are applied at most once, however often they are sent. @throws as `propose` */
  openSession(options?: RetryOptions): Promise<GroupSession> {
    return openSession(this.#parts, options);
  }

  /** Replica id of the leader that this replica knows of; undefined: none. @throws ErrClusterClosed, ErrReplicaFailed */
  get leader(): number | undefined {
    const { leaderID } = this.#parts.user;
    return leaderID === 0 ? undefined : leaderID;
  }

  /**
   * Moves leadership to a voter, and resolves when this replica knows it as the leader. Asks again while that fails.
   *
   * @throws ErrInvalidTarget unless `replicaID` is a voter, ErrTimeout, ErrCanceled, ErrClusterClosed, ErrReplicaFailed
   */
  async transferLeadership(replicaID: number, options?: CallOptions): Promise<void> {
    const { user, clock, tickMs } = this.#parts;
    const timeoutMs = timeoutMsOf(options, tickMs);
    const endMs = clock.nowMs() + timeoutMs;
    while (user.leaderID !== replicaID) {
      if (clock.nowMs() > endMs) {
        const message = `group ${this.groupID}: replica ${replicaID} does not lead after ${timeoutMs} ms`;
        throw new ErrTimeout(message);
      }
      try {
        user.requestLeaderTransfer(replicaID);
      } catch (error) {
        if (!WITHOUT_EFFECT.again(error)) throw error; // a transfer is under way, or no leader is known
      }
      await pause(tickMs, options?.signal, clock, undefined);
    }
  }

  /** Takes a snapshot of this replica, and compacts its log. @returns its index @throws as `NodeHost.requestSnapshot` */
  snapshot(): Promise<number> {
    return this.#parts.user.requestSnapshot();
  }

  /** Resolves when this replica can serve a linearizable read. @throws ErrClusterNotReady, and as `NodeHost.waitReady` */
  async ready(options?: CallOptions): Promise<void> {
    const { clock, tickMs, user } = this.#parts;
    await waitReady(this.groupID, { clock, tickMs, user: () => user }, options);
  }

  /** A look at the replica here and now; never throws. */
  status(): GroupStatus {
    const { groupID, replicaID } = this;
    const info = this.#parts.info();
    if (info === undefined)
      return { groupID, replicaID, state: 'stopped', progress: undefined, error: undefined };
    const { state, progress, error } = info;
    return { groupID, replicaID, state, progress, error };
  }

  /**
   * Stops the replica on this host; its data stays. If it leads, it hands over first. Idempotent, and without effect on a
   * replica that was started in its place.
   *
   * @throws ErrStopTimeout, ErrStateMachineFailed, as `NodeHost.stopCluster`
   */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    try {
      if (this.#parts.info() !== undefined) await this.#parts.stop();
    } catch (error) {
      // It was stopped by other means, or its host was.
      if (!hasErrorCode(error, 'ERR_CLUSTER_NOT_FOUND') && !hasErrorCode(error, 'ERR_CLOSED')) throw error;
    }
  }

  /** As `stop`. */
  [asyncDispose](): Promise<void> {
    return this.stop();
  }
}

/** The events of one group, until its replica stops; then `onEnd` removes the listeners. */
function eventsOf(parts: GroupParts, onEnd: () => void): IEventSource<GroupEvents> {
  const { clusterID } = parts.user;
  const source: IEventSource<HostEvents> = parts.events;
  const isGone = (): boolean => {
    const state = parts.info()?.state;
    return state !== 'running' && state !== 'stopping';
  };
  let endWatch: (() => void) | undefined;
  const watch = (): void => {
    endWatch ??= source.listen(
      'nodeUnloaded',
      () => {
        // After the last listener of this event; one of an earlier replica may come late.
        if (isGone()) queueMicrotask(end);
      },
      clusterID,
    );
  };
  const end = (): void => {
    endWatch?.();
    endWatch = undefined;
    onEnd();
  };
  return {
    listen: (name, listener) => {
      watch();
      return source.listen(name, listener, clusterID);
    },
  };
}
