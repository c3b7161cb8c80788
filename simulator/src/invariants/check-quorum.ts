import {
  type CoreChange,
  type Handlers,
  type Invariant,
  type ReplicaName,
  nameOfReplica,
} from './observation.js';

/** A leader, by its own ticks. */
interface Leader {
  term: number;
  ticks: number;
  /** Whose silence is counted from: when it was elected, woke, or its members changed. */
  since: number;
  membership: unknown;
  readonly heard: Map<number, number>;
}

/**
 * With check quorum a leader that hears of no quorum stops being one within two election timeouts (thesis 6.2).
 * Observers do not count.
 */
export class CheckQuorum implements Invariant {
  readonly name = 'check quorum';
  readonly #leaders = new Map<string, Leader>();

  readonly handlers: Handlers = {
    started: (seen) => void this.#leaders.delete(nameOfReplica(seen)),
    stepped: (seen) => this.#leader(seen)?.heard.set(seen.message.from, this.#ticksOf(seen)),
    ticked: (seen) => this.#ticked(seen),
  };

  #ticksOf(seen: ReplicaName): number {
    return this.#leaders.get(nameOfReplica(seen))?.ticks ?? 0;
  }

  #leader(seen: ReplicaName & CoreChange): Leader | undefined {
    const name = nameOfReplica(seen);
    const { before, after, rules } = seen;
    if (after.role !== 'leader' || !rules.checkQuorum) {
      this.#leaders.delete(name);
      return undefined;
    }
    let leader = this.#leaders.get(name);
    if (leader === undefined || leader.term !== after.term) {
      leader = { term: after.term, ticks: 0, since: 0, membership: after.membership, heard: new Map() };
      this.#leaders.set(name, leader);
    }
    const isNew = leader.membership !== after.membership || before.quiesced || after.quiesced;
    if (isNew) leader.since = leader.ticks;
    leader.membership = after.membership;
    return leader;
  }

  #ticked(seen: ReplicaName & CoreChange): void {
    const leader = this.#leader(seen);
    if (leader === undefined) return;
    leader.ticks += 1;
    const earliest = leader.ticks - 2 * seen.rules.electionTimeoutTicks;
    if (leader.since >= earliest) return;
    const voters = [...seen.after.membership.addresses.keys()];
    const heard = voters.filter((id) => id === seen.nodeID || (leader.heard.get(id) ?? -1) >= earliest);
    if (heard.length > voters.length / 2) return;
    throw new Error(
      `node ${seen.nodeID} of group ${seen.clusterID} still leads in term ${leader.term}; of voters [${voters.join(' ')}] it has heard only [${heard.join(' ')}] for two election timeouts`,
    );
  }
}
