import { ErrInvalidModule } from '../errors/index.js';

const LOGDB_METHODS = [
  'listNodeInfo',
  'saveBootstrapInfo',
  'getBootstrapInfo',
  'saveRaftState',
  'iterateEntries',
  'readRaftState',
  'removeEntriesTo',
  'compactEntriesTo',
  'saveSnapshots',
  'deleteSnapshot',
  'listSnapshots',
  'removeNodeData',
  'importSnapshot',
  'close',
] as const;
const RPC_METHODS = ['start', 'stop', 'getConnection', 'getSnapshotConnection'] as const;

/** What the factory of a LogDB, or of a transport, has made: it is to be one, and not to fail at the first use. */
export function checkAdapter<T>(kind: 'LogDB' | 'transport', made: T): T {
  const methods = (made ?? {}) as Partial<Record<string, unknown>>;
  const names: readonly string[] = kind === 'LogDB' ? LOGDB_METHODS : RPC_METHODS;
  const missing = names.filter((name) => typeof methods[name] !== 'function');
  if (missing.length === 0) return made;
  throw new ErrInvalidModule(
    `the factory of the ${kind} has made something else; methods missing: ${missing.join(', ')}`,
  );
}
