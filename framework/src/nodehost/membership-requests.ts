import {
  type ConfigChange,
  ConfigChangeType,
  EntryType,
  ErrInvalidAddress,
  type Membership,
  encodeConfigChange,
  isDragonboatAddress,
  isSameAddress,
  makeEntry,
} from '@drakkar/raftio';
import type { Replica } from '../engine/replica.js';
import {
  ErrClusterNotReady,
  ErrInvalidOption,
  ErrInvalidTarget,
  ErrPendingConfigChangeExist,
  ErrPendingLeaderTransferExist,
} from '../errors/index.js';
import type { RequestState } from '../requests/request-state.js';
import { checkIDs, idFault } from './ids.js';

/** A change as a caller asks for it. */
export interface MembershipChange {
  type: ConfigChangeType;
  nodeID: number;
  /** Empty for a removal. */
  address: string;
  configChangeIndex: number;
  force: boolean;
}

/** Throws `ErrInvalidOption` or `ErrInvalidAddress` for a change that no group could take. */
function checkChange({ type, nodeID, address, configChangeIndex }: MembershipChange): void {
  checkIDs({ nodeID });
  if (!Number.isSafeInteger(configChangeIndex) || configChangeIndex < 0) {
    throw new ErrInvalidOption(
      `configChangeIndex is that of the membership which the change is for, found ${String(configChangeIndex)}`,
    );
  }
  if (type === ConfigChangeType.RemoveNode) return;
  if (typeof address !== 'string' || !/^.+:\d{1,5}$/.test(address)) {
    throw new ErrInvalidAddress(`node ${nodeID}: an address is host:port, found ${String(address)}`);
  }
}

function checkDragonboatAddress({ nodeID, address }: MembershipChange): void {
  if (isDragonboatAddress(address)) return;
  throw new ErrInvalidAddress(
    `node ${nodeID}: in a group with compatibility 'dragonboat-2.1' an address is host:port with one colon, found ` +
      `${address}: a host of Dragonboat would stop at it; name an IPv6 host by a DNS name`,
  );
}

/** The rules of the membership compare addresses in fewer respects: what is the same is written the same. */
function asSpelledIn({ addresses, observers }: Membership, address: string): string {
  const members = [...addresses.values(), ...observers.values()];
  return members.find((known) => isSameAddress(known, address)) ?? address;
}

/** Proposes a membership change. @throws ErrPendingConfigChangeExist, ErrInvalidOption, ErrInvalidAddress */
export function requestChange(replica: Replica, change: MembershipChange, timeoutMs: number): RequestState {
  checkChange(change);
  const { configChange, clusterID, isForDragonboat } = replica;
  if (isForDragonboat && change.type !== ConfigChangeType.RemoveNode) checkDragonboatAddress(change);
  if (configChange.isPending) {
    throw new ErrPendingConfigChangeExist(
      `group ${clusterID}: a membership change made on this host is under way`,
    );
  }
  const { type, nodeID, configChangeIndex, force } = change;
  const encoded: ConfigChange = {
    configChangeID: configChangeIndex,
    type,
    nodeID,
    address: asSpelledIn(replica.rsm.getMembership(), change.address),
    initialize: false,
    ...(force ? { force } : undefined),
  };
  const request = configChange.add(replica.nowMs + timeoutMs);
  const cmd = encodeConfigChange(encoded);
  replica.propose(makeEntry({ type: EntryType.ConfigChangeEntry, key: request.key, cmd }));
  return request;
}

/**
 * Asks for leadership to go to a voting member; whether it does is up to the leader (thesis 3.10).
 *
 * @throws ErrInvalidTarget, ErrPendingLeaderTransferExist, ErrClusterNotReady
 */
export function requestTransfer(replica: Replica, targetNodeID: number): void {
  const { clusterID, leader } = replica;
  if (!replica.rsm.getMembership().addresses.has(targetNodeID)) {
    const why =
      idFault('targetNodeID', targetNodeID)?.message ?? `node ${targetNodeID} is not a voting member`;
    throw new ErrInvalidTarget(`group ${clusterID}: ${why}`);
  }
  if (leader.leaderID === targetNodeID) return;
  if (leader.leaderID === 0) {
    throw new ErrClusterNotReady(`group ${clusterID} has no leader now that could hand over`);
  }
  if (replica.raft.status().leaderTransferTarget !== 0) {
    throw new ErrPendingLeaderTransferExist(`group ${clusterID}: a leadership transfer is under way`);
  }
  replica.transferLeader(targetNodeID);
}
