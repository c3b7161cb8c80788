import { type Entry, type Update, hasErrorCode } from '@drakkar/raftio';
import type { RaftUpdate } from '../raft/index.js';
import type { Replica } from './replica.js';

/** What one replica waits to have saved, in the order in which its core gave it. */
interface ReplicaShare {
  replica: Replica;
  updates: RaftUpdate[];
}

/**
 * Updates of many replicas that go to stable storage in one commit. While a save is in flight the next batch gathers
 * here: group commit.
 */
export class SaveBatch {
  readonly #shares = new Map<Replica, ReplicaShare>();
  #durable = false;

  /** Also takes an update without anything to save whose messages must not overtake an earlier save. */
  add(replica: Replica, update: RaftUpdate): void {
    const share = this.#shares.get(replica);
    if (share === undefined) this.#shares.set(replica, { replica, updates: [update] });
    else share.updates.push(update);
    if (update.mustSave) this.#durable = true;
  }

  get isEmpty(): boolean {
    return this.#shares.size === 0;
  }

  /** Whether there is anything to write at all. */
  get mustSave(): boolean {
    return this.#durable;
  }

  shares(): Iterable<Readonly<ReplicaShare>> {
    return this.#shares.values();
  }

  /** The replica whose update the LogDB refused before it wrote anything; `undefined` when it was not that. */
  refusedBy(error: unknown): Replica | undefined {
    if (!hasErrorCode(error, 'ERR_UPDATE_REFUSED')) return undefined;
    const { details } = error as { details?: { clusterID?: unknown; nodeID?: unknown } };
    for (const { replica } of this.#shares.values()) {
      if (replica.clusterID === details?.clusterID && replica.nodeID === details.nodeID) return replica;
    }
    return undefined;
  }

  /** Leaves out a replica, which has failed. */
  drop(replica: Replica): void {
    const share = this.#shares.get(replica);
    if (share === undefined) return;
    this.#shares.delete(replica);
    replica.unsavedUpdates -= share.updates.length;
    this.#durable = [...this.#shares.values()].some(({ updates }) =>
      updates.some(({ mustSave }) => mustSave),
    );
  }

  /** One update per replica, as the LogDB wants it. */
  updates(): Update[] {
    const merged: Update[] = [];
    for (const { updates } of this.#shares.values()) {
      const durable = updates.filter((update) => update.mustSave);
      const first = durable[0];
      if (first !== undefined) merged.push(durable.length === 1 ? toUpdate(first) : mergeUpdates(durable));
    }
    return merged;
  }
}

function toUpdate({ clusterID, nodeID, state, entriesToSave, snapshot }: RaftUpdate): Update {
  return { clusterID, nodeID, state, entriesToSave, snapshot };
}

/** Later wins: state, snapshot, and entries that overwrite the tail of earlier ones. */
export function mergeUpdates(updates: readonly RaftUpdate[]): Update {
  const first = updates[0];
  if (first === undefined) throw new Error('nothing to merge');
  const merged: Update & { entriesToSave: Entry[] } = {
    clusterID: first.clusterID,
    nodeID: first.nodeID,
    state: undefined,
    entriesToSave: [],
    snapshot: undefined,
  };
  for (const update of updates) {
    if (update.state !== undefined) merged.state = update.state;
    if (update.snapshot !== undefined) {
      merged.snapshot = update.snapshot;
      merged.entriesToSave = [];
    }
    appendOverwriting(merged.entriesToSave, update.entriesToSave);
  }
  return merged;
}

function appendOverwriting(entries: Entry[], more: readonly Entry[]): void {
  const from = more[0]?.index;
  if (from === undefined) return;
  const start = entries[0]?.index;
  if (start !== undefined && from < start + entries.length) entries.length = Math.max(0, from - start);
  for (const entry of more) entries.push(entry);
}
