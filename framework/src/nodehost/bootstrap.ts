import {
  type Bootstrap,
  type GroupSettings,
  type ILogDB,
  isDragonboatAddress,
  isSameAddress,
  normalAddress,
} from '@drakkar/raftio';
import { ErrClusterNotBootstrapped, ErrInvalidClusterSettings, ErrNodeRemoved } from '../errors/index.js';
import { initialGroupID } from '../agreement/identity.js';
import { saveInitialLog } from '../engine/log-loader.js';

/** How the caller says a replica comes to this host. */
export interface StartRequest {
  clusterID: number;
  nodeID: number;
  raftAddress: string;
  /** Initial members, node id → raft address; empty when joining or restarting. */
  initialMembers: ReadonlyMap<number, string>;
  join: boolean;
  isObserver: boolean;
  /** What the configuration of this host says. */
  settings: GroupSettings;
  /** Hosts of Dragonboat v2.1.7 may be members. */
  isForDragonboat: boolean;
}

/**
 * Left in the place of a replica whose data was removed: neither a member from the start nor one that joined. A
 * voting member that was started again without what it had promised could break the group.
 */
export function isTombstone({ addresses, join }: Bootstrap): boolean {
  return !join && addresses.size === 0;
}

export async function saveTombstone(logDB: ILogDB, clusterID: number, nodeID: number): Promise<void> {
  await logDB.saveBootstrapInfo(clusterID, nodeID, { addresses: new Map(), join: false });
}

/** Whether there is anything of the replica beside the mark that it was removed. */
export async function hasReplica(logDB: ILogDB, clusterID: number, nodeID: number): Promise<boolean> {
  const stored = await logDB.getBootstrapInfo(clusterID, nodeID);
  return stored !== undefined && !isTombstone(stored);
}

/**
 * Tells first start, restart and join apart by what the disk says, and makes a first start or a join durable.
 * Errors, each saying which of the three the data on disk calls for: `ErrInvalidClusterSettings`,
 * `ErrClusterNotBootstrapped`, `ErrNodeRemoved`.
 */
export async function bootstrapReplica(logDB: ILogDB, request: StartRequest): Promise<Bootstrap> {
  const stored = await logDB.getBootstrapInfo(request.clusterID, request.nodeID);
  if (stored !== undefined && isTombstone(stored)) {
    throw new ErrNodeRemoved(
      `group ${request.clusterID} node ${request.nodeID}: its data was removed from this host, and a node id is never ` +
        'used again: add a new node to the group under another id',
    );
  }
  if (stored !== undefined) checkRestart(request, stored);
  if (request.isForDragonboat) checkDragonboatAddresses(request);
  const bootstrap = withSettings(request, withIdentity(request.clusterID, stored ?? firstStart(request)));
  if (bootstrap !== stored) await logDB.saveBootstrapInfo(request.clusterID, request.nodeID, bootstrap);
  // After a crash between the two saves the first log is still to be written.
  if (!bootstrap.join && (await logDB.readRaftState(request.clusterID, request.nodeID, 0)) === undefined) {
    const snapshots = await logDB.listSnapshots(request.clusterID, request.nodeID, Number.MAX_SAFE_INTEGER);
    if (snapshots.length === 0) await saveInitialLog(logDB, request.clusterID, request.nodeID, bootstrap);
  }
  return bootstrap;
}

/** A record of version 0.1 has no identity of the group; that of an initial member is the same on each of them. */
function withIdentity(clusterID: number, bootstrap: Bootstrap): Bootstrap {
  if (bootstrap.join || bootstrap.groupID !== undefined) return bootstrap;
  return { ...bootstrap, groupID: initialGroupID(clusterID, bootstrap.addresses) };
}

/** A record of version 0.1 has no settings: its replica applied entries by its configuration. */
function withSettings({ settings }: StartRequest, bootstrap: Bootstrap): Bootstrap {
  return bootstrap.settings === undefined
    ? { ...bootstrap, settings: { ...settings, isFinal: false } }
    : bootstrap;
}

function firstStart(request: StartRequest): Bootstrap {
  const { clusterID, nodeID, initialMembers, join, raftAddress } = request;
  const who = `group ${clusterID} node ${nodeID}`;
  if (join) {
    if (initialMembers.size > 0) {
      throw new ErrInvalidClusterSettings(
        `${who}: a node that joins learns the members from the group; pass none`,
      );
    }
    return { addresses: new Map(), join: true };
  }
  if (initialMembers.size === 0) {
    throw new ErrClusterNotBootstrapped(
      `${who} has no data on this host. For its first start pass the initial members; for a node that was added to a ` +
        'running group, pass join = true; if it ran here before, its data is gone: add a new node under a new node id',
    );
  }
  const own = initialMembers.get(nodeID);
  if (own === undefined || !isSameAddress(own, raftAddress)) {
    throw new ErrInvalidClusterSettings(
      `${who}: the initial members name ${own === undefined ? 'no address' : own} for it, ` +
        `but this host's raftAddress is ${raftAddress}`,
    );
  }
  if (request.isObserver) {
    throw new ErrInvalidClusterSettings(
      `${who}: an initial member has a vote; an observer is added to a running group and joins it`,
    );
  }
  if (new Set([...initialMembers.values()].map(normalAddress)).size !== initialMembers.size) {
    throw new ErrInvalidClusterSettings(`${who}: two initial members have the same address`);
  }
  return { addresses: new Map(initialMembers), join: false };
}

function checkDragonboatAddresses({ clusterID, nodeID, initialMembers, raftAddress }: StartRequest): void {
  const bad = [raftAddress, ...initialMembers.values()].find((address) => !isDragonboatAddress(address));
  if (bad === undefined) return;
  throw new ErrInvalidClusterSettings(
    `group ${clusterID} node ${nodeID}: with compatibility 'dragonboat-2.1' an address is host:port with one colon, ` +
      `found ${bad}: a host of Dragonboat would stop at it; name an IPv6 host by a DNS name`,
  );
}

function checkRestart(request: StartRequest, stored: Bootstrap): void {
  const { clusterID, nodeID, initialMembers, join } = request;
  const who = `group ${clusterID} node ${nodeID}`;
  if (join && !stored.join) {
    throw new ErrInvalidClusterSettings(
      `${who}: the data on disk says that it is an initial member of the group, so this is a restart: pass join = false`,
    );
  }
  if (initialMembers.size === 0) return;
  if (stored.join) {
    throw new ErrInvalidClusterSettings(
      `${who}: the data on disk says that it joined a running group, or was imported: pass no initial members`,
    );
  }
  const same =
    initialMembers.size === stored.addresses.size &&
    [...initialMembers].every(([id, address]) => isSameAddress(stored.addresses.get(id) ?? '', address));
  if (!same) {
    throw new ErrInvalidClusterSettings(
      `${who}: it was first started with other initial members (${describe(stored.addresses)}; now ` +
        `${describe(initialMembers)}). For a restart pass the same ones, or none; members change by requests`,
    );
  }
}

function describe(members: ReadonlyMap<number, string>): string {
  return [...members].map(([id, address]) => `${id}=${address}`).join(', ');
}
