import { createHash } from 'node:crypto';
import type { GroupSettings } from '@drakkar/raftio';
import type { MembershipRules } from '../rsm/index.js';

/**
 * Every setting that decides what a log entry does when it is applied. Replicas of one group that differ in one of
 * them become different. A new setting of that kind is added here, and to `GroupSettings` behind a new feature level.
 */
export interface ApplySettings extends GroupSettings {
  /** Which membership changes are refused. */
  membershipRules: MembershipRules;
}

/** Where each is set, for error messages. */
export const SETTING_NAMES: Readonly<Record<keyof ApplySettings, string>> = Object.freeze({
  orderedConfigChange: 'orderedConfigChange',
  lruMaxSessionCount: 'hardSettings.lruMaxSessionCount',
  membershipRules: 'the rules of membership changes (compatibility)',
});

/** Whether both say the same. */
export function areEqualSettings(a: GroupSettings, b: GroupSettings): boolean {
  return a.orderedConfigChange === b.orderedConfigChange && a.lruMaxSessionCount === b.lruMaxSessionCount;
}

/**
 * A number of 32 bits that is the same for the same settings, on every platform and release; never 0, which stands
 * for settings that are not known. A setting that is added later is left out while it has the value that every replica
 * had before, so that releases that do not know it agree.
 */
export function settingsFingerprint(settings: ApplySettings): number {
  const pairs = (Object.keys(SETTING_NAMES) as (keyof ApplySettings)[])
    .map((name) => `${name}=${settings[name]}`)
    .sort();
  return Math.max(1, createHash('sha256').update(pairs.join('\n')).digest().readUInt32BE(0));
}
