import { type Entry, type GroupSettings, makeEntry, normalAddress } from '@drakkar/raftio';
import { type ApplySettings, SETTING_NAMES } from './apply-settings.js';

/** What a replica says of its group and of itself, so that one that differs can say in what. */
export interface SelfDescription {
  /** How its group began: the initial members. Undefined: it joined, or began with an imported snapshot. */
  initialMembers: ReadonlyMap<number, string> | undefined;
  /** By which it applies, or has applied, entries at feature level 0. */
  settings: ApplySettings;
  /** Feature level of the group, as applied there. */
  level: number;
}

/** More is not read, for it comes from somebody who may be anybody. */
const MAX_DESCRIPTION_BYTES = 64 * 1024;
const MAX_SHOWN_LENGTH = 400;

/** The entry of a GroupMismatch message that carries a description: JSON in its command. It is never applied. */
export function describingEntry({ initialMembers, settings, level }: SelfDescription): Entry {
  const members = initialMembers === undefined ? undefined : [...initialMembers].sort(([a], [b]) => a - b);
  const cmd = Buffer.from(JSON.stringify({ initialMembers: members, ...settings, level }));
  return makeEntry({
    cmd: cmd.length > MAX_DESCRIPTION_BYTES ? Buffer.from(JSON.stringify({ ...settings, level })) : cmd,
  });
}

type Claims = Partial<Record<string, unknown>>;

/** What another replica claims; undefined when it can't be read. Every part may be missing or of any type. */
function claimsIn(entries: readonly Entry[]): Claims | undefined {
  const cmd = entries[0]?.cmd;
  if (cmd === undefined || cmd.length > MAX_DESCRIPTION_BYTES) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(cmd).toString('utf8'));
    return typeof claims === 'object' && claims !== null ? claims : undefined;
  } catch {
    return undefined;
  }
}

/** What a replica says of its group's settings. */
export interface ClaimedSettings {
  level: number;
  settings: GroupSettings;
}

/** From what another replica said of itself with a GroupMismatch message; undefined: nothing that can be used. */
export function settingsClaimed(entries: readonly Entry[]): ClaimedSettings | undefined {
  const { level, orderedConfigChange, lruMaxSessionCount } = claimsIn(entries) ?? {};
  if (typeof level !== 'number' || typeof orderedConfigChange !== 'boolean') return undefined;
  const isCount =
    typeof lruMaxSessionCount === 'number' &&
    Number.isInteger(lruMaxSessionCount) &&
    lruMaxSessionCount >= 1 &&
    lruMaxSessionCount <= 0xffff_ffff;
  return isCount ? { level, settings: { orderedConfigChange, lruMaxSessionCount } } : undefined;
}

/** In which respects two replicas were found to differ. */
export interface Respects {
  group: boolean;
  settings: boolean;
}

/**
 * In what another replica differs from this one, one sentence each, for people: from what it said of itself with a
 * GroupMismatch message. Empty when it said nothing that can be compared.
 */
export function differencesFrom(
  own: SelfDescription,
  entries: readonly Entry[],
  otherNodeID: number,
  respects: Respects,
): string[] {
  const claims = claimsIn(entries);
  if (claims === undefined) return [];
  const found: string[] = [];
  if (respects.group) {
    const here = showMembers(own.initialMembers);
    const there = showMembers(membersClaimed(claims['initialMembers']));
    found.push(`the group began with ${here} here, and with ${there} on node ${otherNodeID}`);
  }
  if (!respects.settings) return found;
  for (const name of Object.keys(SETTING_NAMES) as (keyof ApplySettings)[]) {
    const claimed = claims[name];
    if (claimed === undefined || claimed === own.settings[name]) continue;
    const value = shown(JSON.stringify(claimed));
    found.push(
      `${SETTING_NAMES[name]} is ${JSON.stringify(own.settings[name])} here, and ${value} on node ${otherNodeID}`,
    );
  }
  return found;
}

function membersClaimed(value: unknown): Map<number, string> | undefined {
  if (!Array.isArray(value)) return undefined;
  const members = new Map<number, string>();
  for (const pair of value as unknown[]) {
    if (!Array.isArray(pair)) continue;
    const [nodeID, address] = pair as unknown[];
    if (typeof nodeID === 'number' && typeof address === 'string') members.set(nodeID, address);
  }
  return members;
}

function showMembers(members: ReadonlyMap<number, string> | undefined): string {
  if (members === undefined)
    return 'members that are not known any more (it joined, or snapshots were imported, perhaps different ones)';
  const list = [...members].sort(([a], [b]) => a - b);
  return shown(
    `the members ${list.map(([nodeID, address]) => `${nodeID}=${normalAddress(address)}`).join(', ')}`,
  );
}

/** Printable and short, whatever somebody sent. */
function shown(text: string): string {
  const printable = text.replace(/[^\x20-\x7e]/g, '?');
  return printable.length > MAX_SHOWN_LENGTH ? `${printable.slice(0, MAX_SHOWN_LENGTH)}…` : printable;
}
