import type { MemberCheck, PeerClaim } from '../rpc.js';
import type { Warnings } from './warnings.js';

/** Of all connections that are held, one of so many may be of clients that are no members. */
const SHARE = 2;
/** As for those who have proven nothing yet. */
const MIN_COUNT = 16;

interface Guest {
  claim: PeerClaim;
  cut: () => void;
}

/**
 * Clients that have shown that they belong to the deployment, or are taken for such, and that no membership of this host
 * names. There must be some: a host that was added while this one was away, or one whose replica is about to join. But
 * they hold half of all places at most, so that there is always one for a member. When one more comes, the oldest is cut
 * of the client that holds most of them: a client that fills them pushes out itself.
 */
export class Guests {
  readonly #maxCount: number;
  readonly #isMember: MemberCheck | undefined;
  readonly #warnings: Warnings;
  /** By certificate, or else by network address; the oldest first. */
  readonly #present = new Map<string, Set<Guest>>();
  #count = 0;

  /**
   * @param maxConnections connections held at a time, of whatever kind
   * @param isMember undefined: nobody can tell, so nobody is cut
   */
  constructor(maxConnections: number, isMember: MemberCheck | undefined, warnings: Warnings) {
    this.#maxCount = Math.max(MIN_COUNT, Math.floor(maxConnections / SHARE));
    this.#isMember = isMember;
    this.#warnings = warnings;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * To be called when the handshake is over.
   *
   * @param cut ends the connection; called at most once
   * @returns to be called when the connection is gone; further calls do nothing
   */
  enter(claim: PeerClaim, cut: () => void): () => void {
    if (this.#isMember?.(claim) !== false) return () => undefined;
    const guest = { claim, cut };
    const key = keyOf(claim);
    const others = this.#present.get(key) ?? new Set();
    this.#present.set(key, others.add(guest));
    this.#count += 1;
    while (this.#count > this.#maxCount) this.#makeRoom();
    return () => this.#leave(key, guest);
  }

  #makeRoom(): void {
    let most: [string, Set<Guest>] | undefined;
    for (const one of this.#present) if (most === undefined || one[1].size > most[1].size) most = one;
    const [oldest] = most?.[1] ?? [];
    if (most === undefined || oldest === undefined) return;
    this.#leave(most[0], oldest);
    // It may have become a member since it came.
    if (this.#isMember?.(oldest.claim) !== false) return;
    const { peer, from } = oldest.claim;
    this.#warnings.warn('connections', 'a client was cut: too many connections are of no members', {
      peer,
      from,
      maxGuests: this.#maxCount,
    });
    oldest.cut();
  }

  #leave(key: string, guest: Guest): void {
    const guests = this.#present.get(key);
    if (guests?.delete(guest) !== true) return;
    this.#count -= 1;
    if (guests.size === 0) this.#present.delete(key);
  }
}

function keyOf({ identity, peer }: PeerClaim): string {
  return identity?.fingerprint ?? peer.replace(/:\d+$/, '');
}
