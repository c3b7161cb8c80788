import type { Membership } from '@drakkar/raftio';
import { LeaderCommits } from './leader-commits.js';
import {
  type Handlers,
  type Invariant,
  type ReplicaName,
  type SeenEntry,
  nameOfReplica,
} from './observation.js';
import type { Shadows } from './shadows.js';

/**
 * What a leader commits is on the disks of a quorum of voters at that moment, or was when they acknowledged it, where a
 * disk was lost since; and who is elected has the durable votes of one. Observers, and nodes that are no members, count for nothing.
 */
export class ObserversNeverCounted implements Invariant {
  readonly name = 'observers never counted';
  readonly #shadows: Shadows;
  /** `group/term/candidate` → who has voted so, durably. */
  readonly #votes = new Map<string, Set<number>>();
  readonly #memberships = new Map<string, Membership>();
  readonly handlers: Handlers;

  constructor(shadows: Shadows) {
    this.#shadows = shadows;
    const commits = new LeaderCommits(shadows, (leader, _term, entry) => this.#committed(leader, entry));
    this.handlers = {
      ...commits.handlers,
      durable: (seen) => {
        const state = this.#shadows.of(seen).saving[0]?.state;
        if (state !== undefined && state.vote !== 0) this.#noteVote(seen, state.term, state.vote);
      },
      started: (seen) => {
        commits.handlers.started?.(seen);
        this.#memberships.set(nameOfReplica(seen), seen.membership);
        // A save that a crash interrupted may have got to the disk all the same.
        if (seen.state.vote !== 0) this.#noteVote(seen, seen.state.term, seen.state.vote);
      },
      elected: ({ clusterID, nodeID, term, membership }) => {
        const voted = this.#votes.get(`${clusterID}/${term}/${nodeID}`) ?? new Set<number>();
        const voters = [...membership.addresses.keys()];
        if (voters.filter((id) => voted.has(id)).length > voters.length / 2) return;
        throw new Error(
          `node ${nodeID} of group ${clusterID} leads in term ${term} by the durable votes of [${[...voted].join(' ')}]; voters are [${voters.join(' ')}]`,
        );
      },
      configured: (seen) => void this.#memberships.set(nameOfReplica(seen), seen.membership),
    };
  }

  #noteVote(
    { clusterID, nodeID }: { clusterID: number; nodeID: number },
    term: number,
    candidate: number,
  ): void {
    const key = `${clusterID}/${term}/${candidate}`;
    const voted = this.#votes.get(key) ?? new Set<number>();
    voted.add(nodeID);
    this.#votes.set(key, voted);
  }

  #committed(leader: ReplicaName, entry: SeenEntry): void {
    const { clusterID, nodeID } = leader;
    const membership = this.#memberships.get(nameOfReplica(leader));
    if (membership === undefined) return;
    const voters = [...membership.addresses.keys()];
    const holders = voters.filter((id) =>
      this.#shadows.hasHeld({ clusterID, nodeID: id }, entry.index, entry.term),
    );
    if (holders.length > voters.length / 2) return;
    throw new Error(
      `node ${nodeID} of group ${clusterID} commits entry ${entry.index}, which is durable at [${holders.join(' ')}]; voters are [${voters.join(' ')}]`,
    );
  }
}
