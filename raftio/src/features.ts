import { MessageType } from './raftpb/types.js';

/**
 * What a host may know beyond version 0.1, as bits of `MessageBatch.features`. A host of 0.1, or Dragonboat, announces
 * none: that field is unknown to it, so it neither writes nor reads it.
 *
 * A bit is never used for anything else once a release has announced it. A change that adds a message type, or a field that
 * its receiver must understand, adds a bit here and to `OWN_FEATURES`, and for a message type a line in
 * `MESSAGE_FEATURES`: the transport then keeps it from hosts that did not announce it.
 */
export const Feature = Object.freeze({
  /** Announces its features, and answers who asks for them. */
  Announces: 1 << 0,
  /** Takes a ReadIndexResp with `reject` for a refusal; 0.1 and Dragonboat would take it for a confirmation. */
  RefusedReads: 1 << 1,
  /** Compares the identity of a group and the settings that messages carry, and takes GroupMismatch messages. */
  ComparesGroups: 1 << 2,
  /** Applies what feature level 1 of a group switches, and the entry that raises a group to it. */
  Level1: 1 << 3,
  /** Compares hashes of its state with others', and takes StateHashes and StateHashesAt messages. */
  ComparesStates: 1 << 4,
  /** As a leader, takes a ReplicateResp that says that there is no room for entries, see `BUSY_HINT`. */
  BusyResponses: 1 << 6,
  /** Takes ProposalDropped messages. */
  DroppedProposals: 1 << 7,
  /** Takes NotMember messages. */
  NotMember: 1 << 8,
  /** No ability: the sender asks for a batch in return, since it has not heard the receiver's features yet. */
  Asks: 1 << 30,
} as const);
/** One bit. */
export type Feature = (typeof Feature)[keyof typeof Feature];

/** What this release knows, announced in every batch. */
export const OWN_FEATURES: number =
  Feature.Announces |
  Feature.RefusedReads |
  Feature.ComparesGroups |
  Feature.Level1 |
  Feature.ComparesStates |
  Feature.BusyResponses |
  Feature.DroppedProposals |
  Feature.NotMember;

/** What a host must have announced for each feature level of a group, beginning with level 1. */
const LEVEL_FEATURES: readonly Feature[] = [Feature.Level1];

/** The highest feature level that this release knows. */
export const LATEST_LEVEL: number = LEVEL_FEATURES.length;

/** The highest feature level that a host which announced `features` knows, with all those below it. */
export function levelOf(features: number): number {
  let level = 0;
  while (level < LATEST_LEVEL && hasFeature(features, LEVEL_FEATURES[level] as Feature)) level++;
  return level;
}

/** Bits that a host of this release can tell apart; those above are of later releases, and mean nothing here. */
const FEATURE_BITS = 31;
const ALL_BITS = 2 ** FEATURE_BITS - 1;

/** The features of a number as it came: bits that this release has no room for are left out. */
export function knownFeatures(value: number | bigint): number {
  if (value <= ALL_BITS) return Number(value);
  return Number(BigInt.asUintN(FEATURE_BITS, BigInt(value)));
}

export function hasFeature(features: number, feature: Feature): boolean {
  return (features & feature) !== 0;
}

/** The last message type of version 0.1. */
const LAST_OLD_TYPE = MessageType.RequestPreVoteResp;

/** What a host must have announced before it is sent a message of a later type; of one that is not here, nobody has. */
const MESSAGE_FEATURES: ReadonlyMap<MessageType, Feature> = new Map<MessageType, Feature>([
  [MessageType.GroupMismatch, Feature.ComparesGroups],
  [MessageType.NotMember, Feature.NotMember],
  [MessageType.StateHashes, Feature.ComparesStates],
  [MessageType.StateHashesAt, Feature.ComparesStates],
  [MessageType.ProposalDropped, Feature.DroppedProposals],
]);

/** Whether a host that announced `features` may be sent a message of that type. */
export function knowsMessage(features: number, type: MessageType): boolean {
  if (type <= LAST_OLD_TYPE) return true;
  const needed = MESSAGE_FEATURES.get(type);
  return needed !== undefined && hasFeature(features, needed);
}
