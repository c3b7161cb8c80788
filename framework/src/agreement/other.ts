import { type Membership, type Message, MessageType, isSameAddress, normalAddress } from '@drakkar/raftio';
import type { Respects } from './self-description.js';

/** Another replica whose group, or whose settings, are not those of this one. */
export interface GroupDifference {
  nodeID: number;
  /** Raft address of its host; empty for the sender of a snapshot. */
  address: string;
  /** Whether the membership lists it under that address; anybody may claim to be a member. */
  isMember: boolean;
  /** One sentence each, for people. */
  differences: readonly string[];
}

/** What a guard knows of a replica that differs. */
export interface Other extends Respects {
  /** What it said that it is, to be compared with others. */
  claim: string;
  nodeID: number;
  address: string;
  heardTick: number;
  /** When it last sent what only a leader sends; -Infinity: never. */
  ledTick: number;
  toldTick: number;
  toldCount: number;
  sinceTick: number;
  differences: readonly string[];
  reported: boolean;
}

export function claimOf(groupID: number, settings: number): string {
  return `${groupID} ${settings}`;
}

export function keyOf(nodeID: number, address: string): string {
  return `${nodeID}@${normalAddress(address)}`;
}

export function isOfLeader(type: MessageType): boolean {
  return (
    type === MessageType.Heartbeat || type === MessageType.Replicate || type === MessageType.InstallSnapshot
  );
}

export function isVoteRequest(type: MessageType): boolean {
  return type === MessageType.RequestVote || type === MessageType.RequestPreVote;
}

export function bringsLog({ type, entries }: Message): boolean {
  return type === MessageType.InstallSnapshot || (type === MessageType.Replicate && entries.length > 0);
}

export function isMember(
  { nodeID, address }: { nodeID: number; address: string },
  membership: Membership,
): boolean {
  const listed = membership.addresses.get(nodeID) ?? membership.observers.get(nodeID);
  return listed !== undefined && isSameAddress(listed, address);
}

export function toDifference(other: Other, membership: Membership): GroupDifference {
  const { nodeID, address, differences } = other;
  return { nodeID, address, isMember: isMember(other, membership), differences };
}

export function ofDragonboat(nodeID: number): string {
  return (
    `node ${nodeID} runs on a host of Dragonboat, and the group has compatibility: 'none' here: set ` +
    "compatibility: 'dragonboat-2.1' on all its members (docs/dragonboat.md)"
  );
}

export function generalDifferences({ group, settings }: Respects, nodeID: number): string[] {
  const found: string[] = [];
  if (group) found.push(`node ${nodeID} is of a group that began with other members`);
  if (settings) found.push(`node ${nodeID} has other settings of how entries are applied`);
  return found;
}
