import { expect } from '@jest/globals';
import type { Bootstrap, Entry, ILogDB, Snapshot, State } from '../../index.js';
import { describeEntries } from './fixtures.js';

class ReplicaModel {
  bootstrap: Bootstrap | undefined;
  state: State | undefined;
  readonly entries = new Map<number, Entry>();
  readonly snapshots = new Map<number, Snapshot>();
}

export const MODEL_CLUSTERS = [1, Number.MAX_SAFE_INTEGER];
export const MODEL_NODES = [1, 2];
/** No index in the scripts is above it. */
const MODEL_LAST_INDEX = 60;

/** What a LogDB should hold, in the plainest form there is. */
export class LogModel {
  readonly #replicas = new Map<string, ReplicaModel>();

  replica(clusterID: number, nodeID: number): ReplicaModel {
    const key = `${clusterID}/${nodeID}`;
    const replica = this.#replicas.get(key) ?? new ReplicaModel();
    this.#replicas.set(key, replica);
    return replica;
  }

  save(clusterID: number, nodeID: number, state: State | undefined, entries: readonly Entry[]): void {
    const replica = this.replica(clusterID, nodeID);
    const last = entries.at(-1)?.index;
    if (last !== undefined) {
      for (const index of [...replica.entries.keys()]) if (index > last) replica.entries.delete(index);
    }
    for (const entry of entries) replica.entries.set(entry.index, entry);
    if (state !== undefined || entries.length > 0) {
      replica.state = state ?? replica.state ?? { term: 0, vote: 0, commit: 0 };
    }
  }

  removeTo(clusterID: number, nodeID: number, index: number): void {
    const { entries } = this.replica(clusterID, nodeID);
    for (const stored of [...entries.keys()]) if (stored <= index) entries.delete(stored);
  }

  remove(clusterID: number, nodeID: number): void {
    this.#replicas.delete(`${clusterID}/${nodeID}`);
  }

  async compareAll(db: ILogDB): Promise<void> {
    const listed = await db.listNodeInfo();
    const present: string[] = [];
    for (const clusterID of MODEL_CLUSTERS) {
      for (const nodeID of MODEL_NODES) {
        await this.#compare(db, clusterID, nodeID);
        if (this.replica(clusterID, nodeID).bootstrap !== undefined) present.push(`${clusterID}/${nodeID}`);
      }
    }
    expect(listed.map((info) => `${info.clusterID}/${info.nodeID}`).sort()).toEqual(present.sort());
  }

  async #compare(db: ILogDB, clusterID: number, nodeID: number): Promise<void> {
    const replica = this.replica(clusterID, nodeID);
    expect(await db.getBootstrapInfo(clusterID, nodeID)).toEqual(replica.bootstrap);
    const snapshots = await db.listSnapshots(clusterID, nodeID, Number.MAX_SAFE_INTEGER);
    expect(snapshots.map(({ index, term }) => ({ index, term }))).toEqual(
      [...replica.snapshots.values()]
        .sort((a, b) => a.index - b.index)
        .map(({ index, term }) => ({ index, term })),
    );
    const edges = [...replica.entries.keys()].filter((index) => !replica.entries.has(index - 1));
    for (const low of [1, 5, 20, 41, ...edges, ...edges.map((index) => index + 3)]) {
      const slice = await db.iterateEntries(clusterID, nodeID, low, MODEL_LAST_INDEX + 1, 2 ** 30);
      expect(describeEntries(slice.entries)).toEqual(describeEntries(this.#consecutive(replica, low)));
      const state = await db.readRaftState(clusterID, nodeID, low - 1);
      expect(state?.state).toEqual(replica.state);
      if (state === undefined) continue;
      const first = Math.min(...[...replica.entries.keys()].filter((index) => index >= low));
      const count = this.#consecutive(replica, first).length;
      expect(state.entryCount).toBe(count);
      if (count > 0) expect(state.firstIndex).toBe(first);
    }
  }

  #consecutive(replica: ReplicaModel, low: number): Entry[] {
    const found: Entry[] = [];
    for (let index = low; ; index++) {
      const entry = replica.entries.get(index);
      if (entry === undefined) return found;
      found.push(entry);
    }
  }
}
