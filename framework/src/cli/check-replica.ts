import type { ILogDB, NodeInfo, Snapshot, State } from '@drakkar/raftio';
import { loadSnappy } from '../compression/snappy.js';
import { EntryPayloads } from '../rsm/index.js';
import { type LogFindings, type LogReading, type Problem, readWholeLog } from './check-log.js';
import { isTombstone } from '../nodehost/bootstrap.js';
import type { OpenedData } from './open-data.js';
import { type Output, describeError } from './output.js';
import { type StoredLog, nameOf, readStoredLog } from './replicas.js';

export interface ReplicaReport extends NodeInfo {
  /** How much was read and found good. */
  entries: number;
  snapshots: number;
}

type Report = LogReading['report'];

/** Runs `read`; what it throws is a problem, and `undefined` its result. */
async function trying<T>(
  part: Problem['part'],
  report: Report,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    const { code, message } = describeError(error);
    report(part, message, code);
    return undefined;
  }
}

async function checkBootstrap(logDB: ILogDB, info: NodeInfo, report: Report): Promise<void> {
  const bootstrap = await logDB.getBootstrapInfo(info.clusterID, info.nodeID);
  if (bootstrap === undefined) report('bootstrap', 'what says how it came to be is missing');
  else if (
    isTombstone(bootstrap) &&
    (await logDB.readRaftState(info.clusterID, info.nodeID, 0)) !== undefined
  ) {
    report('bootstrap', 'it is marked as removed from this host, but there is data of it');
  }
}

/** What the hard state, the log and the snapshots say of each other. */
function checkAgreement(
  { state, extents }: StoredLog,
  snapshots: readonly Snapshot[],
  findings: LogFindings,
  report: Report,
): void {
  const newest = snapshots.at(-1);
  const snapshotIndex = newest?.index ?? 0;
  const top = extents.at(-1);
  const lastIndex = Math.max(top?.last ?? 0, snapshotIndex);
  if (top !== undefined && top.last > snapshotIndex && top.first > snapshotIndex + 1) {
    const until =
      snapshotIndex === 0 ? 'there is no snapshot' : `the newest snapshot ends at ${snapshotIndex}`;
    report('log', `it begins at ${top.first}, but ${until}: what is between is lost`);
  }
  if (state === undefined) {
    if (lastIndex > 0) report('state', `it is missing, though there is data up to index ${lastIndex}`);
    return;
  }
  checkState(state, lastIndex, Math.max(findings.lastTerm, newest?.term ?? 0), report);
  for (const { index, term } of snapshots) {
    const inLog = findings.termAt.get(index);
    if (inLog !== undefined && inLog !== term)
      report('snapshot', `the one at ${index} is of term ${term}, but the log's entry of term ${inLog}`);
  }
}

function checkState({ term, commit }: State, lastIndex: number, lastTerm: number, report: Report): void {
  if (commit > lastIndex) report('state', `${commit} is committed, but the data ends at ${lastIndex}`);
  if (term < lastTerm) report('state', `it is of term ${term}, but there is data of term ${lastTerm}`);
}

async function checkSnapshots(
  data: OpenedData,
  { clusterID, nodeID }: NodeInfo,
  snapshots: readonly Snapshot[],
  report: Report,
  progress: (index: number) => void,
): Promise<number> {
  const store = data.snapshotStore(clusterID, nodeID);
  const { signal } = new AbortController();
  let good = 0;
  for (const snapshot of snapshots) {
    progress(snapshot.index);
    const verified = await trying('snapshot', report, async () => {
      await store.verify(snapshot, signal);
      return true;
    });
    if (verified === true) good++;
  }
  return good;
}

/** Reads everything of one replica. Problems are added to `problems`; nothing is thrown for damage. */
export async function checkReplica(
  data: OpenedData,
  info: NodeInfo,
  problems: Problem[],
  output: Output,
): Promise<ReplicaReport> {
  const { logDB } = data;
  const { clusterID, nodeID } = info;
  const name = nameOf(info);
  const report: Report = (part, message, code) => {
    problems.push({ clusterID, nodeID, part, ...(code === undefined ? {} : { code }), message });
  };
  await trying('bootstrap', report, () => checkBootstrap(logDB, info, report));
  const snapshots = await trying('snapshot', report, () =>
    logDB.listSnapshots(clusterID, nodeID, Number.MAX_SAFE_INTEGER),
  );
  const goodSnapshots = await checkSnapshots(data, info, snapshots ?? [], report, (index) =>
    output.progress(`${name}: snapshot ${index}`),
  );
  const stored = await trying('state', report, () => readStoredLog(logDB, info));
  if (stored === undefined) return { clusterID, nodeID, entries: 0, snapshots: goodSnapshots };
  const end = stored.extents.at(-1)?.last ?? 0;
  const findings = await readWholeLog(
    {
      logDB,
      info,
      payloads: new EntryPayloads('none', await loadSnappy().catch(() => undefined)),
      wanted: new Set(snapshots?.map(({ index }) => index)),
      report,
      progress: (index) => output.progress(`${name}: entry ${index} of ${end}`),
    },
    stored.extents,
  );
  // Without the list of snapshots, what follows would report their absence.
  if (snapshots !== undefined) checkAgreement(stored, snapshots, findings, report);
  return { clusterID, nodeID, entries: findings.entries, snapshots: goodSnapshots };
}
