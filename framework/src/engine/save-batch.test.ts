import { describe, expect, it } from '@jest/globals';
import { type Entry, makeEntry } from '@drakkar/raftio';
import type { RaftUpdate } from '../raft/index.js';
import { mergeUpdates } from './save-batch.js';

function update(fields: Partial<RaftUpdate>): RaftUpdate {
  return {
    clusterID: 1,
    nodeID: 2,
    state: undefined,
    entriesToSave: [],
    snapshot: undefined,
    mustSave: true,
    messages: [],
    messagesAfterSave: [],
    entriesToApply: [],
    readyReads: [],
    droppedReads: [],
    droppedProposals: [],
    proposalsWithoutRoom: [],
    rejectedConfigChanges: [],
    outdatedMembers: [],
    refusedConfigChanges: [],
    logReads: [],
    reports: [],
    leader: undefined,
    ...fields,
  };
}

const entries = (term: number, first: number, last: number): Entry[] =>
  Array.from({ length: last - first + 1 }, (_, i) => makeEntry({ term, index: first + i }));

const shape = (list: readonly Entry[]): string[] => list.map(({ term, index }) => `${index}@${term}`);

describe('mergeUpdates', () => {
  it('joins consecutive entries and keeps the latest state', () => {
    const merged = mergeUpdates([
      update({ entriesToSave: entries(1, 1, 2), state: { term: 1, vote: 1, commit: 0 } }),
      update({ entriesToSave: entries(1, 3, 4) }),
      update({ state: { term: 1, vote: 1, commit: 2 } }),
    ]);
    expect(shape(merged.entriesToSave)).toEqual(['1@1', '2@1', '3@1', '4@1']);
    expect(merged.state).toEqual({ term: 1, vote: 1, commit: 2 });
  });

  it.each([
    ['the whole', 5, ['5@2', '6@2']],
    ['the tail', 7, ['5@1', '6@1', '7@2', '8@2']],
    ['more than there is', 3, ['3@2', '4@2']],
  ])('lets later entries overwrite %s', (_name, from, expected) => {
    const merged = mergeUpdates([
      update({ entriesToSave: entries(1, 5, 8) }),
      update({ entriesToSave: entries(2, from, from + 1) }),
    ]);
    expect(shape(merged.entriesToSave)).toEqual(expected);
  });

  it('forgets entries saved before a snapshot that replaces them', () => {
    const snapshot = { index: 10 } as NonNullable<RaftUpdate['snapshot']>;
    const merged = mergeUpdates([
      update({ entriesToSave: entries(1, 5, 8) }),
      update({ snapshot, entriesToSave: entries(2, 11, 12) }),
    ]);
    expect(merged.snapshot).toBe(snapshot);
    expect(shape(merged.entriesToSave)).toEqual(['11@2', '12@2']);
  });
});
