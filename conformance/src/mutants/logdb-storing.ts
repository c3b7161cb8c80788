import { type Bootstrap, type NodeInfo, type Snapshot, type Update, makeEntry } from '@drakkar/raftio';
import { MemoryLogDB, type MemoryPlace, type ReplicaRecord } from '../reference/memory-logdb.js';
import { turn } from '../suite/wait.js';
import { type LogDBBug, of } from './logdb-bug.js';
import { wrapLogDB } from '../faults/wrap.js';

/** A sync that comes some turns after the acknowledgement. */
class LateSync extends MemoryLogDB {
  readonly #images: Map<string, ReplicaRecord>[] = [];

  protected override write(change: () => void): Promise<void> {
    return super.write(() => {
      this.#images.push(copyRecords(this.place));
      this.place.onLoss = () => {
        const [oldest] = this.#images;
        if (oldest === undefined) return;
        this.place.records.clear();
        for (const [key, record] of oldest) this.place.records.set(key, record);
      };
      change();
      void turn()
        .then(turn)
        .then(turn)
        .then(() => this.#images.shift());
    });
  }
}

function copyRecords({ records }: MemoryPlace): Map<string, ReplicaRecord> {
  return new Map(
    [...records].map(([key, record]) => [key, { ...record, snapshots: new Map(record.snapshots) }]),
  );
}

/** Deletes no more than so many entries of the tail that an overwrite replaces. */
const MOST_DELETED = 9;

class BoundedTailDelete extends MemoryLogDB {
  protected override applyUpdate(update: Update): void {
    const record = this.find(update.clusterID, update.nodeID);
    const last = update.entriesToSave.at(-1)?.index ?? Infinity;
    const left = record?.log.filter(({ index }) => index > last + MOST_DELETED) ?? [];
    super.applyUpdate(update);
    if (record !== undefined) record.log = [...record.log, ...left];
  }
}

/** Keeps what one call saved as one record, and replaces the whole record when the overwrite begins inside it. */
const RECORD_ENTRIES = 10;

class WholeRecordOverwrite extends MemoryLogDB {
  readonly #starts = new Map<string, { first: number; last: number }[]>();

  protected override applyUpdate(update: Update): void {
    const [first] = update.entriesToSave;
    super.applyUpdate(update);
    if (first === undefined) return;
    const key = of(update);
    const starts = (this.#starts.get(key) ?? []).filter((each) => each.first < first.index);
    const hit = starts.find(
      (each) => each.last >= first.index && each.last - each.first + 1 >= RECORD_ENTRIES,
    );
    const record = this.record(update.clusterID, update.nodeID);
    if (hit !== undefined) {
      record.log = record.log.filter(({ index }) => index < hit.first || index >= first.index);
    }
    starts.push({ first: first.index, last: update.entriesToSave.at(-1)?.index ?? first.index });
    this.#starts.set(key, starts);
  }
}

/** On a failed write, the first replica's part has been written. */
class HalfWritten extends MemoryLogDB {
  override saveRaftState(updates: readonly Update[]): Promise<void> {
    return super.saveRaftState(updates).catch((error: unknown) => {
      const [first] = updates;
      if (first !== undefined && this.place.broken) this.applyUpdate(first);
      throw error;
    });
  }
}

class NeverFenced extends MemoryLogDB {
  protected override fence(): void {
    // The next write is simply tried again.
  }
}

class BootstrapOnce extends MemoryLogDB {
  override saveBootstrapInfo(clusterID: number, nodeID: number, bootstrap: Bootstrap): Promise<void> {
    if (this.find(clusterID, nodeID)?.bootstrap !== undefined) return this.write(() => undefined);
    return super.saveBootstrapInfo(clusterID, nodeID, bootstrap);
  }
}

class ImportKeepsOld extends MemoryLogDB {
  override importSnapshot(snapshot: Snapshot, nodeInfo: NodeInfo): Promise<void> {
    const { clusterID, nodeID } = nodeInfo;
    return this.write(() => {
      const record = this.record(clusterID, nodeID);
      const bootstrap: Bootstrap = { addresses: new Map(), join: true };
      const state = { term: snapshot.term, vote: 0, commit: snapshot.index };
      Object.assign(record, { bootstrap, state });
      record.snapshots.set(snapshot.index, snapshot);
    });
  }
}

class CompactsTooMuch extends MemoryLogDB {
  override compactEntriesTo(clusterID: number, nodeID: number, index: number): Promise<void> {
    return this.write(() => {
      const record = this.find(clusterID, nodeID);
      if (record !== undefined && index > 0) record.log = record.log.filter((each) => each.index > index + 1);
    });
  }
}

class CompactsNothing extends MemoryLogDB {
  override compactEntriesTo(): Promise<void> {
    return this.write(() => undefined);
  }
}

class RemovalGoesBack extends MemoryLogDB {
  override removeEntriesTo(clusterID: number, nodeID: number, index: number): Promise<void> {
    return this.write(() => {
      const record = this.find(clusterID, nodeID);
      if (record !== undefined) record.removedTo = index;
    });
  }
}

class RemovalStopsAtTheEnd extends MemoryLogDB {
  override removeEntriesTo(clusterID: number, nodeID: number, index: number): Promise<void> {
    return this.write(() => {
      const record = this.find(clusterID, nodeID);
      const last = record?.log.at(-1)?.index ?? 0;
      if (record !== undefined && index <= last) record.removedTo = Math.max(record.removedTo, index);
    });
  }
}

class ForgetsStateWithTheLog extends MemoryLogDB {
  override removeEntriesTo(clusterID: number, nodeID: number, index: number): Promise<void> {
    return super.removeEntriesTo(clusterID, nodeID, index).then(() => {
      const record = this.find(clusterID, nodeID);
      const isEmpty = record !== undefined && this.visible(clusterID, nodeID).length === 0;
      if (isEmpty && record.log.length > 0) record.state = { term: 0, vote: 0, commit: 0 };
    });
  }
}

class NoLock extends MemoryLogDB {
  constructor(place: MemoryPlace) {
    place.owner = undefined;
    super(place);
  }
}

const MIB = 1024 * 1024;

class CutsLargeCommands extends MemoryLogDB {
  protected override applyUpdate(update: Update): void {
    const entriesToSave = update.entriesToSave.map((each) =>
      each.cmd.length <= MIB
        ? each
        : makeEntry({ index: each.index, term: each.term, type: each.type, cmd: each.cmd.subarray(0, MIB) }),
    );
    super.applyUpdate({ ...update, entriesToSave });
  }
}

/** Bugs in what is stored. */
export const STORING_BUGS: readonly LogDBBug[] = [
  {
    name: 'acknowledges a save before it is synced',
    caughtBy: ['LDB-CRASH-1'],
    open: (place) => new LateSync(place),
  },
  {
    name: 'writes the replicas of one call one after the other',
    caughtBy: ['LDB-CRASH-2'],
    open: (place) => {
      const inner = new MemoryLogDB(place);
      return wrapLogDB(inner, {
        saveRaftState: async (updates) => {
          await Promise.all(updates.map((each) => inner.saveRaftState([each])));
        },
      });
    },
  },
  {
    name: 'deletes only the first few entries of an overwritten tail',
    caughtBy: ['LDB-TAIL-4', 'LDB-TAIL-6'],
    open: (place) => new BoundedTailDelete(place),
  },
  {
    name: 'an overwrite inside a stored batch takes the whole batch away',
    caughtBy: ['LDB-TAIL-2'],
    open: (place) => new WholeRecordOverwrite(place),
  },
  {
    name: 'a failed write leaves the first replica of the call behind',
    caughtBy: ['LDB-FENCE-2'],
    open: (place) => new HalfWritten(place),
  },
  {
    name: 'goes on after a failed write',
    caughtBy: ['LDB-FENCE-1'],
    open: (place) => new NeverFenced(place),
  },
  {
    name: 'bootstrap info is stored once and for all',
    caughtBy: ['LDB-BOOT-4'],
    open: (place) => new BootstrapOnce(place),
  },
  {
    name: 'an imported snapshot keeps what was there before',
    caughtBy: ['LDB-IMPORT-1'],
    open: (place) => new ImportKeepsOld(place),
  },
  {
    name: 'compaction takes one entry too many',
    caughtBy: ['LDB-COMPACT-1'],
    open: (place) => new CompactsTooMuch(place),
  },
  {
    name: 'compaction gives no space back',
    caughtBy: ['LDB-COMPACT-2'],
    open: (place) => new CompactsNothing(place),
  },
  {
    name: 'a lower removal brings removed entries back',
    caughtBy: ['LDB-REMOVE-5'],
    open: (place) => new RemovalGoesBack(place),
  },
  {
    name: 'a removal beyond the last entry is ignored',
    caughtBy: ['LDB-REMOVE-4'],
    open: (place) => new RemovalStopsAtTheEnd(place),
  },
  {
    name: 'the state goes with the last entry',
    caughtBy: ['LDB-REMOVE-3'],
    open: (place) => new ForgetsStateWithTheLog(place),
  },
  { name: 'opens a place that is open', caughtBy: ['LDB-OPEN-2'], open: (place) => new NoLock(place) },
  {
    name: 'cuts commands at one MiB',
    caughtBy: ['LDB-SAVE-5'],
    open: (place) => new CutsLargeCommands(place),
  },
];
