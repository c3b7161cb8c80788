import { type ConfigChange, ConfigChangeType, type Entry, type Uint64, levelOf } from '@drakkar/raftio';
import type { Core } from './core.js';
import { isOutdated } from './outdated.js';
import type { Remote } from './remote.js';
import type { ChangeRefusal } from './types.js';

/*
 * Membership changes that can't be undone are refused by the leader before they enter its log:
 *
 * - one after which the voters that are heard from, and take entries, are no quorum: no later change could undo it;
 * - the promotion of an observer that is not close behind: until it has caught up, it counts and can't help;
 * - the removal of a node that is no member: its id could never be used;
 * - the addition of a node on a host that is known not to know the group's feature level: it would get nothing.
 *
 * All but the third can be forced. What else does not fit the membership is refused where it is applied, as ever.
 */

/** How far an observer may be behind the commit index when it is promoted. */
export const MAX_PROMOTION_LAG_ENTRIES = 5_000;

/** Why this leader would refuse the change; `undefined`: it would not. */
export function refusalOf(core: Core, change: ConfigChange): ChangeRefusal | undefined {
  const { addresses, observers } = core.membership;
  const { type, nodeID } = change;
  const outdated = change.force === true ? undefined : outdatedHost(core, change);
  if (outdated !== undefined) return outdated;
  if (type !== ConfigChangeType.AddNode && type !== ConfigChangeType.RemoveNode) return undefined;
  if (type === ConfigChangeType.RemoveNode && !addresses.has(nodeID) && !observers.has(nodeID)) {
    return { kind: 'notAMember', value: nodeID, limit: 0 };
  }
  // What leaves the voters as they are, or does not fit, is no danger to them.
  const changesVoters = addresses.has(nodeID) === (type === ConfigChangeType.RemoveNode);
  if (change.force === true || !changesVoters || core.membership.removed.has(nodeID)) return undefined;
  return lagOf(core, nodeID) ?? quorumRisk(core, change);
}

/** Nothing is known of most hosts that no group here has a member on. */
function outdatedHost(core: Core, { type, address }: ConfigChange): ChangeRefusal | undefined {
  if (type !== ConfigChangeType.AddNode && type !== ConfigChangeType.AddObserver) return undefined;
  const features = core.level > 0 ? core.config.hostFeaturesOf?.(address) : undefined;
  if (features === undefined || levelOf(features) >= core.level) return undefined;
  return { kind: 'hostOutdated', value: levelOf(features), limit: core.level };
}

function lagOf(core: Core, nodeID: number): ChangeRefusal | undefined {
  const remote = core.membership.observers.has(nodeID) ? core.remote(nodeID) : undefined;
  if (remote === undefined) return undefined;
  const { commit } = core.log;
  const isClose = isOfHelp(core, remote) && commit - remote.match <= MAX_PROMOTION_LAG_ENTRIES;
  return isClose ? undefined : { kind: 'observerBehind', value: remote.match, limit: commit };
}

function quorumRisk(core: Core, { type, nodeID }: ConfigChange): ChangeRefusal | undefined {
  const voters = new Set(core.membership.addresses.keys());
  if (type === ConfigChangeType.RemoveNode) voters.delete(nodeID);
  else voters.add(nodeID);
  const limit = Math.floor(voters.size / 2) + 1;
  let value = voters.has(core.nodeID) ? 1 : 0;
  for (const remote of core.remotes) if (voters.has(remote.nodeID) && isOfHelp(core, remote)) value += 1;
  return voters.size === 0 || value >= limit ? undefined : { kind: 'quorumAtRisk', value, limit };
}

/** Whether it takes entries as they come: it answers, may be sent some, and needs no snapshot before. */
function isOfHelp(core: Core, remote: Remote): boolean {
  const needsSnapshot = remote.match < core.log.lastIndex && !core.log.has(remote.match + 1);
  return (
    isHeardLately(core, remote) && !isOutdated(core, remote) && !needsSnapshot && remote.status !== 'snapshot'
  );
}

/**
 * Within an election timeout, and since this leader began to listen: what is older says nothing. One whose messages are
 * not taken any more, since it differs, is no help, however lately it was heard before.
 */
function isHeardLately(core: Core, { nodeID, heardTick }: Remote): boolean {
  if (core.config.isRefused?.(nodeID) === true) return false;
  return heardTick >= core.listeningSinceTick && core.ticks - heardTick <= core.config.electionTimeoutTicks;
}

/** Whether this leader has listened for too short a time to know who is there: a change then waits. */
export function isStillListening(core: Core): boolean {
  return core.ticks - core.listeningSinceTick < core.config.electionTimeoutTicks;
}

const KINDS = ['quorumAtRisk', 'observerBehind', 'notAMember', 'hostOutdated'] as const;
const KIND_SPAN = 16;

/**
 * The reason, in fields of the empty entry that goes into the log in place of a forwarded change, and that nobody reads
 * but the replica which has forwarded it.
 */
export function refusalFields({
  kind,
  value,
  limit,
}: ChangeRefusal): Pick<Entry, 'seriesID' | 'respondedTo'> {
  return { seriesID: value, respondedTo: limit * KIND_SPAN + KINDS.indexOf(kind) + 1 };
}

/** What `refusalFields` wrote; `undefined`: no reason was given. */
export function refusalFrom(seriesID: Uint64, respondedTo: Uint64): ChangeRefusal | undefined {
  const kind = KINDS[(Number(respondedTo) % KIND_SPAN) - 1];
  if (kind === undefined) return undefined;
  return { kind, value: Number(seriesID), limit: Math.floor(Number(respondedTo) / KIND_SPAN) };
}
