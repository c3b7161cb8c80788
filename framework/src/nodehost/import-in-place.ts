import { join, resolve } from 'node:path';
import { type ILogDB, type Membership, hasErrorCode, isSameAddress, normalAddress } from '@drakkar/raftio';
import { importedGroupID } from '../agreement/identity.js';
import { type DataDir, identityOf, openDataDir } from '../datadir/data-dir.js';
import { makeSeal } from '../datadir/seal/make-seal.js';
import { verifySeal } from '../datadir/seal/verify-seal.js';
import { type NodeHostServices, type Overrides, buildContainer } from '../di/build-container.js';
import {
  ErrDeploymentIDChanged,
  ErrHardSettingsChanged,
  ErrInvalidClusterSettings,
  ErrInvalidOption,
  ErrNodeRemoved,
  ErrSnapshotOutOfDate,
} from '../errors/index.js';
import {
  EXPORT_FILE_NAME,
  type ExportRecord,
  type LongWork,
  type SnapshotProgress,
  SnapshotStore,
  readExportRecord,
} from '../snapshot/index.js';
import type { NodeHostConfigSource } from './assembly.js';
import { isTombstone } from './bootstrap.js';
import { type InitialMembers, memberMap } from './members.js';
import { type ClusterMembership, toClusterMembership } from '../engine/cluster-membership.js';
import { withoutTransport } from './without-transport.js';

export interface ImportOptions {
  /** Lets the snapshot take the place of a log that goes further, or that is so damaged that this can't be told. */
  allowOlder?: boolean;
  /** Calls it off with `ErrSnapshotStopped`; the data directory is then as it was. */
  signal?: AbortSignal;
  /** Told often how far it has come; what it throws ends the import. */
  onProgress?: (progress: SnapshotProgress) => void;
  /** As for `NodeHost.create`. No transport is needed. */
  overrides?: Overrides;
}

/** What was imported, and what gave way to it. */
export interface ImportedSnapshot {
  clusterID: number;
  nodeID: number;
  index: number;
  term: number;
  /** That the replica will start with. */
  membership: ClusterMembership;
  /** What the host had of this replica before; `undefined` for nothing. */
  replaced: ReplacedData | undefined;
  /** Other nodes of the group that this host has data of. They must never be started again. */
  otherNodeIDs: number[];
}

/** Data of a replica that was replaced by an imported snapshot. */
export interface ReplacedData {
  /** Up to where it was stored as committed, which may be less than was acknowledged; 0 if that could not be read. */
  commit: number;
  /** Of the last log entry; what is above the snapshot is lost. 0 if that could not be read. */
  lastIndex: number;
}

/** What `importSnapshot` does; loaded when it is called. */
export async function importInPlaceOfData(
  config: NodeHostConfigSource,
  dir: string,
  members: InitialMembers,
  nodeID: number,
  options: ImportOptions,
): Promise<ImportedSnapshot> {
  const { overrides, signal = new AbortController().signal, onProgress } = options;
  if (typeof dir !== 'string' || dir === '') throw new ErrInvalidOption('dir must be the path of a folder');
  const services = await buildContainer(config, { overrides: withoutTransport(overrides) });
  const from = resolve(dir);
  const record = await readExportRecord(services.fileSystem, from);
  checkOrigin(services, record, from);
  const membership = newMembership(services, record, memberMap(members), nodeID);
  const dataDir = await openDataDir(services);
  try {
    const wasWhole = await isWhole(services, dataDir);
    const logDB = await services.logDBFactory({ dir: dataDir.logdbDir, walDir: dataDir.walDir });
    try {
      const target = { services, dataDir, logDB, clusterID: record.clusterID, nodeID };
      return await importInto(target, record, from, membership, { signal, onProgress }, options);
    } finally {
      await logDB.close();
      if (wasWhole) await sealAgain(services);
    }
  } finally {
    await dataDir.close();
  }
}

/** Whether every file is as the host left it when it stopped. */
async function isWhole({ config, fileSystem }: NodeHostServices, dataDir: DataDir): Promise<boolean> {
  const { isNew, sealBefore } = dataDir;
  if (sealBefore.kind !== 'sealed') return isNew;
  return (await verifySeal(fileSystem, config, sealBefore.seal)).length === 0;
}

/** The import is done by then, so it does not fail if that does. */
async function sealAgain({ config, fileSystem, loggerFactory }: NodeHostServices): Promise<void> {
  if (config.settings.sealTimeoutMs === 0) return;
  try {
    await makeSeal(fileSystem, config);
  } catch (error) {
    loggerFactory.getLogger('nodehost').warn('the data directory could not be sealed', { err: error });
  }
}

interface Target {
  services: NodeHostServices;
  dataDir: DataDir;
  logDB: ILogDB;
  clusterID: number;
  nodeID: number;
}

async function importInto(
  target: Target,
  record: ExportRecord,
  from: string,
  membership: Membership,
  work: LongWork,
  { allowOlder = false }: ImportOptions,
): Promise<ImportedSnapshot> {
  const { services, dataDir, logDB, clusterID, nodeID } = target;
  const { clock, random, fileSystem, loggerFactory } = services;
  const logger = loggerFactory.getLogger('nodehost');
  const storeDir = dataDir.snapshotDir(clusterID, nodeID);
  const store = new SnapshotStore({ dir: storeDir, clusterID, fileSystem, clock, random, logger });
  const replaced = await examine(target, store, record, allowOlder);
  // Until the LogDB has the record nothing counts: the next start, or the next import, cleans up what is left.
  const snapshot = await store.importFrom(from, membership, work);
  await logDB.importSnapshot(snapshot, { clusterID, nodeID });
  // Another group from now on: what is left of the old one must not be taken for members of it.
  const groupID = importedGroupID(clusterID, snapshot, membership.addresses);
  await logDB.saveBootstrapInfo(clusterID, nodeID, { addresses: new Map(), join: true, groupID });
  await store.cleanUp([snapshot]);
  const { index, term } = snapshot;
  logger.info('a snapshot was imported', { clusterID, nodeID, index, term, from });
  const otherNodeIDs: number[] = [];
  for (const info of await logDB.listNodeInfo()) {
    if (info.clusterID !== clusterID || info.nodeID === nodeID) continue;
    const bootstrap = await logDB.getBootstrapInfo(clusterID, info.nodeID);
    if (bootstrap !== undefined && !isTombstone(bootstrap)) otherNodeIDs.push(info.nodeID);
  }
  return {
    clusterID,
    nodeID,
    index,
    term,
    membership: toClusterMembership(membership),
    replaced,
    otherNodeIDs: otherNodeIDs.sort((a, b) => a - b),
  };
}

function checkOrigin(services: NodeHostServices, record: ExportRecord, from: string): void {
  const { deploymentId, hardHash } = identityOf(services);
  const details = { from: join(from, EXPORT_FILE_NAME) };
  if (record.deploymentID !== deploymentId) {
    throw new ErrDeploymentIDChanged(
      `the snapshot in ${from} is of deployment ${record.deploymentID}; the configuration says deploymentId ${deploymentId}`,
      { details },
    );
  }
  if (record.hardHash !== hardHash) {
    throw new ErrHardSettingsChanged(
      `the snapshot in ${from} was made with other hardSettings than the configuration has; set them as they were (hash ${record.hardHash}, now ${hardHash})`,
      { details },
    );
  }
}

/** The membership that the snapshot gets: `members`, and a member that is none of them is removed. */
function newMembership(
  { config }: NodeHostServices,
  { clusterID, membership: old }: ExportRecord,
  members: ReadonlyMap<number, string>,
  nodeID: number,
): Membership {
  const group = `group ${clusterID}`;
  const own = members.get(nodeID);
  if (own === undefined) {
    const ids = [...members.keys()].join(', ');
    throw new ErrInvalidClusterSettings(`${group}: node ${nodeID} is not one of the new members (${ids})`);
  }
  if (!isSameAddress(own, config.raftAddress)) {
    throw new ErrInvalidClusterSettings(
      `${group}: the new members name ${own} for node ${nodeID}, but this host's raftAddress is ${config.raftAddress}`,
    );
  }
  if (new Set([...members.values()].map(normalAddress)).size !== members.size) {
    throw new ErrInvalidClusterSettings(`${group}: two of the new members have the same address`);
  }
  const gone = [...members.keys()].filter((id) => old.removed.has(id));
  if (gone.length > 0) {
    throw new ErrNodeRemoved(
      `${group}: node ${gone.join(', ')} was removed from the group before, and a node id never comes back; choose ` +
        'another one',
    );
  }
  const left = [...old.addresses.keys(), ...old.observers.keys()].filter((id) => !members.has(id));
  return {
    configChangeID: old.configChangeID,
    addresses: new Map(members),
    observers: new Map(),
    removed: new Map([...old.removed.keys(), ...left].map((id) => [id, true])),
  };
}

/** What the host has of the replica. Throws when the snapshot must not take its place. */
async function examine(
  { logDB, clusterID, nodeID }: Target,
  store: SnapshotStore,
  { index }: ExportRecord,
  allowOlder: boolean,
): Promise<ReplacedData | undefined> {
  const who = `group ${clusterID} node ${nodeID}`;
  const bootstrap = await logDB.getBootstrapInfo(clusterID, nodeID);
  if ((bootstrap !== undefined && isTombstone(bootstrap)) || (await store.isRemovalMarked())) {
    throw new ErrNodeRemoved(
      `${who}: its data was removed from this host, and a node id is never used again; choose another one`,
    );
  }
  const force = 'allowOlder (--allow-older) lets the snapshot take its place nevertheless';
  let held: ReplacedData;
  try {
    held = await stored(logDB, clusterID, nodeID);
  } catch (error) {
    if (!hasErrorCode(error, 'ERR_LOGDB_CORRUPT')) throw error;
    if (allowOlder) return { commit: 0, lastIndex: 0 };
    const message = `${who}: how far its data goes is unknown, since the log on disk is damaged; ${force}`;
    throw new ErrSnapshotOutOfDate(message, { cause: error });
  }
  // Not by the commit index: it is stored late, so entries above it may have been acknowledged.
  if (held.lastIndex > index && !allowOlder) {
    throw new ErrSnapshotOutOfDate(
      `${who}: this host has a log of it up to index ${held.lastIndex} (known to be committed up to ${held.commit}), ` +
        `but the snapshot ends at ${index}; entries ${index + 1} to ${held.lastIndex} would be lost. If the snapshot ` +
        'was exported from this very replica, after the quorum was lost, no quorum had them. Else export a newer one. ' +
        force,
      { details: { index, ...held } },
    );
  }
  return bootstrap === undefined ? undefined : held;
}

async function stored(logDB: ILogDB, clusterID: number, nodeID: number): Promise<ReplacedData> {
  const snapshots = await logDB.listSnapshots(clusterID, nodeID, Number.MAX_SAFE_INTEGER);
  const snapshotIndex = snapshots.at(-1)?.index ?? 0;
  const log = await logDB.readRaftState(clusterID, nodeID, snapshotIndex);
  const lastIndex = log === undefined || log.entryCount === 0 ? 0 : log.firstIndex + log.entryCount - 1;
  return {
    commit: Math.max(snapshotIndex, log?.state.commit ?? 0),
    lastIndex: Math.max(snapshotIndex, lastIndex),
  };
}
