import {
  type Bootstrap,
  type Entry,
  type EntrySlice,
  ErrLogDBClosed,
  ErrLogDBFenced,
  type ILogDB,
  type NodeInfo,
  type RaftState,
  type Snapshot,
  type Update,
  makeEntry,
} from '@drakkar/raftio';
import { copyBootstrap, copySnapshot } from '../copy.js';
import type { Faults } from './faults.js';
import type { Op, StoredEntry, StoredUpdate } from './frames.js';
import { takeLock } from './lock.js';
import { type EntryPlace, type Replica, Replicas } from './replicas.js';
import { type Place, type SegmentOptions, Segments } from './segments.js';
import { fromStored, storedSizeBytes, toStored } from './stored.js';

interface Waiting {
  ops: readonly Op[];
  /** Whether the call may return before it is durable. */
  isLazy: boolean;
  resolve: () => void;
  reject: (error: Error) => void;
}

interface Turn {
  write?: Waiting;
  work?: () => Promise<void>;
}

/** Bytes of entries that are carried out of the oldest segment, as a share of it, at most. */
const MOST_CARRIED = 0.5;

/**
 * A log in files, in its plainest form: one log for all replicas, a frame for each call, calls in one queue. What
 * waits is written together. Reads look up in their turn where entries lie, and read the files outside of it.
 */
export class FileLogDB implements ILogDB {
  readonly name = 'files';
  readonly #segments: Segments;
  readonly #replicas: Replicas;
  readonly #faults: Faults;
  readonly #segmentBytes: number;
  readonly #unlock: () => Promise<void>;
  readonly #queue: Turn[] = [];
  readonly #reads = new Set<Promise<unknown>>();
  /** Only for mistakes. */
  readonly #later: Op[] = [];
  readonly #hoard: unknown[] = [];
  readonly #lastStates = new Map<string, string>();
  readonly #entryCache = new Map<string, Entry>();
  #shared = new Uint8Array(0);
  #running: Promise<void> | undefined;
  #failure: Error | undefined;
  #closing: Promise<void> | undefined;

  private constructor(
    segments: Segments,
    replicas: Replicas,
    { faults, segmentBytes }: SegmentOptions,
    unlock: () => Promise<void>,
  ) {
    this.#segments = segments;
    this.#replicas = replicas;
    this.#faults = faults;
    this.#segmentBytes = segmentBytes;
    this.#unlock = unlock;
  }

  static async open(options: SegmentOptions): Promise<FileLogDB> {
    const replicas = new Replicas(options.faults, storedSizeBytes);
    const segments = new Segments(options);
    const replay = (op: Op, place: Place): void => {
      replicas.apply(op, place);
    };
    const early = options.faults.has('recoversBeforeLock');
    if (early) await segments.open(replay);
    const unlock = await takeLock(options.folder).catch(async (error: unknown) => {
      if (early) await segments.close();
      throw error;
    });
    try {
      if (!early) await segments.open(replay);
    } catch (error) {
      await unlock();
      throw error;
    }
    return new FileLogDB(segments, replicas, options, unlock);
  }

  listNodeInfo(): Promise<NodeInfo[]> {
    return this.#read(() =>
      this.#replicas.all.filter(({ bootstrap }) => bootstrap !== undefined).map(({ of }) => ({ ...of })),
    );
  }

  saveBootstrapInfo(clusterID: number, nodeID: number, bootstrap: Bootstrap): Promise<void> {
    const of = { clusterID, nodeID };
    const op: Op = { op: 'bootstrap', of, bootstrap: copyBootstrap(bootstrap) };
    if (!this.#faults.has('bootstrapRemovedFirst')) return this.#write([op]);
    return this.#inSteps([[{ ...op, bootstrap: undefined }], [op]]);
  }

  getBootstrapInfo(clusterID: number, nodeID: number): Promise<Bootstrap | undefined> {
    return this.#read(() => {
      const bootstrap = this.#replicas.find({ clusterID, nodeID })?.bootstrap;
      return bootstrap && (this.#faults.has('servesCache') ? bootstrap : copyBootstrap(bootstrap));
    });
  }

  saveRaftState(updates: readonly Update[]): Promise<void> {
    if (this.#faults.has('keepsArguments')) this.#hoard.push([...updates]);
    const stored = updates.map((each) => this.#stored(each));
    return this.#save(stored);
  }

  #save(stored: StoredUpdate[]): Promise<void> {
    const save = (list: StoredUpdate[]): Op => ({ op: 'save', updates: list });
    const sizeBytes = stored.reduce(
      (sum, { entries }) => sum + entries.reduce((all, e) => all + e[7].length, 0),
      0,
    );
    const steps: Op[][] = [[save(stored)]];
    if (this.#faults.has('replicasOneByOne')) steps.splice(0, 1, ...stored.map((each) => [save([each])]));
    if (this.#faults.has('largeCallsInTwo') && sizeBytes > 256 * 1024) {
      const half = Math.ceil(stored.length / 2);
      steps.splice(0, 1, [save(stored.slice(0, half))], [save(stored.slice(half))]);
    }
    if (this.#faults.has('restartBeforeEntries')) {
      const records = stored.filter(({ snapshot }) => snapshot !== undefined);
      if (records.length > 0)
        steps.unshift([save(records.map((each) => ({ ...each, state: undefined, entries: [] })))]);
    }
    if (this.#faults.has('tailDeletedApart')) steps.push(stored.flatMap(truncations));
    if (this.#faults.has('largeSavesOvertaken') && sizeBytes > 1 << 20) {
      return new Promise((resolve) => setTimeout(resolve, 1)).then(() => this.#inSteps(steps));
    }
    return this.#inSteps(steps);
  }

  #stored(update: Update): StoredUpdate {
    const { clusterID, nodeID, state, entriesToSave, snapshot } = update;
    const skips = this.#faults.has('stateOnlyWhenChanged') && this.#isKnown(update);
    return {
      clusterID,
      nodeID,
      state: state === undefined || skips ? undefined : { ...state },
      entries: entriesToSave.map(toStored),
      snapshot: snapshot && copySnapshot(snapshot),
    };
  }

  /** Only for a mistake: remembers the last state of each replica, whatever becomes of that. */
  #isKnown({ clusterID, nodeID, state }: Update): boolean {
    if (state === undefined) return false;
    const key = `${clusterID}/${nodeID}`;
    const text = `${state.term} ${state.vote} ${state.commit}`;
    const isKnown = this.#lastStates.get(key) === text;
    this.#lastStates.set(key, text);
    return isKnown;
  }

  iterateEntries(
    clusterID: number,
    nodeID: number,
    low: number,
    high: number,
    maxSizeBytes: number,
  ): Promise<EntrySlice> {
    let limit = maxSizeBytes;
    if (this.#faults.has('limitsOf32Bits')) limit = maxSizeBytes >>> 0;
    if (this.#faults.has('limitsOf31Bits')) limit = maxSizeBytes | 0;
    const of = { clusterID, nodeID };
    const places: EntryPlace[] = [];
    return this.#read(
      () => {
        const log = this.#replicas.find(of)?.log;
        let sizeBytes = 0;
        for (let index = low; index < high; index++) {
          const place = log?.get(index);
          if (place === undefined) break;
          sizeBytes += place.sizeBytes;
          if (sizeBytes > limit && places.length > 0) break;
          places.push(place);
        }
        for (const { frame } of places) this.#segments.pin(frame.segment);
      },
      () => this.#readEntries(places, of),
    );
  }

  async #readEntries(places: readonly EntryPlace[], of: NodeInfo): Promise<EntrySlice> {
    const slice: EntrySlice = { entries: [], sizeBytes: 0 };
    let frame: Place | undefined;
    let op: Op | undefined;
    try {
      for (const { frame: needed, update, at, sizeBytes } of places) {
        if (frame !== needed) op = await this.#segments.read(needed);
        frame = needed;
        const entries =
          op?.op === 'carry' ? op.entries : op?.op === 'save' ? op.updates[update]?.entries : [];
        const entry = entries?.[at];
        if (entry === undefined) throw new Error('the index is wrong');
        slice.entries.push(this.#entry(entry, of));
        slice.sizeBytes += sizeBytes;
      }
      return slice;
    } finally {
      for (const place of places) await this.#segments.release(place.frame.segment);
    }
  }

  #entry(stored: StoredEntry, { clusterID, nodeID }: NodeInfo): Entry {
    if (this.#faults.has('readsSharedBuffer')) {
      const cmd = stored[7];
      if (this.#shared.length < cmd.length) this.#shared = new Uint8Array(cmd.length);
      this.#shared.set(cmd);
      return makeEntry({ ...fromStored(stored), cmd: this.#shared.subarray(0, cmd.length) });
    }
    const entry = fromStored(stored);
    const hoards = this.#faults.has('keepsEntriesInMemory') || this.#faults.has('servesCache');
    if (!hoards) return entry;
    const key = `${clusterID}/${nodeID}/${entry.index}/${entry.term}`;
    const cached = this.#entryCache.get(key);
    if (cached === undefined) this.#entryCache.set(key, entry);
    return this.#faults.has('servesCache') ? (cached ?? entry) : fromStored(stored);
  }

  readRaftState(clusterID: number, nodeID: number, lastIndex: number): Promise<RaftState | undefined> {
    return this.#read(() => {
      const replica = this.#replicas.find({ clusterID, nodeID });
      if (replica?.state === undefined) return undefined;
      const firstIndex = firstAbove(replica, lastIndex);
      let entryCount = 0;
      while (replica.log.has(firstIndex + entryCount)) entryCount += 1;
      const state = this.#faults.has('servesCache') ? replica.state : { ...replica.state };
      return { state, firstIndex, entryCount };
    });
  }

  removeEntriesTo(clusterID: number, nodeID: number, index: number): Promise<void> {
    const op: Op = { op: 'removeTo', of: { clusterID, nodeID }, index };
    return this.#write([op], true);
  }

  async compactEntriesTo(): Promise<void> {
    this.#check();
    const compaction = this.#compact();
    this.#reads.add(compaction);
    try {
      await compaction;
    } finally {
      this.#reads.delete(compaction);
    }
  }

  async #compact(): Promise<void> {
    if (this.#faults.has('compactionHoldsAll')) return this.#compactAtOnce();
    if (this.#faults.has('compactionCarriesStale')) return this.#compactStale();
    while (await this.#turn(() => this.#compactOne()));
  }

  saveSnapshots(updates: readonly Update[]): Promise<void> {
    const stored = updates.flatMap(({ clusterID, nodeID, snapshot }) =>
      snapshot === undefined
        ? []
        : [{ clusterID, nodeID, state: undefined, entries: [], snapshot: copySnapshot(snapshot) }],
    );
    if (!this.#faults.has('snapshotsOneByOne')) return this.#write([{ op: 'snapshots', updates: stored }]);
    return this.#inSteps(stored.map((each) => [{ op: 'snapshots', updates: [each] }]));
  }

  deleteSnapshot(clusterID: number, nodeID: number, index: number): Promise<void> {
    const op: Op = { op: 'deleteSnapshot', of: { clusterID, nodeID }, index };
    return this.#faults.has('deletionWaitsForNextSave') ? this.#postpone(op) : this.#write([op]);
  }

  listSnapshots(clusterID: number, nodeID: number, index: number): Promise<Snapshot[]> {
    return this.#read(() =>
      [...(this.#replicas.find({ clusterID, nodeID })?.snapshots.values() ?? [])]
        .filter((each) => each.index <= index)
        .sort((a, b) => a.index - b.index)
        .map((each) => (this.#faults.has('servesCache') ? each : copySnapshot(each))),
    );
  }

  removeNodeData(clusterID: number, nodeID: number): Promise<void> {
    const op: Op = { op: 'drop', of: { clusterID, nodeID } };
    return this.#faults.has('removalWaitsForNextSave') ? this.#postpone(op) : this.#write([op]);
  }

  importSnapshot(snapshot: Snapshot, { clusterID, nodeID }: NodeInfo): Promise<void> {
    const of = { clusterID, nodeID };
    const op: Op = { op: 'import', of, snapshot: copySnapshot(snapshot) };
    return this.#faults.has('importInTwoSteps')
      ? this.#inSteps([[{ op: 'drop', of }], [op]])
      : this.#write([op]);
  }

  close(): Promise<void> {
    this.#closing ??= (async () => {
      if (!this.#faults.has('closeForgetsReads')) await Promise.allSettled(this.#reads);
      while (this.#running !== undefined) await this.#running;
      if (this.#later.length > 0) await this.#segments.append(this.#later);
      await this.#segments.close();
      await this.#unlock();
    })();
    return this.#closing;
  }

  #check(): void {
    if (this.#closing !== undefined) throw new ErrLogDBClosed();
    if (this.#failure !== undefined) throw new ErrLogDBFenced(undefined, { cause: this.#failure });
  }

  /** `look` happens in the turn of the call, `then` after it. */
  async #read<T>(look: () => T, then?: () => Promise<T>): Promise<T>;
  async #read<T>(look: () => unknown, then: () => Promise<T>): Promise<T>;
  async #read<T>(look: () => T, then?: () => Promise<T>): Promise<T> {
    this.#check();
    const looked = this.#turn(() => Promise.resolve(look()));
    const whole = then === undefined ? looked : looked.then(then);
    this.#reads.add(whole);
    try {
      return await whole;
    } finally {
      this.#reads.delete(whole);
    }
  }

  #turn<T>(work: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const guarded = async (): Promise<void> => {
        try {
          if (this.#failure !== undefined) throw new ErrLogDBFenced(undefined, { cause: this.#failure });
          resolve(await work());
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      this.#queue.push({ work: guarded });
      this.#run();
    });
  }

  async #write(ops: readonly Op[], isLazy = false): Promise<void> {
    this.#check();
    const lazily = isLazy || (this.#faults.has('syncOnlySaves') && ops.every(({ op }) => op !== 'save'));
    await new Promise<void>((resolve, reject) => {
      this.#queue.push({
        write: { ops: [...this.#later.splice(0), ...ops], isLazy: lazily, resolve, reject },
      });
      this.#run();
    });
  }

  /** Each step in a frame and a sync of its own: all but one of them are mistakes. */
  async #inSteps(steps: readonly (readonly Op[])[]): Promise<void> {
    for (const ops of steps) await this.#write(ops);
  }

  async #postpone(op: Op): Promise<void> {
    this.#check();
    await this.#turn(() => {
      this.#replicas.apply(op, { segment: this.#segments.active, offset: 0, lengthBytes: 0 });
      this.#later.push(op);
      return Promise.resolve();
    });
  }

  #run(): void {
    this.#running ??= this.#work();
  }

  async #work(): Promise<void> {
    await Promise.resolve();
    for (let turn = this.#queue.shift(); turn !== undefined; turn = this.#queue.shift()) {
      if (turn.work !== undefined) {
        await turn.work();
        continue;
      }
      const group = turn.write === undefined ? [] : [turn.write];
      for (let next = this.#queue[0]?.write; next !== undefined; next = this.#queue[0]?.write) {
        group.push(next);
        this.#queue.shift();
      }
      await this.#commit(group);
    }
    this.#running = undefined;
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    try {
      if (this.#failure !== undefined) throw new ErrLogDBFenced(undefined, { cause: this.#failure });
      if (this.#faults.has('acknowledgesFirstOfGroup') && group.length > 1) group[0]?.resolve();
      const ops = group.flatMap((each) => each.ops);
      const places = await this.#segments.append(ops);
      if (group.some(({ isLazy }) => !isLazy)) await this.#segments.sync();
      this.#applyAll(ops, places);
      for (const { resolve } of group) resolve();
    } catch (error) {
      this.#failure ??= error as Error;
      for (const { reject } of group) reject(error as Error);
    }
  }

  #applyAll(ops: readonly Op[], places: readonly Place[]): void {
    for (const [i, op] of ops.entries()) {
      const place = places[i];
      if (place !== undefined) this.#replicas.apply(op, place);
    }
  }

  async #compactAtOnce(): Promise<void> {
    await this.#turn(async () => {
      // Longer than anybody waits for a call on a slow machine, or until the end.
      for (let until = Date.now() + 120_000; Date.now() < until && this.#closing === undefined;)
        await new Promise((resolve) => setTimeout(resolve, 10));
      while (await this.#compactOne());
    });
  }

  /** Only for a mistake: what is carried was looked up in an earlier turn. */
  async #compactStale(): Promise<void> {
    for (let more = true; more;) {
      const { oldest } = this.#segments;
      const ops = await this.#turn(async () => {
        const inUse = this.#replicas.inUse(oldest);
        return Promise.all(inUse.map(({ replica, indexes }) => this.#carried(replica, indexes)));
      });
      more = await this.#turn(() => this.#compactOne(ops));
    }
  }

  /** Removes the oldest segment, when little of it is in use; returns whether it did. */
  async #compactOne(stale?: readonly Op[]): Promise<boolean> {
    if (!this.#segments.hasOld) return false;
    const { oldest } = this.#segments;
    const inUse = this.#replicas.inUse(oldest);
    const sizeOf = ({ log }: Replica, index: number): number => log.get(index)?.sizeBytes ?? 0;
    const carried = inUse.flatMap(({ replica, indexes }) => indexes.map((index) => sizeOf(replica, index)));
    if (carried.reduce((sum, each) => sum + each, 0) > this.#segmentBytes * MOST_CARRIED) return false;
    const ops = stale ?? (await this.#allCarried(inUse));
    const places = await this.#segments.append(ops);
    await this.#segments.sync();
    this.#applyAll(ops, places);
    await this.#segments.removeOldest();
    for (const { replica } of inUse) replica.keptIn.delete(oldest);
    return true;
  }

  async #allCarried(inUse: ReturnType<Replicas['inUse']>): Promise<Op[]> {
    const ops: Op[] = [];
    for (const { replica, indexes } of inUse) {
      const isIdle = indexes.length === 0;
      if (!isIdle || !this.#faults.has('compactionDropsIdle'))
        ops.push(await this.#carried(replica, indexes));
    }
    return ops;
  }

  async #carried(replica: Replica, indexes: readonly number[]): Promise<Op> {
    const faults = this.#faults;
    const places = indexes.flatMap((index) => replica.log.get(index) ?? []);
    for (const { frame } of places) this.#segments.pin(frame.segment);
    const { entries } = await this.#readEntries(places, replica.of);
    const { of, bootstrap, state, removedTo } = replica;
    const kept = {
      bootstrap: faults.has('compactionDropsBootstrap') ? undefined : bootstrap,
      state,
      removedTo,
      snapshots: faults.has('compactionDropsSnapshots') ? [] : [...replica.snapshots.values()],
    };
    return { op: 'carry', of, kept, entries: entries.map(toStored) };
  }
}

function firstAbove({ log }: Replica, lastIndex: number): number {
  if (log.has(lastIndex + 1)) return lastIndex + 1;
  let first = Infinity;
  for (const index of log.keys()) if (index > lastIndex && index < first) first = index;
  return first === Infinity ? 0 : first;
}

/** Only for a mistake: the deletion of a tail as a call of its own. */
function truncations({ clusterID, nodeID, entries }: StoredUpdate): Op[] {
  const last = entries.at(-1);
  return last === undefined ? [] : [{ op: 'truncate', of: { clusterID, nodeID }, index: last[1] + 1 }];
}
