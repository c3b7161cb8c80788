import { levelOf } from '@drakkar/raftio';
import type { Core } from './core.js';
import type { Remote } from './remote.js';

/*
 * Members whose hosts do not announce the group's feature level (level.ts) now: added without knowing what runs there,
 * or gone back to an older release. They would apply entries otherwise than the group does, so the leader sends them
 * neither entries nor snapshots. They stay where they are, and are reported; heartbeats go on, so they do not campaign.
 */

/** Leader: whether the member must be sent nothing, since its host does not announce the group's level now. */
export function isOutdated(core: Core, remote: Remote): boolean {
  return core.level > 0 && levelOf(core.featuresOf(remote.nodeID)) < core.level;
}

/**
 * What a host has announced is forgotten when the connection to it ends, and comes again within a round trip. So the
 * host of a member that was heard in two election timeouts, one after the other, and is not known to have the level at
 * the end of either does not have it: one that was stopped in the first is not heard in the second.
 */
const PERIODS_BEFORE_REPORT = 2;

/** Leader, at the end of an election timeout: names the members that answer but must be sent nothing, each once. */
export function reportOutdated(core: Core): void {
  if (core.level === 0) return;
  for (const remote of core.remotes) {
    if (!remote.active || !isOutdated(core, remote)) {
      remote.outdatedPeriods = 0;
      continue;
    }
    remote.outdatedPeriods += 1;
    if (remote.outdatedPeriods < PERIODS_BEFORE_REPORT || remote.isReportedOutdated) continue;
    remote.isReportedOutdated = true;
    core.outbox.outdatedMembers.push(remote.nodeID);
  }
}
