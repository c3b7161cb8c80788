import { ErrLogDBClosed, ErrUpdateRefused } from '../errors.js';
import type { EntrySlice, ILogDB, NodeInfo, RaftState, Update } from '../logdb.js';
import type { Bootstrap, Snapshot } from '../raftpb/types.js';
import { CallsUnderWay } from './calls-under-way.js';
import { Committer } from './committer.js';
import type { IOrderedKV, KVOp } from './contract.js';
import { OrderGate } from './gate.js';
import { indexOfKey, keyAfter } from './keys.js';
import { type ReplicaMap, checkFormat, loadReplicas, removalOps } from './load.js';
import { readEntries } from './log-reader.js';
import {
  PreparedUpdate,
  bootstrapKey,
  putBootstrap,
  putSnapshot,
  readBootstrap,
  readSnapshot,
  snapshotKey,
} from './prepared-update.js';
import type { Replica } from './replica.js';
import { runAbove } from './runs.js';

/** Records deleted in one commit: few enough for a save that shares the commit not to feel it. */
const SWEEP_RECORDS = 512;
const SNAPSHOTS_PER_PAGE = 64;

const always = (): boolean => true;
const never = (): boolean => false;

export interface KVLogDBOptions {
  /** Name of the adapter, as `ILogDB.name` gives it. */
  name: string;
}

/**
 * An `ILogDB` on an ordered key-value store: all that is not the store's own. One record for each append, one head
 * record for each replica, one durable write under way at a time, which takes along all that was asked meanwhile.
 */
export class KVLogDB implements ILogDB {
  readonly name: string;
  readonly #kv: IOrderedKV;
  readonly #committer: Committer<KVOp>;
  readonly #gate = new OrderGate();
  readonly #replicas: ReplicaMap;
  /** Calls other than saves that are under way. */
  readonly #underWay = new CallsUnderWay();
  #closing: Promise<void> | undefined;

  private constructor(kv: IOrderedKV, replicas: ReplicaMap, options: KVLogDBOptions) {
    this.name = options.name;
    this.#kv = kv;
    this.#replicas = replicas;
    this.#committer = new Committer((ops) => kv.write(ops));
  }

  /**
   * Takes over `kv`, making an empty one ours. When it rejects, `kv` has been closed. Rejects with ErrLogDBCorrupt
   * when the store holds something else.
   */
  static async open(kv: IOrderedKV, options: KVLogDBOptions): Promise<KVLogDB> {
    try {
      await checkFormat(kv);
      const db = new KVLogDB(kv, await loadReplicas(kv), options);
      await db.#sweepLeftovers();
      return db;
    } catch (error) {
      await kv.close();
      throw error;
    }
  }

  async listNodeInfo(): Promise<NodeInfo[]> {
    this.#checkOpen();
    return this.#underWay.track(async () => {
      const all = this.#replicas.all();
      const present = await Promise.all(
        all.map((replica) =>
          this.#gate.read(replica, async () => {
            const { hasBootstrap } = replica;
            await committed(replica);
            return hasBootstrap;
          }),
        ),
      );
      return all
        .filter((_, i) => present[i] === true)
        .map(({ clusterID, nodeID }) => ({ clusterID, nodeID }));
    });
  }

  async saveBootstrapInfo(clusterID: number, nodeID: number, bootstrap: Bootstrap): Promise<void> {
    this.#checkOpen();
    const replica = this.#replicas.get(clusterID, nodeID);
    const put = putBootstrap(replica, bootstrap);
    await this.#gate.write([replica], always, () => {
      replica.hasBootstrap = true;
      return this.#submit([replica], [put]);
    });
  }

  async getBootstrapInfo(clusterID: number, nodeID: number): Promise<Bootstrap | undefined> {
    return this.#read(clusterID, nodeID, async (replica) => {
      const key = bootstrapKey(replica);
      await committed(replica);
      const value = await this.#kv.get(key);
      return value === undefined ? undefined : readBootstrap(key, value);
    });
  }

  async saveRaftState(updates: readonly Update[]): Promise<void> {
    this.#checkOpen();
    const prepared: PreparedUpdate[] = [];
    for (const update of updates) {
      const replica = this.#replicas.get(update.clusterID, update.nodeID);
      const one = refusing(replica, () => new PreparedUpdate(replica, update));
      if (!one.isEmpty) prepared.push(one);
    }
    if (prepared.length === 0) return;
    const replicas = prepared.map((one) => one.replica);
    const takesAway = (): boolean => prepared.some((one) => one.takesAway);
    await this.#gate.write(replicas, takesAway, () => {
      for (const replica of replicas) checkDamage(replica);
      const ops: KVOp[] = [];
      for (const one of prepared) one.apply(ops);
      return this.#submit(replicas, ops);
    });
  }

  async iterateEntries(
    clusterID: number,
    nodeID: number,
    low: number,
    high: number,
    maxSizeBytes: number,
  ): Promise<EntrySlice> {
    return this.#read(clusterID, nodeID, async (replica) => {
      checkDamage(replica);
      const run = runAbove(replica.runs, low - 1);
      const last = Math.min(run?.last ?? 0, high - 1);
      await committed(replica);
      if (run?.first !== low || last < low) return { entries: [], sizeBytes: 0 };
      return readEntries(this.#kv, replica, { first: low, last }, maxSizeBytes);
    });
  }

  async readRaftState(clusterID: number, nodeID: number, lastIndex: number): Promise<RaftState | undefined> {
    return this.#read(clusterID, nodeID, async (replica) => {
      checkDamage(replica);
      const state = replica.readState(lastIndex);
      await committed(replica);
      return state;
    });
  }

  async removeEntriesTo(clusterID: number, nodeID: number, index: number): Promise<void> {
    this.#checkOpen();
    const replica = this.#replicas.find(clusterID, nodeID);
    if (replica === undefined) return;
    await this.#gate.write([replica], never, async () => {
      checkDamage(replica);
      replica.removeTo(index);
    });
  }

  async compactEntriesTo(clusterID: number, nodeID: number, index: number): Promise<void> {
    this.#checkOpen();
    const replica = this.#replicas.find(clusterID, nodeID);
    if (replica === undefined) return;
    await this.#underWay.track(async () => {
      for (let more = true; more;) more = await this.#compactSome(replica, index);
      const end = replica.recordKey(replica.sweptTo);
      await this.#kv.compactRange(replica.recordKey(0), end);
    });
  }

  async saveSnapshots(updates: readonly Update[]): Promise<void> {
    this.#checkOpen();
    const replicas: Replica[] = [];
    const ops: KVOp[] = [];
    for (const { clusterID, nodeID, snapshot } of updates) {
      if (snapshot === undefined) continue;
      const replica = this.#replicas.get(clusterID, nodeID);
      replicas.push(replica);
      ops.push(putSnapshot(replica, snapshot));
    }
    if (ops.length === 0) return;
    await this.#gate.write(replicas, always, () => this.#submit(replicas, ops));
  }

  async deleteSnapshot(clusterID: number, nodeID: number, index: number): Promise<void> {
    this.#checkOpen();
    const replica = this.#replicas.peek(clusterID, nodeID);
    const key = snapshotKey(replica, index);
    await this.#gate.write([replica], always, () => this.#submit([replica], [{ type: 'delete', key }]));
  }

  async listSnapshots(clusterID: number, nodeID: number, index: number): Promise<Snapshot[]> {
    return this.#read(clusterID, nodeID, async (replica) => {
      await committed(replica);
      const snapshots: Snapshot[] = [];
      const end = keyAfter(snapshotKey(replica, Math.min(index, Number.MAX_SAFE_INTEGER)));
      let start = snapshotKey(replica, 0);
      for (let more = true; more;) {
        const page = await this.#kv.getRange({
          start,
          end,
          limit: SNAPSHOTS_PER_PAGE,
          maxSizeBytes: Number.MAX_SAFE_INTEGER,
        });
        for (const { key, value } of page.pairs) {
          snapshots.push(readSnapshot(key, value));
          start = keyAfter(key);
        }
        more = page.more;
      }
      return snapshots;
    });
  }

  async removeNodeData(clusterID: number, nodeID: number): Promise<void> {
    this.#checkOpen();
    const replica = this.#replicas.get(clusterID, nodeID);
    await this.#underWay.track(() =>
      this.#gate.alone(replica, async () => {
        replica.clear();
        await this.#submit([replica], removalOps(replica));
        await this.#sweepAll(replica);
      }),
    );
  }

  async importSnapshot(snapshot: Snapshot, nodeInfo: NodeInfo): Promise<void> {
    this.#checkOpen();
    const replica = this.#replicas.get(nodeInfo.clusterID, nodeInfo.nodeID);
    const puts = [
      putBootstrap(replica, { addresses: new Map(), join: true }),
      putSnapshot(replica, snapshot),
    ];
    await this.#underWay.track(() =>
      this.#gate.alone(replica, async () => {
        const ops = [...removalOps(replica), ...puts];
        replica.clear();
        replica.hasBootstrap = true;
        replica.state = { term: snapshot.term, vote: 0, commit: snapshot.index };
        replica.writeHead(ops);
        await this.#submit([replica], ops);
        await this.#sweepAll(replica);
      }),
    );
  }

  async close(): Promise<void> {
    this.#closing ??= this.#finish();
    await this.#closing;
  }

  async #finish(): Promise<void> {
    await this.#underWay.ended();
    // A save that waits for its turn at the gate reaches the committer by the time these reads get theirs.
    const settled = this.#replicas.all().map((replica) => this.#gate.read(replica, () => committed(replica)));
    await Promise.allSettled(settled);
    await this.#committer.idle();
    try {
      const ops: KVOp[] = [];
      for (const replica of this.#replicas.all()) if (replica.headIsStale) replica.writeHead(ops);
      if (ops.length > 0) await this.#committer.submit(ops).catch(() => undefined);
    } finally {
      await this.#kv.close();
    }
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw new ErrLogDBClosed();
    this.#committer.checkFence();
  }

  #submit(replicas: readonly Replica[], ops: readonly KVOp[]): Promise<void> {
    const commit = this.#committer.submit(ops);
    for (const replica of replicas) replica.lastCommit = commit;
    return commit;
  }

  async #read<T>(clusterID: number, nodeID: number, read: (replica: Replica) => Promise<T>): Promise<T> {
    this.#checkOpen();
    const replica = this.#replicas.peek(clusterID, nodeID);
    return this.#underWay.track(() => this.#gate.read(replica, () => read(replica)));
  }

  /** Deletes some records that no longer count; returns whether there may be more of them. */
  async #compactSome(replica: Replica, index: number): Promise<boolean> {
    checkDamage(replica);
    const firstEntry = replica.runs[0]?.first;
    const { rewrites } = replica;
    // A write under way may take away what the disk says now, and put a record that counts below it.
    await committed(replica);
    let limit = index + 1;
    if (firstEntry !== undefined) {
      // The record that holds the first entry that counts may start below it, and stays.
      const holder = await this.#kv.getFloorKey(replica.recordKey(firstEntry), replica.recordKey(0));
      if (holder === undefined) return false;
      limit = Math.min(limit, indexOfKey(holder));
    }
    if (limit <= replica.sweptTo) return false;
    const keys = await this.#recordKeys(replica, replica.sweptTo, limit);
    let more = keys.length === SWEEP_RECORDS;
    await this.#gate.write([replica], always, () => {
      const firstNow = replica.runs[0]?.first;
      const isLower = firstNow !== undefined && (firstEntry === undefined || firstNow < firstEntry);
      if (isLower || replica.rewrites !== rewrites) {
        more = true; // The log was rewritten meanwhile, perhaps under these keys: look again.
        return Promise.resolve();
      }
      replica.sweptTo = more ? indexOfKey(keys.at(-1) ?? replica.recordKey(0)) + 1 : limit;
      return this.#submit([replica], deletions(replica, keys));
    });
    return more;
  }

  #recordKeys(replica: Replica, from: number, to: number): Promise<Uint8Array[]> {
    const range = { start: replica.recordKey(from), end: replica.recordKey(to), limit: SWEEP_RECORDS };
    return this.#kv.getKeys(range);
  }

  /** Deletes every record of a replica that has no entries that count. The caller has it alone. */
  async #sweepAll(replica: Replica): Promise<void> {
    while (replica.topRecord > 0) {
      const keys = await this.#recordKeys(replica, 0, replica.topRecord + 1);
      if (keys.length > 0) await this.#submit([replica], deletions(replica, keys));
      if (keys.length < SWEEP_RECORDS) replica.topRecord = 0;
    }
  }

  /** Records without a head are what a removal cut short by a crash has left. */
  async #sweepLeftovers(): Promise<void> {
    for (const replica of this.#replicas.all()) {
      if (replica.state === undefined && replica.damage === undefined) await this.#sweepAll(replica);
    }
  }
}

function committed(replica: Replica): Promise<void> {
  return replica.lastCommit ?? Promise.resolve();
}

/** What fails here is one replica's update, and nothing is written yet: the store itself is as good as before. */
function refusing<T>({ clusterID, nodeID }: NodeInfo, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ErrUpdateRefused(
      `the update of group ${clusterID}, node ${nodeID} was refused before anything was written: ${why}`,
      { cause, details: { clusterID, nodeID } },
    );
  }
}

function checkDamage(replica: Replica): void {
  if (replica.damage !== undefined) throw replica.damage;
}

function deletions(replica: Replica, keys: readonly Uint8Array[]): KVOp[] {
  const ops: KVOp[] = keys.map((key) => ({ type: 'delete', key }));
  // What a head on the disk names must be there, whenever a crash comes.
  if (replica.headIsStale) replica.writeHead(ops);
  return ops;
}
