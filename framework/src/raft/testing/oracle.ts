import { type Entry, EntryType, type Message, MessageType } from '@drakkar/raftio';
import type { RaftUpdate, ReadContext } from '../types.js';
import { textOf } from './codec.js';
import type { ReplicaWatcher, TestReplica } from './replica.js';

/** A replica's log as it told the world by what it had saved: (term, text) by index, above a snapshot. */
class ShadowLog {
  base = 0;
  last = 0;
  readonly entries = new Map<number, Entry>();

  reset(index: number): void {
    this.entries.clear();
    this.base = index;
    this.last = index;
  }

  append(entries: readonly Entry[]): void {
    const first = entries[0]?.index;
    if (first === undefined) return;
    for (let index = first; index <= this.last; index++) this.entries.delete(index);
    for (const entry of entries) this.entries.set(entry.index, entry);
    this.last = entries.at(-1)?.index ?? this.last;
  }

  term(index: number): number | undefined {
    return this.entries.get(index)?.term;
  }
}

/** Thrown when the cluster did what no Raft may do. */
export class SafetyError extends Error {}

/**
 * Watches all replicas and knows what must never happen: paper, figure 3, and what durability adds to it.
 */
export class Oracle implements ReplicaWatcher {
  /** Every entry that somebody has seen committed, and the term in which that was. */
  private readonly committed: { term: number; text: string; inTerm: number }[] = [
    { term: 0, text: '', inTerm: 0 },
  ];
  private readonly leaders = new Map<number, number>();
  private readonly votes = new Map<string, number>();
  private readonly shadows = new Map<number, ShadowLog>();
  private readonly commits = new Map<number, number>();
  private readonly hashes = new Map<number, number>();
  private readonly reads = new Map<string, number>();
  private readonly replicas: ReadonlyMap<number, TestReplica>;
  private readonly deliver: (from: TestReplica, message: Message) => void;
  readsAnswered = 0;
  snapshotsInstalled = 0;

  constructor(
    replicas: ReadonlyMap<number, TestReplica>,
    deliver: (from: TestReplica, message: Message) => void,
  ) {
    this.replicas = replicas;
    this.deliver = deliver;
  }

  get maxCommitted(): number {
    return this.committed.length - 1;
  }

  /** The replica starts again with what is on its disk. */
  onRestart(replica: TestReplica): void {
    const shadow = this.shadowOf(replica);
    const { snapshotIndex, tail } = replica.disk.load();
    shadow.reset(snapshotIndex);
    const { lastIndex } = replica.core.status();
    shadow.append(tail.filter((entry) => entry.index <= lastIndex));
    this.commits.set(replica.nodeID, snapshotIndex);
    this.checkCommit(replica, shadow);
  }

  onReadRequest(context: ReadContext): void {
    this.reads.set(`${context.low}/${context.high}`, this.maxCommitted);
  }

  onUpdate(replica: TestReplica, update: RaftUpdate): void {
    const shadow = this.shadowOf(replica);
    if (update.snapshot !== undefined) {
      shadow.reset(update.snapshot.index);
      this.snapshotsInstalled += 1;
      this.commits.set(replica.nodeID, update.snapshot.index);
      this.check(update.snapshot.index <= this.maxCommitted, replica, 'a snapshot of what is not committed');
    }
    shadow.append(update.entriesToSave);
    this.checkCommit(replica, shadow);
    if (update.leader?.leaderID === replica.nodeID) this.checkLeader(replica, shadow);
    for (const { context, index } of update.readyReads) {
      const floor = this.reads.get(`${context.low}/${context.high}`);
      if (floor === undefined) this.fail(replica, 'a read was answered that nobody asked for');
      this.check(index >= (floor ?? 0), replica, `stale read: ${index} < ${floor}`);
      this.readsAnswered += 1;
    }
    for (const entry of update.entriesToApply) {
      const isDurable = replica.disk.holds(entry.index, entry.term);
      this.check(isDurable, replica, `entry ${entry.index} handed out for applying before it was durable`);
      if (entry.type !== EntryType.ConfigChangeEntry) continue;
      const isCovered = replica.disk.state.commit >= entry.index;
      this.check(
        isCovered,
        replica,
        `config change ${entry.index} handed out without a durable commit index`,
      );
    }
  }

  onApply(replica: TestReplica, entry: Entry): void {
    const known = this.committed[entry.index];
    const isSame = known?.term === entry.term && known.text === textOf(entry);
    this.check(isSame, replica, `state machine safety: entry ${entry.index} of term ${entry.term}`);
    const { index, hash } = replica.machine;
    if (!this.hashes.has(index)) this.hashes.set(index, hash);
    this.check(this.hashes.get(index) === hash, replica, `state machines differ at ${index}`);
  }

  onSend(replica: TestReplica, message: Message): void {
    const { type, to, term, logIndex, reject } = message;
    const isPreVote = type === MessageType.RequestPreVote || type === MessageType.RequestPreVoteResp;
    this.check(
      isPreVote || term <= replica.disk.state.term,
      replica,
      `term ${term} told before it was durable`,
    );
    if (type === MessageType.RequestVote) this.checkVote(replica, term, replica.nodeID);
    if (type === MessageType.RequestVoteResp && !reject) this.checkVote(replica, term, to);
    if (type === MessageType.ReplicateResp && !reject) {
      const { lastIndex } = replica.disk;
      this.check(logIndex <= lastIndex, replica, `acknowledged ${logIndex}, durable are ${lastIndex}`);
    }
    this.deliver(replica, message);
  }

  /** Log matching (paper, 5.3): where two logs agree on index and term, they agree on all that comes before. */
  checkLogMatching(): void {
    const all = [...this.shadows.entries()];
    for (const [position, [idA, a]] of all.entries()) {
      for (const [idB, b] of all.slice(position + 1)) {
        let agree = false;
        for (let index = Math.min(a.last, b.last); index > Math.max(a.base, b.base); index--) {
          const x = a.entries.get(index);
          const y = b.entries.get(index);
          if (x === undefined || y === undefined) break;
          if (x.term === y.term) agree = true;
          if (agree && (x.term !== y.term || textOf(x) !== textOf(y))) {
            throw new SafetyError(`log matching: replicas ${idA} and ${idB} differ at ${index}`);
          }
        }
      }
    }
  }

  /** Committed never changes; and what a leader is the first to commit is on the disks of a quorum at that moment. */
  private checkCommit(replica: TestReplica, shadow: ShadowLog): void {
    const status = replica.core.status();
    const from = this.commits.get(replica.nodeID) ?? 0;
    const isNews = status.commit > this.maxCommitted;
    this.check(status.commit >= from, replica, `the commit index went back to ${status.commit}`);
    for (let index = from + 1; index <= status.commit; index++) {
      const entry = shadow.entries.get(index);
      if (entry === undefined) {
        this.check(index <= shadow.base, replica, `committed ${index} is not in the log`);
        continue;
      }
      const known = this.committed[index];
      if (known === undefined) {
        this.check(index === this.maxCommitted + 1, replica, `committed ${index} with a gap`);
        this.committed.push({ term: entry.term, text: textOf(entry), inTerm: status.term });
      } else {
        const isSame = known.term === entry.term && known.text === textOf(entry);
        this.check(isSame, replica, `committed entry ${index} changed`);
      }
    }
    this.commits.set(replica.nodeID, status.commit);
    if (status.role === 'leader' && isNews) {
      const term = shadow.term(status.commit) ?? 0;
      const voters = [...status.membership.addresses.keys()];
      const holders = voters.filter((id) => this.replicas.get(id)?.disk.holds(status.commit, term));
      this.check(holders.length > voters.length / 2, replica, `committed ${status.commit} without a quorum`);
    }
  }

  /** Election safety and leader completeness (paper, figure 3). */
  private checkLeader(replica: TestReplica, shadow: ShadowLog): void {
    const { term } = replica.core;
    const other = this.leaders.get(term);
    this.check(other === undefined || other === replica.nodeID, replica, `second leader in term ${term}`);
    if (other === replica.nodeID) return;
    this.leaders.set(term, replica.nodeID);
    for (const [index, entry] of this.committed.entries()) {
      if (index <= shadow.base || entry.inTerm >= term) continue;
      const has = shadow.term(index) === entry.term;
      this.check(has, replica, `leader of term ${term} lacks committed entry ${index}`);
    }
  }

  private checkVote(replica: TestReplica, term: number, candidate: number): void {
    const { state } = replica.disk;
    this.check(
      state.term > term || (state.term === term && state.vote === candidate),
      replica,
      `a vote was told before it was durable`,
    );
    const key = `${replica.nodeID}/${term}`;
    const earlier = this.votes.get(key);
    this.check(earlier === undefined || earlier === candidate, replica, `two votes in term ${term}`);
    this.votes.set(key, candidate);
  }

  private shadowOf(replica: TestReplica): ShadowLog {
    const shadow = this.shadows.get(replica.nodeID) ?? new ShadowLog();
    this.shadows.set(replica.nodeID, shadow);
    return shadow;
  }

  private check(isTrue: boolean, replica: TestReplica, what: string): void {
    if (!isTrue) this.fail(replica, what);
  }

  private fail(replica: TestReplica, what: string): never {
    throw new SafetyError(`replica ${replica.nodeID}: ${what}`);
  }
}
