import fc from 'fast-check';
import { type ILogDB, type Snapshot, emptyMembership } from '../../index.js';
import { entries, update } from './fixtures.js';
import { type LogModel, MODEL_CLUSTERS, MODEL_NODES } from './log-model.js';

interface Replica {
  clusterID: number;
  nodeID: number;
}

export type Action =
  | { type: 'reopen' }
  | { type: 'bootstrap'; at: Replica }
  | { type: 'save'; parts: { at: Replica; first: number; count: number; term: number; hasState: boolean }[] }
  | { type: 'removeTo'; at: Replica; index: number; compacts: boolean }
  | { type: 'saveSnapshot'; at: Replica; index: number }
  | { type: 'deleteSnapshot'; at: Replica; index: number }
  | { type: 'remove'; at: Replica }
  | { type: 'import'; at: Replica; index: number };

const at = fc.record({
  clusterID: fc.constantFrom(...MODEL_CLUSTERS),
  nodeID: fc.constantFrom(...MODEL_NODES),
});
const index = fc.integer({ min: 1, max: 45 });
const part = fc.record({
  at,
  first: index,
  count: fc.integer({ min: 0, max: 12 }),
  term: fc.integer({ min: 1, max: 9 }),
  hasState: fc.boolean(),
});

function oncePerReplica<T extends { at: Replica }>(parts: T[]): T[] {
  const isFirst = (one: T, i: number): boolean =>
    parts.findIndex(
      (other) => other.at.clusterID === one.at.clusterID && other.at.nodeID === one.at.nodeID,
    ) === i;
  return parts.filter(isFirst);
}

const save = fc.record({
  type: fc.constant('save' as const),
  parts: fc.array(part, { minLength: 1, maxLength: 4 }).map(oncePerReplica),
});

/** Calls on few replicas and indexes, so that they meet; saves are most of them. */
export const actionArbitrary: fc.Arbitrary<Action> = fc.oneof(
  { weight: 10, arbitrary: save },
  { weight: 2, arbitrary: fc.constant({ type: 'reopen' as const }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('bootstrap' as const), at }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant('removeTo' as const), at, index, compacts: fc.boolean() }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('saveSnapshot' as const), at, index }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('deleteSnapshot' as const), at, index }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('remove' as const), at }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('import' as const), at, index }) },
);

export function makeSnapshot(atIndex: number, term = 3): Snapshot {
  return {
    filepath: `snapshot-${atIndex}`,
    fileSize: 10,
    index: atIndex,
    term,
    membership: emptyMembership(),
    files: [],
  };
}

type SaveAction = Extract<Action, { type: 'save' }>;

async function runSave(db: ILogDB, model: LogModel, { parts }: SaveAction): Promise<void> {
  const updates = parts.map(({ at: { clusterID, nodeID }, first, count, term, hasState }) =>
    update({
      clusterID,
      nodeID,
      state: hasState ? { term, vote: 1, commit: first } : undefined,
      entriesToSave: entries(first, first + count - 1, term),
    }),
  );
  await db.saveRaftState(updates);
  for (const one of updates) model.save(one.clusterID, one.nodeID, one.state, one.entriesToSave);
}

/** Does the same to both. */
export async function runAction(
  db: ILogDB,
  model: LogModel,
  action: Exclude<Action, { type: 'reopen' }>,
): Promise<void> {
  if (action.type === 'save') return runSave(db, model, action);
  const { clusterID, nodeID } = action.at;
  const replica = model.replica(clusterID, nodeID);
  switch (action.type) {
    case 'bootstrap':
      replica.bootstrap = { addresses: new Map([[nodeID, 'a:1']]), join: false };
      return db.saveBootstrapInfo(clusterID, nodeID, replica.bootstrap);
    case 'removeTo':
      model.removeTo(clusterID, nodeID, action.index);
      await db.removeEntriesTo(clusterID, nodeID, action.index);
      return action.compacts ? db.compactEntriesTo(clusterID, nodeID, action.index) : undefined;
    case 'saveSnapshot':
      replica.snapshots.set(action.index, makeSnapshot(action.index));
      return db.saveSnapshots([update({ clusterID, nodeID, snapshot: makeSnapshot(action.index) })]);
    case 'deleteSnapshot':
      replica.snapshots.delete(action.index);
      return db.deleteSnapshot(clusterID, nodeID, action.index);
    case 'remove':
      model.remove(clusterID, nodeID);
      return db.removeNodeData(clusterID, nodeID);
    case 'import': {
      model.remove(clusterID, nodeID);
      const imported = model.replica(clusterID, nodeID);
      imported.bootstrap = { addresses: new Map(), join: true };
      imported.state = { term: 3, vote: 0, commit: action.index };
      imported.snapshots.set(action.index, makeSnapshot(action.index));
      return db.importSnapshot(makeSnapshot(action.index), { clusterID, nodeID });
    }
  }
}
