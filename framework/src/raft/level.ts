import {
  ConfigChangeType,
  EntryType,
  LATEST_LEVEL,
  encodeConfigChange,
  levelOf,
  makeEntry,
} from '@drakkar/raftio';
import { mayChangeConfig } from './config-change.js';
import type { Core } from './core.js';
import { push } from './proposal.js';

/*
 * The feature level of a group says by which rules its entries are applied; 0: by those of version 0.1. It is raised by
 * an entry in the log, so it changes at the same place on every replica.
 *
 * - The leader proposes that entry by itself, when every member, observers too, has announced a higher level and has
 *   acknowledged an entry of the leader's term, that is committed, and no config change is under way. Messages of a
 *   member whose settings differ don't get here, so one that acknowledges applies entries as the leader does. The entry
 *   is a config change itself, so the membership stays what it is until it is applied: no other can get in between.
 * - It carries the leader's settings. From then on they are the group's, and change by entries only (SetSettings).
 * - Once it is applied, a leader sends nothing of the log to a member whose host does not announce the level: outdated.ts.
 */

/** Leader: raises the level to what all members know, if that is higher. */
export function raiseLevel(core: Core): void {
  const settings = core.config.settings?.();
  if (
    settings === undefined ||
    core.config.featuresOf === undefined ||
    core.level >= LATEST_LEVEL ||
    !mayChangeConfig(core)
  )
    return;
  if (core.transferTarget !== 0 || core.log.isOverCap) return;
  let level: number = LATEST_LEVEL;
  for (const { nodeID, match } of core.remotes) {
    if (match < core.termStart) return;
    level = Math.min(level, levelOf(core.featuresOf(nodeID)));
  }
  if (level <= core.level) return;
  const type = ConfigChangeType.RaiseLevel;
  const cmd = encodeConfigChange({
    configChangeID: 0,
    type,
    nodeID: 0,
    address: '',
    initialize: false,
    level,
    settings: {
      orderedConfigChange: settings.orderedConfigChange,
      lruMaxSessionCount: settings.lruMaxSessionCount,
    },
  });
  push(core, makeEntry({ type: EntryType.ConfigChangeEntry, cmd }));
  core.raiseIndex = core.log.lastIndex;
}
