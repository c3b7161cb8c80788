import type { Bootstrap, Entry, ILogDB, NodeInfo, Snapshot, State, Update } from '@drakkar/raftio';
import { wrapLogDB } from '../faults/wrap.js';
import { MemoryLogDB } from '../reference/memory-logdb.js';
import { turn } from '../suite/wait.js';
import { type LogDBBug, of } from './logdb-bug.js';

type Overrides = (inner: ILogDB) => Partial<ILogDB>;

function bug(name: string, caughtBy: readonly string[], overrides: Overrides): LogDBBug {
  return {
    name,
    caughtBy,
    open: (place) => {
      const inner = new MemoryLogDB(place);
      return wrapLogDB(inner, overrides(inner));
    },
  };
}

/** Changes each update of a save, or leaves it out. */
function updates(inner: ILogDB, change: (update: Update) => Update | undefined): Partial<ILogDB> {
  return { saveRaftState: (list) => inner.saveRaftState(list.flatMap((each) => change(each) ?? [])) };
}

function savedStates(inner: ILogDB): Partial<ILogDB> {
  const last = new Map<string, string>();
  return updates(inner, (update) => {
    const text = JSON.stringify(update.state);
    const isKnown = update.state !== undefined && last.get(of(update)) === text;
    last.set(of(update), text);
    return isKnown ? { ...update, state: undefined } : update;
  });
}

/** Entries that are there already, by index and term, are not saved again; nor is the tail behind them deleted. */
function savedEntries(inner: ILogDB): Partial<ILogDB> {
  const terms = new Map<string, number>();
  return updates(inner, (update) => {
    const key = ({ index }: Entry): string => `${of(update)}/${index}`;
    const isThere = update.entriesToSave.every((each) => terms.get(key(each)) === each.term);
    for (const each of update.entriesToSave) terms.set(key(each), each.term);
    return isThere ? { ...update, entriesToSave: [] } : update;
  });
}

function entryCache(inner: ILogDB): Partial<ILogDB> {
  const cache = new Map<string, Entry>();
  return {
    iterateEntries: async (clusterID, nodeID, ...range) => {
      const slice = await inner.iterateEntries(clusterID, nodeID, ...range);
      const entries = slice.entries.map((each) => {
        const key = `${clusterID}/${nodeID}/${each.index}`;
        const known = cache.get(key) ?? each;
        cache.set(key, known);
        return known;
      });
      return { ...slice, entries };
    },
  };
}

function bootstrapMerged(inner: ILogDB): Partial<ILogDB> {
  return {
    saveBootstrapInfo: async (clusterID, nodeID, given) => {
      const old = await inner.getBootstrapInfo(clusterID, nodeID);
      const addresses = new Map([...(old?.addresses ?? []), ...given.addresses]);
      return inner.saveBootstrapInfo(clusterID, nodeID, { ...given, addresses });
    },
  };
}

const withBootstrap =
  (change: (bootstrap: Bootstrap) => Bootstrap): Overrides =>
  (inner) => ({
    getBootstrapInfo: async (...args) => {
      const found = await inner.getBootstrapInfo(...args);
      return found && change(found);
    },
  });

const withSnapshots =
  (change: (snapshot: Snapshot) => Snapshot): Overrides =>
  (inner) => ({
    listSnapshots: async (...args) => (await inner.listSnapshots(...args)).map(change),
  });

const withState =
  (change: (state: State) => State): Overrides =>
  (inner) => ({
    readRaftState: async (...args) => {
      const found = await inner.readRaftState(...args);
      return found && { ...found, state: change(found.state) };
    },
  });

/** The vote that was there outlives an import. */
function importKeepsVote(inner: ILogDB): Partial<ILogDB> {
  return {
    importSnapshot: async (snapshot, nodeInfo) => {
      const old = await inner.readRaftState(nodeInfo.clusterID, nodeInfo.nodeID, 0);
      await inner.importSnapshot(snapshot, nodeInfo);
      const state = { term: snapshot.term, vote: old?.state.vote ?? 0, commit: snapshot.index };
      await inner.saveRaftState([{ ...nodeInfo, state, entriesToSave: [], snapshot: undefined }]);
    },
  };
}

function readsAreCached(inner: ILogDB): Partial<ILogDB> {
  const cache = new Map<string, Bootstrap | undefined>();
  return {
    getBootstrapInfo: async (clusterID, nodeID) => {
      const key = `${clusterID}/${nodeID}`;
      if (!cache.has(key)) cache.set(key, await inner.getBootstrapInfo(clusterID, nodeID));
      return cache.get(key);
    },
    saveBootstrapInfo: async (clusterID, nodeID, bootstrap) => {
      await inner.saveBootstrapInfo(clusterID, nodeID, bootstrap);
      cache.delete(`${clusterID}/${nodeID}`);
    },
  };
}

/** Reads do not wait for their turn. */
function readsOvertake(inner: ILogDB): Partial<ILogDB> {
  const states = new Map<string, Awaited<ReturnType<ILogDB['readRaftState']>>>();
  return {
    readRaftState: async (clusterID, nodeID, lastIndex) => {
      const key = `${clusterID}/${nodeID}/${lastIndex}`;
      const known = states.get(key);
      const fresh = inner.readRaftState(clusterID, nodeID, lastIndex);
      void fresh.then((found) => states.set(key, found)).catch(() => undefined);
      return known === undefined ? fresh : turn().then(() => fresh.then(() => known));
    },
    saveRaftState: async (list) => {
      await inner.saveRaftState(list);
      states.clear();
    },
  };
}

async function deleteNearest(inner: ILogDB, { clusterID, nodeID }: NodeInfo, index: number): Promise<void> {
  const found = (await inner.listSnapshots(clusterID, nodeID, index)).at(-1);
  if (found !== undefined) await inner.deleteSnapshot(clusterID, nodeID, found.index);
}

/** Mistakes in memory, or in what is remembered of a store, that are seen only by asking more than one point. */
export const MORE_BUGS: readonly LogDBBug[] = [
  bug('a state like the last one is not stored, also after a removal', ['LDB-NODE-4'], savedStates),
  bug('entries that are there are not saved, so that the tail stays', ['LDB-MODEL-1'], savedEntries),
  bug('entries are cached by index', ['LDB-MODEL-1'], entryCache),
  bug('bootstrap info is merged with what was there', ['LDB-BOOT-4'], bootstrapMerged),
  bug(
    'what is said of lost entries is not kept',
    ['LDB-BOOT-2'],
    withBootstrap(({ lost: _lost, ...rest }) => rest),
  ),
  bug(
    'the settings of a group are not kept',
    ['LDB-BOOT-2'],
    withBootstrap(({ settings: _settings, ...rest }) => rest),
  ),
  bug(
    'the id of a group is kept in 32 bits',
    ['LDB-BOOT-2'],
    withBootstrap((each) => ({ ...each, groupID: (each.groupID ?? 0) >>> 0 })),
  ),
  bug(
    'observers of a snapshot are not kept',
    ['LDB-SNAP-1'],
    withSnapshots((each) => ({ ...each, membership: { ...each.membership, observers: new Map() } })),
  ),
  bug(
    'removed members of a snapshot are not kept',
    ['LDB-SNAP-1'],
    withSnapshots((each) => ({ ...each, membership: { ...each.membership, removed: new Map() } })),
  ),
  bug(
    'files of a snapshot that are empty are left out',
    ['LDB-SNAP-1'],
    withSnapshots((each) => ({ ...each, files: each.files.filter(({ fileSize }) => fileSize > 0) })),
  ),
  bug(
    'a term has 32 bits',
    ['LDB-SAVE-9'],
    withState((state) => ({ ...state, term: state.term >>> 0 })),
  ),
  bug('an import keeps the vote', ['LDB-IMPORT-1'], importKeepsVote),
  bug('bootstrap info is cached and the cache given away', ['LDB-ARGS-4'], readsAreCached),
  bug('bootstrap info in the cache outlives the replica', ['LDB-NODE-1'], readsAreCached),
  bug('states are read from a cache that is behind', ['LDB-MODEL-2'], readsOvertake),
  bug('the record below is deleted when there is none at the index', ['LDB-SNAP-3'], (inner) => ({
    deleteSnapshot: (clusterID, nodeID, index) => deleteNearest(inner, { clusterID, nodeID }, index),
  })),
  bug('sizes count commands alone', ['LDB-ITER-5'], (inner) => ({
    iterateEntries: async (...args) => {
      const slice = await inner.iterateEntries(...args);
      return { ...slice, sizeBytes: slice.entries.reduce((sum, { cmd }) => sum + cmd.length, 0) };
    },
  })),
  bug('an empty update makes a state', ['LDB-SAVE-7'], (inner) =>
    updates(inner, (update) => {
      const isEmpty = update.state === undefined && update.entriesToSave.length === 0;
      return isEmpty && update.snapshot === undefined
        ? { ...update, state: { term: 0, vote: 0, commit: 0 } }
        : update;
    }),
  ),
];
