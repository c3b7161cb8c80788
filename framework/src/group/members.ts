import { ConfigChangeType } from '@drakkar/raftio';
import { ErrInvalidOption, ErrInvalidTarget } from '../errors/index.js';
import type { ChangeOptions } from '../nodehost/options.js';
import { completed } from '../nodehost/outcome.js';
import { type ReplaceOptions, replaceNode } from '../nodehost/replace-node.js';
import type { ClusterMembership } from '../engine/cluster-membership.js';
import type { MembershipChange } from '../nodehost/membership-requests.js';
import type { GroupParts } from './parts.js';
import { IN_ANY_CASE, type RetryOptions, WITHOUT_EFFECT, retrying } from './retry.js';

/** `voter`: counts for the quorum; `observer`: follows and serves reads, without a vote. */
export type MemberRole = 'voter' | 'observer';

export interface GroupMember {
  replicaID: number;
  /** The `raftAddress` of its host. */
  address: string;
  role: MemberRole;
}

export interface MemberChangeOptions extends RetryOptions, ChangeOptions {
  /**
   * With `orderedConfigChange`: makes the change only if the membership is still the one of this index, which
   * `status().progress.membership` has. Default: the membership in force when the call is made.
   */
  configChangeIndex?: number;
}

export interface MemberReplaceOptions extends ReplaceOptions {
  /** The voter to replace. */
  replicaID: number;
  /** A new id, never used in this group. */
  newReplicaID: number;
  /** The `raftAddress` of the new replica's host. */
  address: string;
}

/** The members of a group, and changes of them. A change whose outcome is unknown is not repeated: look at `list`. */
export class GroupMembers {
  readonly #parts: GroupParts;

  /** @internal */
  constructor(parts: GroupParts) {
    this.#parts = parts;
  }

  /** All members, with every change that was completed before the call (linearizable). @throws as `Group.read` */
  async list(options?: RetryOptions): Promise<GroupMember[]> {
    const { nodes, observers } = await this.#membership(options);
    const members = (addresses: ReadonlyMap<number, string>, role: MemberRole): GroupMember[] =>
      [...addresses].map(([replicaID, address]) => ({ replicaID, address, role }));
    return [...members(nodes, 'voter'), ...members(observers, 'observer')].sort(
      (a, b) => a.replicaID - b.replicaID,
    );
  }

  /**
   * Adds a member, which is then started on its host with `join: true`. To add a voter, add it as an observer, start it,
   * and `promote` it: so the group never waits for it.
   *
   * @param member `role`: by default `observer`
   * @throws ErrRejected when the id was used before or the address is another member's; ErrQuorumAtRisk, ErrHostOutdated;
   *   ErrTimeout, ErrCanceled, ErrRequestTerminated (outcome unknown)
   */
  async add(
    member: Omit<GroupMember, 'role'> & { role?: MemberRole },
    options?: MemberChangeOptions,
  ): Promise<void> {
    const { replicaID: nodeID, address, role = 'observer' } = member;
    if (role !== 'voter' && role !== 'observer')
      throw new ErrInvalidOption(`role must be 'voter' or 'observer', found ${JSON.stringify(role)}`);
    const type = role === 'voter' ? ConfigChangeType.AddNode : ConfigChangeType.AddObserver;
    await this.#change({ type, nodeID, address }, options);
  }

  /** Gives an observer a vote; waits until it has caught up. @throws ErrInvalidTarget if it is none, and as `add` */
  async promote(replicaID: number, options?: MemberChangeOptions): Promise<void> {
    const { observers } = await this.#membership(options);
    const address = observers.get(replicaID);
    if (address === undefined) {
      throw new ErrInvalidTarget(`group ${this.#parts.user.clusterID}: replica ${replicaID} is no observer`);
    }
    await this.#change({ type: ConfigChangeType.AddNode, nodeID: replicaID, address }, options);
  }

  /** Removes a member permanently: its id can never be added again. @throws ErrNotAMember, and as `add` */
  async remove(replicaID: number, options?: MemberChangeOptions): Promise<void> {
    await this.#change({ type: ConfigChangeType.RemoveNode, nodeID: replicaID, address: '' }, options);
  }

  /** Puts a new replica in the place of a voter, as `NodeHost.syncRequestReplaceNode` does. Resumable. */
  async replace({ replicaID, newReplicaID, address, ...options }: MemberReplaceOptions): Promise<void> {
    const { clock, tickMs, host, user } = this.#parts;
    user.membership(); // throws when this replica is stopped
    const { clusterID } = user;
    const replacement = { clusterID, nodeID: replicaID, newNodeID: newReplicaID, address };
    await replaceNode({ host, clock, tickMs }, replacement, options);
  }

  async #change(
    change: Pick<MembershipChange, 'type' | 'nodeID' | 'address'>,
    options: MemberChangeOptions | undefined,
  ): Promise<void> {
    const { user } = this.#parts;
    const force = options?.force === true;
    const configChangeIndex = options?.configChangeIndex ?? (await this.#indexInForce(options));
    await retrying(
      (call) => completed(user.requestChange({ ...change, configChangeIndex, force }, call), call.signal),
      options,
      WITHOUT_EFFECT,
      this.#parts,
    );
  }

  /** Counts in the ordered mode only. */
  async #indexInForce(options: RetryOptions | undefined): Promise<number> {
    if (!this.#parts.user.settings().orderedConfigChange) return 0;
    return (await this.#membership(options)).configChangeIndex;
  }

  async #membership(options: RetryOptions | undefined): Promise<ClusterMembership> {
    const { user } = this.#parts;
    await retrying((call) => completed(user.readIndex(call), call.signal), options, IN_ANY_CASE, this.#parts);
    return user.membership();
  }
}
