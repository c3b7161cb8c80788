import type { ErrLogDBCorrupt } from '../errors.js';
import type { RaftState } from '../logdb.js';
import type { Entry } from '../raftpb/entry.js';
import type { State } from '../raftpb/types.js';
import type { KVOp } from './contract.js';
import type { GateSlot } from './gate.js';
import { KeyKind, makeHeadKey, makeKey } from './keys.js';
import { encodeHead } from './records.js';
import { type Runs, runAbove, saveRun, trimRuns } from './runs.js';

const NO_STATE: State = Object.freeze({ term: 0, vote: 0, commit: 0 });

/**
 * What is known in memory of a replica, ahead of the disk by what is being written. So an append reads nothing.
 *
 * Of the records on the disk only the entries that `runs` names count. A record may hold more than that: entries cut
 * off at its front by a removal, or at its end by a later append, whose record then starts within it. What makes this
 * safe: an append at index i deletes every record that starts above i, so the newest record is always the last.
 */
export class Replica implements GateSlot {
  readers = 0;
  readonly waiting: GateSlot['waiting'] = [];

  readonly clusterID: number;
  readonly nodeID: number;
  readonly headKey: Uint8Array;
  /** Hard state; undefined before anything was saved by `saveRaftState`. */
  state: State | undefined = undefined;
  runs: Runs = [];
  /** Greatest first index of any record on the disk or on its way there; 0 when there is none. */
  topRecord = 0;
  /** Records that start below this have been deleted. */
  sweptTo = 0;
  /** How often an append has taken records away. */
  rewrites = 0;
  /** Whether `runs` has shrunk without having been written. */
  headIsStale = false;
  hasBootstrap = false;
  /** Set when the head could not be read: nothing but removal is possible. */
  damage: ErrLogDBCorrupt | undefined = undefined;
  /** The last write that concerns this replica; it may be over. */
  lastCommit: Promise<void> | undefined = undefined;

  constructor(clusterID: number, nodeID: number) {
    this.clusterID = clusterID;
    this.nodeID = nodeID;
    this.headKey = makeHeadKey(clusterID, nodeID);
  }

  recordKey(index: number): Uint8Array {
    return makeKey(KeyKind.log, this.clusterID, this.nodeID, index);
  }

  /** Whether saving from `first` on takes away entries that are stored. */
  isTruncatedBy(first: number): boolean {
    const top = this.runs.at(-1);
    return top !== undefined && first <= top.last;
  }

  /** Takes note of a block of entries, and of what it puts an end to. */
  append(entries: readonly Entry[], key: Uint8Array, value: Uint8Array, ops: KVOp[]): void {
    const first = entries[0]?.index ?? 0;
    if (first < this.topRecord) {
      this.rewrites += 1;
      ops.push({
        type: 'deleteRange',
        start: this.recordKey(first + 1),
        end: this.recordKey(this.topRecord + 1),
      });
    }
    ops.push({ type: 'put', key, value });
    this.topRecord = first;
    this.sweptTo = Math.min(this.sweptTo, first);
    saveRun(this.runs, first, first + entries.length - 1);
  }

  /** No stored entry counts any more. Their records are deleted by later appends and by compaction. */
  forgetLog(): void {
    this.runs = [];
  }

  writeHead(ops: KVOp[]): void {
    const head = { state: this.state ?? NO_STATE, runs: this.runs };
    ops.push({ type: 'put', key: this.headKey, value: encodeHead(this.headKey, head) });
    this.headIsStale = false;
  }

  removeTo(index: number): void {
    if (trimRuns(this.runs, index)) this.headIsStale = true;
  }

  readState(lastIndex: number): RaftState | undefined {
    if (this.state === undefined) return undefined;
    const run = runAbove(this.runs, lastIndex);
    return {
      state: { ...this.state },
      firstIndex: run === undefined ? lastIndex + 1 : run.first,
      entryCount: run === undefined ? 0 : run.last - run.first + 1,
    };
  }

  /** Forgets everything; records still on the disk have lost their meaning with the head. */
  clear(): void {
    this.state = undefined;
    this.runs = [];
    this.headIsStale = false;
    this.hasBootstrap = false;
    this.damage = undefined;
    this.sweptTo = 0;
  }
}
