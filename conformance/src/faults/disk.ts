import { ErrLogDBFenced, type ILogDB, type Update } from '@drakkar/raftio';
import { wrapLogDB } from './wrap.js';

/** As the operating system words it. */
export class DiskError extends Error {
  override readonly name = 'DiskError';

  constructor(
    readonly code: 'EIO' | 'ENOSPC',
    message: string,
  ) {
    super(`${code}: ${message}`);
  }
}

type Fault = 'write' | 'sync';

/**
 * Says when the disk below decorated LogDBs fails; see `faultyLogDB`. One of these may stand for the disk of several
 * LogDBs, or of one that is opened again.
 */
export class DiskFaults {
  /** Writes that have failed so far, syncs included. */
  failures = 0;
  #next: Fault | undefined;
  #freeBytes = Infinity;

  /** The next call that writes rejects, and nothing of it is stored. */
  failNextWrite(): void {
    this.#next = 'write';
  }

  /** The next call that writes rejects, although what it writes may be found later: it was written, not synced. */
  failNextSync(): void {
    this.#next = 'sync';
  }

  /** From here on there is room for so many bytes of entries; what does not fit is refused with ENOSPC. */
  fillDisk(freeBytes = 0): void {
    this.#freeBytes = freeBytes;
  }

  freeDisk(): void {
    this.#freeBytes = Infinity;
  }

  /** What happens to a write of so many bytes: none, or the error before it, or after it. */
  take(sizeBytes: number): { before?: DiskError; after?: DiskError } {
    const fault = this.#next;
    this.#next = undefined;
    if (fault === 'write') return { before: this.#fail('EIO', 'a write failed') };
    if (sizeBytes > this.#freeBytes || this.#freeBytes === 0) {
      return { before: this.#fail('ENOSPC', 'no space left on device') };
    }
    this.#freeBytes -= sizeBytes;
    return fault === 'sync' ? { after: this.#fail('EIO', 'a sync failed') } : {};
  }

  #fail(code: DiskError['code'], message: string): DiskError {
    this.failures += 1;
    return new DiskError(code, message);
  }
}

function sizeOf(updates: readonly Update[]): number {
  return updates.reduce(
    (sum, { entriesToSave }) => sum + entriesToSave.reduce((all, { cmd }) => all + cmd.length, 0),
    0,
  );
}

/**
 * `inner` on a disk that fails when `faults` says so. As the contract demands, a LogDB with a failed write is fenced:
 * every later call rejects with ErrLogDBFenced, until the place is opened again and decorated again.
 */
export function faultyLogDB(inner: ILogDB, faults: DiskFaults): ILogDB {
  let isFenced = false;
  const guard = (): void => {
    if (isFenced) throw new ErrLogDBFenced();
  };
  const read = async <T>(call: () => Promise<T>): Promise<T> => {
    guard();
    return call();
  };
  const write = async (call: () => Promise<void>, sizeBytes = 0): Promise<void> => {
    guard();
    const { before, after } = faults.take(sizeBytes);
    if (before !== undefined || after !== undefined) isFenced = true;
    if (before !== undefined) throw before;
    await call();
    if (after !== undefined) throw after;
  };
  return wrapLogDB(inner, {
    listNodeInfo: () => read(() => inner.listNodeInfo()),
    getBootstrapInfo: (...args) => read(() => inner.getBootstrapInfo(...args)),
    iterateEntries: (...args) => read(() => inner.iterateEntries(...args)),
    readRaftState: (...args) => read(() => inner.readRaftState(...args)),
    listSnapshots: (...args) => read(() => inner.listSnapshots(...args)),
    saveBootstrapInfo: (...args) => write(() => inner.saveBootstrapInfo(...args)),
    saveRaftState: (updates) => write(() => inner.saveRaftState(updates), sizeOf(updates)),
    removeEntriesTo: (...args) => write(() => inner.removeEntriesTo(...args)),
    compactEntriesTo: (...args) => write(() => inner.compactEntriesTo(...args)),
    saveSnapshots: (updates) => write(() => inner.saveSnapshots(updates)),
    deleteSnapshot: (...args) => write(() => inner.deleteSnapshot(...args)),
    removeNodeData: (...args) => write(() => inner.removeNodeData(...args)),
    importSnapshot: (...args) => write(() => inner.importSnapshot(...args)),
  });
}
