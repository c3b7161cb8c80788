import {
  ConfigChangeType,
  type Entry,
  EntryType,
  type Membership,
  type Snapshot,
  emptyMembership,
} from '@drakkar/raftio';
import { changeOf, copyMembership, textOf } from './codec.js';

/** A replicated state machine that is a hash of everything applied, and the membership. */
export class TestMachine {
  index = 0;
  term = 0;
  hash = 0;
  membership: Membership = emptyMembership();

  constructor(snapshot: Snapshot | undefined) {
    if (snapshot !== undefined) this.recover(snapshot);
  }

  recover(snapshot: Snapshot): void {
    this.index = snapshot.index;
    this.term = snapshot.term;
    this.hash = Number(snapshot.filepath);
    this.membership = copyMembership(snapshot.membership);
  }

  snapshot(): Snapshot {
    return {
      filepath: String(this.hash),
      fileSize: 1,
      index: this.index,
      term: this.term,
      membership: copyMembership(this.membership),
      files: [],
    };
  }

  /** For a config change: whether it was accepted. */
  apply(entry: Entry): boolean {
    if (entry.index !== this.index + 1) throw new Error(`applied ${entry.index} after ${this.index}`);
    this.index = entry.index;
    this.term = entry.term;
    for (const char of `${entry.index}/${entry.term}/${textOf(entry)}`) {
      this.hash = (Math.imul(this.hash, 31) + (char.codePointAt(0) ?? 0)) >>> 0;
    }
    return entry.type === EntryType.ConfigChangeEntry && this.change(entry);
  }

  private change(entry: Entry): boolean {
    const { type, nodeID } = changeOf(entry);
    const { addresses, observers, removed } = this.membership;
    if (removed.has(nodeID) || addresses.has(nodeID) === (type !== ConfigChangeType.RemoveNode)) {
      if (!(type === ConfigChangeType.RemoveNode && observers.has(nodeID))) return false;
    }
    if (type === ConfigChangeType.AddObserver && observers.has(nodeID)) return false;
    if (type === ConfigChangeType.RemoveNode) {
      if (addresses.size === 1 && addresses.has(nodeID)) return false;
      removed.set(nodeID, true);
    }
    addresses.delete(nodeID);
    observers.delete(nodeID);
    if (type === ConfigChangeType.AddNode) addresses.set(nodeID, `a${nodeID}`);
    if (type === ConfigChangeType.AddObserver) observers.set(nodeID, `a${nodeID}`);
    this.membership.configChangeID = entry.index;
    return true;
  }
}
