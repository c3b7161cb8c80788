import { createHash } from 'node:crypto';
import type { MembershipRules } from '../rsm/index.js';

/**
 * Every setting that decides what a log entry does when it is applied. Replicas of one group that differ in one of
 * them become different. Whoever adds such a setting adds it here.
 */
export interface ApplySettings {
  /** Whether a membership change must name the membership that it was made for. */
  orderedConfigChange: boolean;
  /** Client sessions that the group keeps: which one is evicted decides which proposals are rejected. */
  lruMaxSessionCount: number;
  /** Which membership changes are refused. */
  membershipRules: MembershipRules;
}

/** Where each is set, for error messages. */
export const SETTING_NAMES: Readonly<Record<keyof ApplySettings, string>> = Object.freeze({
  orderedConfigChange: 'orderedConfigChange',
  lruMaxSessionCount: 'hardSettings.lruMaxSessionCount',
  membershipRules: 'the rules of membership changes',
});

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
