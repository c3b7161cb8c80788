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
 * - The leader proposes that entry by itself, when every member, observers too, has announced a higher level, it has
 *   committed an entry of its term, and no config change is under way. The entry is a config change itself, so the
 *   membership stays what it is until it is applied: no member that did not announce the level can get in between.
 * - Once it is applied, a leader sends nothing of the log to a member whose host does not announce the level: outdated.ts.
 */

/** Leader: raises the level to what all members know, if that is higher. */
export function raiseLevel(core: Core): void {
  if (core.config.featuresOf === undefined || core.level >= LATEST_LEVEL || !mayChangeConfig(core)) return;
  if (core.transferTarget !== 0 || core.log.isOverCap) return;
  let level: number = LATEST_LEVEL;
  for (const { nodeID } of core.remotes) level = Math.min(level, levelOf(core.featuresOf(nodeID)));
  if (level <= core.level) return;
  const type = ConfigChangeType.RaiseLevel;
  const cmd = encodeConfigChange({
    configChangeID: 0,
    type,
    nodeID: 0,
    address: '',
    initialize: false,
    level,
  });
  push(core, makeEntry({ type: EntryType.ConfigChangeEntry, cmd }));
  core.raiseIndex = core.log.lastIndex;
}
