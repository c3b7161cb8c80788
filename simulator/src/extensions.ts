import type { Dice } from './world/dice.js';

/**
 * What a seed may have beyond the faults that every seed has. Each is drawn by itself, from a stream of its own, so
 * that one more changes nothing for the others.
 */
export const EXTENSIONS = {
  /** Links of few bytes per second, so that snapshot streams outlast many heartbeats. */
  'narrow-links': { share: 0.25, isOn: true },
  /** Members are asked for reads before anybody has written, after their groups had time to fall asleep. */
  'reads-first': { share: 0.5, isOn: true },
  /** Single replicas are stopped and started while their host runs. */
  'replica-restarts': { share: 0.4, isOn: true },
  /** State machines take their time with every command. */
  'slow-machines': { share: 0.2, isOn: true },
  /** The options of a group are a set of those that have every pair of values between them. */
  'option-pairs': { share: 0.4, isOn: true },
  /** Messages come that no replica has sent. */
  'hostile-messages': { share: 0.3, isOn: true },
  /** Hosts write the same addresses in several ways: each its own list of members, and each life its own address. */
  spellings: { share: 0.25, isOn: true },
  /** More clients, which believe what errors say of an effect and of a retry, and use a session for two commands at once. */
  'advised-clients': { share: 0.3, isOn: true },
  /** Trial: a leader loses and regains leadership while it streams a snapshot. */
  'leader-flaps': { share: 0.1, isOn: true },
  /** Trial: a group sleeps while its members come and go; then one of them is asked. */
  'idle-group': { share: 0.15, isOn: true },
  /** Trial: a leader is heard and hears no quorum. */
  'deaf-leader': { share: 0.1, isOn: true },
  /** Trial: the state machine of the leader alone, or the leader's disk, does not answer any more. */
  'stuck-leader': { share: 0.1, isOn: true },
  /** Trial: what is large does not get from the leader to the others, though its heartbeats do. */
  'black-hole': { share: 0.1, isOn: true },
  /** Trial: snapshots of a group do not fit on the disks of its hosts, which take them at once. */
  'full-disks': { share: 0.1, isOn: true },
  /** Trial: a group writes commands that are long on their way, and others must not notice. */
  'bulk-neighbour': { share: 0.1, isOn: true },
  /** Trial: every other member is replaced while one is away. */
  'members-replaced': { share: 0.1, isOn: true },
  /** Settings of groups are changed by their operators while all else goes on. */
  'settings-changed': { share: 0.3, isOn: true },
  /** Replicas that join or restart have other settings in their configuration than their group has in its log. */
  'other-configurations': { share: 0.3, isOn: true },
  /** Trial: a replica is restarted with a setting that its group has otherwise in its log. */
  'different-settings': { share: 0.1, isOn: true },
  /** Trial: a member is removed while it is away, and most of the others with it. */
  'removed-while-away': { share: 0.1, isOn: true },
} as const satisfies Record<string, { share: number; isOn: boolean }>;

export type ExtensionName = keyof typeof EXTENSIONS;

export const EXTENSION_NAMES = Object.keys(EXTENSIONS) as ExtensionName[];

/** The extensions that a run of many seeds draws from, unless it was told others. */
export const DEFAULT_EXTENSIONS: readonly ExtensionName[] = EXTENSION_NAMES.filter(
  (name) => EXTENSIONS[name].isOn,
);

/** @param forced these and no others; `undefined`: what the seed draws */
export function drawExtensions(dice: Dice, forced: readonly ExtensionName[] | undefined): ExtensionName[] {
  if (forced !== undefined) return EXTENSION_NAMES.filter((name) => forced.includes(name));
  return DEFAULT_EXTENSIONS.filter((name) => dice.fork(name).chance(EXTENSIONS[name].share));
}
