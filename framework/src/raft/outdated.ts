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

/** Leader: names the members that answer but must be sent nothing, each of them once. */
export function reportOutdated(core: Core): void {
  if (core.level === 0) return;
  for (const remote of core.remotes) {
    if (!remote.active || remote.isReportedOutdated || !isOutdated(core, remote)) continue;
    remote.isReportedOutdated = true;
    core.outbox.outdatedMembers.push(remote.nodeID);
  }
}
