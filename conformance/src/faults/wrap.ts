import type { IConnection, ILogDB, IRaftRPC, ISnapshotConnection } from '@drakkar/raftio';

/** Forwards every call, but those that are overridden. */
export function wrapLogDB(inner: ILogDB, overrides: Partial<ILogDB>): ILogDB {
  return {
    name: inner.name,
    listNodeInfo: () => inner.listNodeInfo(),
    saveBootstrapInfo: (...args) => inner.saveBootstrapInfo(...args),
    getBootstrapInfo: (...args) => inner.getBootstrapInfo(...args),
    saveRaftState: (updates) => inner.saveRaftState(updates),
    iterateEntries: (...args) => inner.iterateEntries(...args),
    readRaftState: (...args) => inner.readRaftState(...args),
    removeEntriesTo: (...args) => inner.removeEntriesTo(...args),
    compactEntriesTo: (...args) => inner.compactEntriesTo(...args),
    saveSnapshots: (updates) => inner.saveSnapshots(updates),
    deleteSnapshot: (...args) => inner.deleteSnapshot(...args),
    listSnapshots: (...args) => inner.listSnapshots(...args),
    removeNodeData: (...args) => inner.removeNodeData(...args),
    importSnapshot: (...args) => inner.importSnapshot(...args),
    close: () => inner.close(),
    ...overrides,
  };
}

export function wrapRPC(inner: IRaftRPC, overrides: Partial<IRaftRPC>): IRaftRPC {
  const counters = inner.counters?.bind(inner);
  return {
    ...(counters === undefined ? {} : { counters }),
    name: inner.name,
    start: () => inner.start(),
    stop: () => inner.stop(),
    getConnection: (...args) => inner.getConnection(...args),
    getSnapshotConnection: (...args) => inner.getSnapshotConnection(...args),
    ...overrides,
  };
}

export function wrapConnection(inner: IConnection, overrides: Partial<IConnection>): IConnection {
  return {
    sendMessageBatch: (batch) => inner.sendMessageBatch(batch),
    close: () => {
      inner.close();
    },
    closed: inner.closed,
    ...overrides,
  };
}

export function wrapSnapshotConnection(
  inner: ISnapshotConnection,
  overrides: Partial<ISnapshotConnection>,
): ISnapshotConnection {
  return {
    sendSnapshotChunk: (chunk) => inner.sendSnapshotChunk(chunk),
    finish: () => inner.finish(),
    close: () => {
      inner.close();
    },
    ...overrides,
  };
}
