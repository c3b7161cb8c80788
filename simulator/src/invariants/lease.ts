import { MessageType } from '@drakkar/raftio';
import { type Handlers, type Invariant, type Observations, nameOfReplica } from './observation.js';

/** What a replica knows of its leader. */
interface Known {
  /** Of its own, awake. */
  ticks: number;
  /** When the leader of `term` last spoke. */
  spokeAt: number;
  term: number;
}

const LEADERS_WORDS: readonly MessageType[] = [
  MessageType.Replicate,
  MessageType.Heartbeat,
  MessageType.InstallSnapshot,
];

/**
 * With check quorum a replica that leads, or has heard from a leader within the least election timeout, takes no term from a
 * candidate (thesis 4.2.3), unless the leader itself has ordered the campaign, or campaigns: then it leads no more. A
 * replica that was cut off, or removed, does not unseat a leader that the others hear.
 */
export class Lease implements Invariant {
  readonly name = 'lease of a live leader';
  readonly #known = new Map<string, Known>();
  /** By replica: nothing of these is heard. */
  readonly #removed = new Map<string, ReadonlySet<number>>();

  readonly handlers: Handlers = {
    started: (seen) => void this.#known.delete(nameOfReplica(seen)),
    ticked: (seen) => {
      if (!seen.before.quiesced) this.#of(nameOfReplica(seen)).ticks += 1;
    },
    configured: (seen) =>
      void this.#removed.set(nameOfReplica(seen), new Set(seen.membership.removed.keys())),
    stepped: (seen) => this.#stepped(seen),
  };

  #of(name: string): Known {
    let known = this.#known.get(name);
    if (known === undefined) {
      known = { ticks: 0, spokeAt: -Infinity, term: 0 };
      this.#known.set(name, known);
    }
    return known;
  }

  #stepped(seen: Observations['stepped']): void {
    const { message, before, after, rules } = seen;
    const known = this.#of(nameOfReplica(seen));
    if (this.#removed.get(nameOfReplica(seen))?.has(message.from) === true) return;
    if (
      LEADERS_WORDS.includes(message.type) &&
      message.term === after.term &&
      after.leaderID === message.from
    ) {
      known.spokeAt = known.ticks;
      known.term = after.term;
    }
    if (message.type !== MessageType.RequestVote || message.hint === message.from || !rules.checkQuorum)
      return;
    // A leader that stands for election does not lead any more.
    if (after.term === before.term || before.leaderID === 0 || before.leaderID === message.from) return;
    const isFresh = known.term === before.term && known.ticks - known.spokeAt < rules.electionTimeoutTicks;
    if (before.role !== 'leader' && !isFresh) return;
    throw new Error(
      `node ${seen.nodeID} of group ${seen.clusterID} takes term ${after.term} from candidate ${message.from}; ${
        before.role === 'leader'
          ? 'it leads'
          : `leader ${before.leaderID} spoke ${known.ticks - known.spokeAt} ticks ago`
      }`,
    );
  }
}
