import type { Entry, Membership, Snapshot, SnapshotFile } from '@drakkar/raftio';
import { same, sameBytes, sameList, sameMap } from './assert.js';

const ENTRY_FIELDS = ['index', 'term', 'type', 'key', 'clientID', 'seriesID', 'respondedTo'] as const;

function sameEntry(actual: Entry, expected: Entry, what: string): void {
  for (const field of ENTRY_FIELDS) {
    same(actual[field], expected[field], `${what}: ${field} of entry ${expected.index}`);
  }
  sameBytes(actual.cmd, expected.cmd, `${what}: cmd of entry ${expected.index}`);
}

export function sameEntries(actual: readonly Entry[], expected: readonly Entry[], what: string): void {
  sameList(
    actual.map(({ index }) => index),
    expected.map(({ index }) => index),
    `${what}: indexes`,
  );
  expected.forEach((want, i) => {
    const got = actual[i];
    if (got !== undefined) sameEntry(got, want, what);
  });
}

export function sameMembership(actual: Membership, expected: Membership, what: string): void {
  same(actual.configChangeID, expected.configChangeID, `${what}: configChangeID`);
  sameMap(actual.addresses, expected.addresses, `${what}: membership addresses`);
  sameMap(actual.removed, expected.removed, `${what}: membership removed`);
  sameMap(actual.observers, expected.observers, `${what}: membership observers`);
}

export function sameFile(actual: SnapshotFile | undefined, expected: SnapshotFile, what: string): void {
  same(actual?.filepath, expected.filepath, `${what}: filepath`);
  same(actual?.fileSize, expected.fileSize, `${what}: fileSize`);
  same(actual?.fileID, expected.fileID, `${what}: fileID`);
  sameBytes(actual?.metadata, expected.metadata, `${what}: metadata`);
}

export function sameSnapshot(actual: Snapshot, expected: Snapshot, what: string): void {
  for (const field of ['filepath', 'fileSize', 'index', 'term'] as const) {
    same(actual[field], expected[field], `${what}: ${field} of snapshot ${expected.index}`);
  }
  sameMembership(actual.membership, expected.membership, what);
  same(actual.files.length, expected.files.length, `${what}: number of files`);
  expected.files.forEach((file, i) => {
    sameFile(actual.files[i], file, `${what}: file ${i}`);
  });
}
