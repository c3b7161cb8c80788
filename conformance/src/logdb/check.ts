import {
  type Bootstrap,
  type Entry,
  type ILogDB,
  type NodeInfo,
  type Snapshot,
  type State,
  entrySizeBytes,
} from '@drakkar/raftio';
import { fail, same, sameList, sameMap } from '../suite/assert.js';
import { sameEntries, sameSnapshot } from '../suite/raftpb.js';

/** Larger than any log of the suite. */
const NO_LIMIT_BYTES = 1 << 30;

export interface Range {
  low: number;
  high: number;
  maxSizeBytes?: number;
}

/** Reads a range and compares it, and the size told with it, to `expected`. */
export async function checkRange(
  db: ILogDB,
  of: NodeInfo,
  { low, high, maxSizeBytes = NO_LIMIT_BYTES }: Range,
  expected: readonly Entry[],
  what: string,
): Promise<void> {
  const slice = await db.iterateEntries(of.clusterID, of.nodeID, low, high, maxSizeBytes);
  sameEntries(slice.entries, expected, `${what}, range [${low}, ${high})`);
  const sizeBytes = expected.reduce((sum, each) => sum + entrySizeBytes(each), 0);
  same(slice.sizeBytes, sizeBytes, `${what}, range [${low}, ${high}): sizeBytes`);
}

/** The log from index `first` on is exactly `expected`, as iterated and as told by readRaftState. */
export async function checkLog(
  db: ILogDB,
  of: NodeInfo,
  expected: readonly Entry[],
  what: string,
  first = expected[0]?.index ?? 1,
): Promise<void> {
  await checkRange(db, of, { low: first, high: first + expected.length + 1000 }, expected, what);
  const raftState = await db.readRaftState(of.clusterID, of.nodeID, first - 1);
  if (raftState === undefined) fail(`${what}: readRaftState gave undefined`);
  same(raftState.entryCount, expected.length, `${what}: entryCount`);
  if (expected.length > 0) same(raftState.firstIndex, first, `${what}: firstIndex`);
}

export async function checkState(
  db: ILogDB,
  of: NodeInfo,
  expected: State | undefined,
  what: string,
): Promise<void> {
  const raftState = await db.readRaftState(of.clusterID, of.nodeID, 0);
  if (expected === undefined) {
    same(raftState, undefined, `${what}: readRaftState`);
    return;
  }
  if (raftState === undefined) fail(`${what}: readRaftState gave undefined`);
  same(raftState.state.term, expected.term, `${what}: term`);
  same(raftState.state.vote, expected.vote, `${what}: vote`);
  same(raftState.state.commit, expected.commit, `${what}: commit`);
}

/** firstIndex and entryCount as told for `lastIndex`; `first` undefined: no entries are expected. */
export async function checkExtent(
  db: ILogDB,
  of: NodeInfo,
  lastIndex: number,
  expected: { first: number; count: number } | undefined,
  what: string,
): Promise<void> {
  const raftState = await db.readRaftState(of.clusterID, of.nodeID, lastIndex);
  if (raftState === undefined) fail(`${what}: readRaftState gave undefined`);
  same(raftState.entryCount, expected?.count ?? 0, `${what}, lastIndex ${lastIndex}: entryCount`);
  if (expected !== undefined) {
    same(raftState.firstIndex, expected.first, `${what}, lastIndex ${lastIndex}: firstIndex`);
  }
}

/** Equal for equal settings; adapters may give fields in any order. */
function settingsText({ settings }: Bootstrap): string {
  if (settings === undefined) return 'none';
  const { orderedConfigChange, lruMaxSessionCount, isFinal } = settings;
  return `${orderedConfigChange} ${lruMaxSessionCount} ${isFinal}`;
}

function lostText({ lost }: Bootstrap): string {
  return lost === undefined ? 'nothing' : `${lost.index} ${lost.term} ${lost.leaderID}`;
}

export async function checkBootstrap(
  db: ILogDB,
  of: NodeInfo,
  expected: Bootstrap | undefined,
  what: string,
): Promise<void> {
  checkBootstrapIs(await db.getBootstrapInfo(of.clusterID, of.nodeID), expected, what);
}

export function checkBootstrapIs(
  actual: Bootstrap | undefined,
  expected: Bootstrap | undefined,
  what: string,
): void {
  if (expected === undefined) {
    same(actual, undefined, `${what}: getBootstrapInfo`);
    return;
  }
  if (actual === undefined) fail(`${what}: getBootstrapInfo gave undefined`);
  same(actual.join, expected.join, `${what}: join`);
  same(actual.groupID ?? 0, expected.groupID ?? 0, `${what}: groupID`);
  same(settingsText(actual), settingsText(expected), `${what}: settings`);
  same(lostText(actual), lostText(expected), `${what}: lost`);
  sameMap(actual.addresses, expected.addresses, `${what}: addresses`);
}

/** listNodeInfo gives exactly `expected`, in whatever order. */
export async function checkNodes(db: ILogDB, expected: readonly NodeInfo[], what: string): Promise<void> {
  const named = (list: readonly NodeInfo[]): string[] =>
    list.map(({ clusterID, nodeID }) => `${clusterID}/${nodeID}`).sort();
  sameList(named(await db.listNodeInfo()), named(expected), `${what}: listNodeInfo`);
}

/** The snapshot records with an index of at most `upTo` are exactly `expected`, oldest first. */
export async function checkSnapshots(
  db: ILogDB,
  of: NodeInfo,
  expected: readonly Snapshot[],
  what: string,
  upTo = Number.MAX_SAFE_INTEGER,
): Promise<void> {
  const actual = await db.listSnapshots(of.clusterID, of.nodeID, upTo);
  sameList(
    actual.map(({ index }) => index),
    expected.map(({ index }) => index),
    `${what}: indexes of snapshots up to ${upTo}`,
  );
  expected.forEach((want, i) => {
    const got = actual[i];
    if (got !== undefined) sameSnapshot(got, want, what);
  });
}

/** Nothing at all is known of the replica. */
export async function checkNothing(db: ILogDB, of: NodeInfo, what: string): Promise<void> {
  await checkBootstrap(db, of, undefined, what);
  await checkState(db, of, undefined, what);
  await checkRange(db, of, { low: 1, high: 100 }, [], what);
  await checkSnapshots(db, of, [], what);
}
