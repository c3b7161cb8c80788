import {
  type Entry,
  type EntryFields,
  type EntrySlice,
  ErrLogDBClosed,
  type ILogDB,
  type NodeInfo,
  type Update,
  entrySizeBytes,
  makeEntry,
  toUint64,
} from '@drakkar/raftio';
import { MemoryLogDB } from '../reference/memory-logdb.js';
import { turn } from '../suite/wait.js';
import { type LogDBBug, of } from './logdb-bug.js';
import { wrapLogDB } from '../faults/wrap.js';

const NO_LIMIT = Number.MAX_SAFE_INTEGER;

/** A bug made by overriding calls of a sound LogDB. */
function bug(
  name: string,
  caughtBy: readonly string[],
  overrides: (inner: ILogDB) => Partial<ILogDB>,
): LogDBBug {
  return {
    name,
    caughtBy,
    open: (place) => {
      const inner = new MemoryLogDB(place);
      return wrapLogDB(inner, overrides(inner));
    },
  };
}

function sliceOf(entries: Entry[]): EntrySlice {
  return { entries, sizeBytes: entries.reduce((sum, each) => sum + entrySizeBytes(each), 0) };
}

/** Plain fields, whatever the class keeps besides them. */
function fieldsOf({ term, index, type, key, clientID, seriesID, respondedTo, cmd }: Entry): EntryFields {
  return { term, index, type, key, clientID, seriesID, respondedTo, cmd };
}

/** Passes everything through with the replica's ids changed. */
function withIds(inner: ILogDB, change: (id: NodeInfo) => NodeInfo): Partial<ILogDB> {
  const changed = (updates: readonly Update[]): Update[] =>
    updates.map((each) => ({ ...each, ...change(each) }));
  const ids = (clusterID: number, nodeID: number): [number, number] => {
    const to = change({ clusterID, nodeID });
    return [to.clusterID, to.nodeID];
  };
  return {
    saveBootstrapInfo: (c, n, bootstrap) => inner.saveBootstrapInfo(...ids(c, n), bootstrap),
    getBootstrapInfo: (c, n) => inner.getBootstrapInfo(...ids(c, n)),
    saveRaftState: (updates) => inner.saveRaftState(changed(updates)),
    iterateEntries: (c, n, low, high, max) => inner.iterateEntries(...ids(c, n), low, high, max),
    readRaftState: (c, n, lastIndex) => inner.readRaftState(...ids(c, n), lastIndex),
    removeEntriesTo: (c, n, index) => inner.removeEntriesTo(...ids(c, n), index),
    compactEntriesTo: (c, n, index) => inner.compactEntriesTo(...ids(c, n), index),
    saveSnapshots: (updates) => inner.saveSnapshots(changed(updates)),
    deleteSnapshot: (c, n, index) => inner.deleteSnapshot(...ids(c, n), index),
    listSnapshots: (c, n, index) => inner.listSnapshots(...ids(c, n), index),
    removeNodeData: (c, n) => inner.removeNodeData(...ids(c, n)),
    importSnapshot: (snapshot, nodeInfo) => inner.importSnapshot(snapshot, change(nodeInfo)),
  };
}

/** The payloads of a read lie in a buffer that the next read uses again. */
function sharedBuffer(inner: ILogDB): Partial<ILogDB> {
  let shared = new Uint8Array(0);
  return {
    iterateEntries: async (...args) => {
      const { entries } = await inner.iterateEntries(...args);
      const neededBytes = entries.reduce((sum, each) => sum + each.cmd.length, 0);
      if (shared.length < neededBytes) shared = new Uint8Array(neededBytes);
      let at = 0;
      const views = entries.map((each) => {
        shared.set(each.cmd, at);
        return makeEntry({ ...fieldsOf(each), cmd: shared.subarray(at, (at += each.cmd.length)) });
      });
      return sliceOf(views);
    },
  };
}

/** Serves the caller's own objects from a cache. */
function cachesArguments(inner: ILogDB): Partial<ILogDB> {
  const cache = new Map<string, Entry>();
  return {
    saveRaftState: (updates) => {
      for (const update of updates) {
        for (const each of update.entriesToSave) cache.set(`${of(update)}/${each.index}`, each);
      }
      return inner.saveRaftState(updates);
    },
    iterateEntries: async (clusterID, nodeID, ...range) => {
      const slice = await inner.iterateEntries(clusterID, nodeID, ...range);
      const cached = slice.entries.map((each) => cache.get(`${clusterID}/${nodeID}/${each.index}`) ?? each);
      return { ...slice, entries: cached };
    },
  };
}

/** A call that is made while another one is under way may overtake it. */
function overtakes(inner: ILogDB): Partial<ILogDB> {
  let underWay = 0;
  return {
    saveRaftState: async (updates) => {
      underWay += 1;
      if (underWay % 2 === 1) await turn();
      try {
        await inner.saveRaftState(updates);
      } finally {
        underWay -= 1;
      }
    },
  };
}

/** Does not wait for saves that are under way when it closes. */
function closesAtOnce(inner: ILogDB): Partial<ILogDB> {
  let closed = false;
  return {
    saveRaftState: async (updates) => {
      await inner.saveRaftState(updates);
      if (closed) throw new ErrLogDBClosed();
    },
    close: () => {
      closed = true;
      return inner.close();
    },
  };
}

async function joinOverGap(inner: ILogDB, args: Parameters<ILogDB['iterateEntries']>): Promise<EntrySlice> {
  const [clusterID, nodeID, , high, maxSizeBytes] = args;
  const slice = await inner.iterateEntries(...args);
  const last = slice.entries.at(-1);
  if (last === undefined || maxSizeBytes < slice.sizeBytes * 2) return slice;
  const above = await inner.readRaftState(clusterID, nodeID, last.index);
  if (above === undefined || above.entryCount === 0 || above.firstIndex >= high) return slice;
  const more = await inner.iterateEntries(clusterID, nodeID, above.firstIndex, high, maxSizeBytes);
  return sliceOf([...slice.entries, ...more.entries]);
}

/** Bugs in what is read, and in how calls are ordered. */
export const READING_BUGS: readonly LogDBBug[] = [
  bug('iterateEntries includes high', ['LDB-ITER-1', 'LDB-ITER-2'], (inner) => ({
    iterateEntries: (c, n, low, high, max) => inner.iterateEntries(c, n, low, high + 1, max),
  })),
  bug('iterateEntries ignores maxSizeBytes', ['LDB-ITER-5'], (inner) => ({
    iterateEntries: (c, n, low, high) => inner.iterateEntries(c, n, low, high, NO_LIMIT),
  })),
  bug('iterateEntries gives nothing when the first entry is too large', ['LDB-ITER-6'], (inner) => ({
    iterateEntries: async (c, n, low, high, max) => {
      const slice = await inner.iterateEntries(c, n, low, high, max);
      return slice.sizeBytes > max ? sliceOf([]) : slice;
    },
  })),
  bug('iterateEntries goes on after a gap', ['LDB-ITER-4'], (inner) => ({
    iterateEntries: (...args) => joinOverGap(inner, args),
  })),
  bug('iterateEntries gives the last entry of a range of many batches twice', ['LDB-ITER-7'], (inner) => ({
    iterateEntries: async (...args) => {
      const slice = await inner.iterateEntries(...args);
      const last = slice.entries.at(-1);
      const isFull = last?.index === args[3] - 1 && slice.entries.length > 8;
      return isFull ? sliceOf([...slice.entries, last]) : slice;
    },
  })),
  bug('entryCount counts over gaps', ['LDB-STATE-4'], (inner) => ({
    readRaftState: async (c, n, lastIndex) => {
      const found = await inner.readRaftState(c, n, lastIndex);
      if (found === undefined || found.entryCount === 0) return found;
      const above = await inner.readRaftState(c, n, found.firstIndex + found.entryCount - 1);
      return { ...found, entryCount: found.entryCount + (above?.entryCount ?? 0) };
    },
  })),
  bug('64-bit fields pass through a double', ['LDB-SAVE-3'], (inner) => ({
    iterateEntries: async (...args) => {
      const slice = await inner.iterateEntries(...args);
      for (const each of slice.entries) {
        each.seriesID = toUint64(BigInt(Math.min(Number(each.seriesID), Number.MAX_SAFE_INTEGER)));
      }
      return slice;
    },
  })),
  bug('an empty cmd comes back as one byte', ['LDB-SAVE-4'], (inner) => ({
    iterateEntries: async (...args) => {
      const { entries } = await inner.iterateEntries(...args);
      return sliceOf(
        entries.map((each) =>
          each.cmd.length > 0 ? each : makeEntry({ ...fieldsOf(each), cmd: new Uint8Array(1) }),
        ),
      );
    },
  })),
  bug('a snapshot given with the entries above it is not stored', ['LDB-SAVE-8'], (inner) => ({
    saveRaftState: (updates) =>
      inner.saveRaftState(
        updates.map((each) => {
          const isBelow =
            each.snapshot !== undefined && each.snapshot.index < (each.entriesToSave[0]?.index ?? 0);
          return isBelow ? { ...each, snapshot: undefined } : each;
        }),
      ),
  })),
  bug('a snapshot given with an update leaves the log before it', ['LDB-SAVE-8'], (inner) => ({
    saveRaftState: async (updates) => {
      await inner.saveSnapshots(updates);
      await inner.saveRaftState(updates.map((each) => ({ ...each, snapshot: undefined })));
    },
  })),
  bug('saveSnapshots saves state and entries as well', ['LDB-SNAP-4'], (inner) => ({
    saveSnapshots: (updates) => inner.saveRaftState(updates),
  })),
  bug('listSnapshots leaves out the one at the index', ['LDB-SNAP-2'], (inner) => ({
    listSnapshots: (c, n, index) => inner.listSnapshots(c, n, index === NO_LIMIT ? index : index - 1),
  })),
  bug('listSnapshots sorts indexes as text', ['LDB-SNAP-2'], (inner) => ({
    listSnapshots: async (...args) => {
      const found = await inner.listSnapshots(...args);
      return found.sort((a, b) => (String(a.index) < String(b.index) ? -1 : 1));
    },
  })),
  bug('deleteSnapshot deletes the older ones, too', ['LDB-SNAP-3'], (inner) => ({
    deleteSnapshot: async (c, n, index) => {
      for (const older of await inner.listSnapshots(c, n, index))
        await inner.deleteSnapshot(c, n, older.index);
    },
  })),
  bug('removeNodeData removes the cluster', ['LDB-NODE-3'], (inner) => ({
    removeNodeData: async (clusterID, nodeID) => {
      for (const each of await inner.listNodeInfo()) {
        if (each.clusterID === clusterID) await inner.removeNodeData(clusterID, each.nodeID);
      }
      await inner.removeNodeData(clusterID, nodeID);
    },
  })),
  bug('keys mix up cluster and node', ['LDB-NODE-2'], (inner) =>
    withIds(inner, ({ clusterID, nodeID }) => ({
      clusterID: Math.max(clusterID, nodeID),
      nodeID: Math.min(clusterID, nodeID),
    })),
  ),
  bug('keys have 32 bits of an id', ['LDB-NODE-2', 'LDB-BOOT-3'], (inner) =>
    withIds(inner, ({ clusterID, nodeID }) => ({ clusterID: clusterID >>> 0, nodeID: nodeID >>> 0 })),
  ),
  bug('overlapping saves overtake each other', ['LDB-CONC-1'], overtakes),
  bug('what was read lies in a buffer that is used again', ['LDB-ARGS-3'], sharedBuffer),
  bug('the arguments are kept and served again', ['LDB-ARGS-2'], cachesArguments),
  bug('the state given is modified', ['LDB-ARGS-1'], (inner) => ({
    saveRaftState: async (updates) => {
      await inner.saveRaftState(updates);
      for (const { state } of updates) if (state !== undefined) state.commit = 0;
    },
  })),
  bug('close does not wait for saves', ['LDB-CLOSE-3'], closesAtOnce),
  bug('reads after close find nothing instead of failing', ['LDB-CLOSE-2'], (inner) => ({
    getBootstrapInfo: (c, n) => inner.getBootstrapInfo(c, n).catch(() => undefined),
  })),
];
