import type { ILogDB, NodeInfo, Snapshot, State } from '@drakkar/raftio';
import { loadSnappy } from '@drakkar/framework';
import { EntryPayloads, isTombstone } from '@drakkar/framework/internals';
import { circumstanceOf } from './circumstance.js';
import {
  type LogFindings,
  type LogReading,
  type Problem,
  type Unchecked,
  readWholeLog,
} from './check-log.js';
import type { OpenedData } from './open-data.js';
import { type Output, describeError } from './output.js';
import { type StoredLog, nameOf, readStoredLog } from './replicas.js';

export interface ReplicaReport extends NodeInfo {
  /** How much was read and found good. */
  entries: number;
  snapshots: number;
}

type Report = LogReading['report'];
type ReportError = LogReading['reportError'];

/** Runs `read`; what it throws is reported, and `undefined` its result. */
async function trying<T>(
  part: Problem['part'],
  report: ReportError,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    report(part, error);
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
  report: ReportError,
  progress: (index: number) => void,
  output: Output,
): Promise<number> {
  const store = data.snapshotStore(clusterID, nodeID);
  let good = 0;
  for (const snapshot of snapshots) {
    progress(snapshot.index);
    const verified = await trying('snapshot', report, async () => {
      await store.verify(snapshot, output.signals.stop);
      return true;
    });
    output.checkStopped();
    if (verified === true) good++;
  }
  return good;
}

/** Reads everything of one replica. What is found is added to `findings`; nothing is thrown for damage. */
export async function checkReplica(
  data: OpenedData,
  info: NodeInfo,
  { problems, unchecked }: { problems: Problem[]; unchecked: Unchecked[] },
  output: Output,
): Promise<ReplicaReport> {
  const { logDB } = data;
  const { clusterID, nodeID } = info;
  const name = nameOf(info);
  const report: Report = (part, message, code) => {
    problems.push({ clusterID, nodeID, part, ...(code === undefined ? {} : { code }), message });
  };
  const reportError: ReportError = (part, error, prefix = '') => {
    const { code, message } = describeError(error);
    const circumstance = circumstanceOf(error);
    if (circumstance === undefined) report(part, `${prefix}${message}`, code);
    else unchecked.push({ clusterID, nodeID, part, code: circumstance, message: `${prefix}${message}` });
  };
  await trying('bootstrap', reportError, () => checkBootstrap(logDB, info, report));
  const snapshots = await trying('snapshot', reportError, () =>
    logDB.listSnapshots(clusterID, nodeID, Number.MAX_SAFE_INTEGER),
  );
  const goodSnapshots = await checkSnapshots(
    data,
    info,
    snapshots ?? [],
    reportError,
    (index) => output.progress(`${name}: snapshot ${index}`),
    output,
  );
  const stored = await trying('state', reportError, () => readStoredLog(logDB, info));
  if (stored === undefined) return { clusterID, nodeID, entries: 0, snapshots: goodSnapshots };
  const end = stored.extents.at(-1)?.last ?? 0;
  const findings = await readWholeLog(
    {
      logDB,
      info,
      payloads: new EntryPayloads('none', await loadSnappy().catch(() => undefined)),
      wanted: new Set(snapshots?.map(({ index }) => index)),
      report,
      reportError,
      progress: (index) => output.progress(`${name}: entry ${index} of ${end}`),
    },
    stored.extents,
  );
  // Without the list of snapshots, what follows would report their absence.
  if (snapshots !== undefined) checkAgreement(stored, snapshots, findings, report);
  return { clusterID, nodeID, entries: findings.entries, snapshots: goodSnapshots };
}
