import type { Uint64 } from '@drakkar/raftio';

/** A part of a replica's state that is compared. */
export type StatePart = 'sessions' | 'membership' | 'stateMachine';

/** Of one replica at one index; undefined: the part was not hashed. */
export type Hashes = Record<StatePart, Uint64 | undefined>;

/** Indexes that are remembered of each member. */
const MAX_INDEXES = 8;

/**
 * What members have said of their state, the last few points of each: a member that names points out of reach, and one that
 * speaks in the name of a member, pushes out nothing of what the others said.
 */
export class StateHashes {
  /** By member, then by index, in the order in which they came. */
  readonly #members = new Map<number, Map<number, Hashes>>();

  note(nodeID: number, index: number, hashes: Hashes): void {
    let points = this.#members.get(nodeID);
    if (points === undefined) this.#members.set(nodeID, (points = new Map<number, Hashes>()));
    points.delete(index);
    points.set(index, hashes);
    for (const oldest of points.keys()) {
      if (points.size <= MAX_INDEXES) break;
      points.delete(oldest);
    }
  }

  /** By member, all that is known of that index. */
  at(index: number): Map<number, Hashes> {
    const point = new Map<number, Hashes>();
    for (const [nodeID, points] of this.#members) {
      const hashes = points.get(index);
      if (hashes !== undefined) point.set(nodeID, hashes);
    }
    return point;
  }

  /** Forgets those that are no members any more. */
  keep(isMember: (nodeID: number) => boolean): void {
    for (const nodeID of this.#members.keys()) if (!isMember(nodeID)) this.#members.delete(nodeID);
  }
}
