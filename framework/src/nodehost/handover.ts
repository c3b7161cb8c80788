import type { Replica } from '../engine/replica.js';
import type { RaftStatus } from '../raft/index.js';
import type { IClock } from '../runtime/clock.js';

/**
 * The voting member that lacks least of the log, of those that seem to be there; undefined when there is none to hand
 * over to. Not being active means little by itself: a leader starts to count again after every check of its quorum.
 */
export function successorOf({ membership, remotes }: RaftStatus): number | undefined {
  let best: { nodeID: number; match: number; active: boolean } | undefined;
  for (const [nodeID, { status, match, active }] of remotes) {
    if (!membership.addresses.has(nodeID) || (!active && status !== 'replicate')) continue;
    const isBetter =
      best === undefined || match > best.match || (match === best.match && active && !best.active);
    if (isBetter) best = { nodeID, match, active };
  }
  return best?.nodeID;
}

/**
 * How long, in round trips between hosts, a former leader stays: one until every member knows the new leader, one more
 * until what they forwarded before that has come here, to be passed on. Their proposers would wait in vain otherwise.
 */
const LINGER_ROUND_TRIPS = 2;

type End = 'another leads' | 'gone' | 'time is up';

/** Replicas that lead and are about to stop: each waits until another has taken over. */
export class Handovers {
  readonly #clock: IClock;
  readonly #lingerMs: number;
  readonly #waiting = new Map<Replica, (end: End) => void>();

  constructor(clock: IClock, roundTripMs: number) {
    this.#clock = clock;
    this.#lingerMs = LINGER_ROUND_TRIPS * roundTripMs;
  }

  /** To be called when the replica learns of another leader. */
  leaderChanged(replica: Replica): void {
    const { leaderID } = replica.leader;
    if (leaderID !== 0 && leaderID !== replica.nodeID) this.#waiting.get(replica)?.('another leads');
  }

  /** To be called when the replica is out of the engine: nothing more will come of it. */
  gone(replica: Replica): void {
    this.#waiting.get(replica)?.('gone');
  }

  /**
   * If the replica leads, has another take over, so that its group need not wait for an election timeout. Resolves
   * when the new leader is known, here and in the group, or when `timeoutMs` have passed without one.
   */
  async handOver(replica: Replica, timeoutMs: number): Promise<void> {
    if (!replica.raft.isLeader) return;
    const target = successorOf(replica.raft.status());
    if (target === undefined) return;
    replica.transferLeader(target);
    const end = await this.#wait(replica, timeoutMs, ['another leads', 'gone']);
    if (end === 'another leads') await this.#wait(replica, this.#lingerMs, ['gone']);
  }

  /** Waits for one of `ends`, or until the time is up. */
  async #wait(replica: Replica, timeoutMs: number, ends: readonly End[]): Promise<End> {
    const end = await new Promise<End>((resolve) => {
      const timer = this.#clock.setTimeout(() => resolve('time is up'), timeoutMs);
      this.#waiting.set(replica, (news) => {
        if (!ends.includes(news)) return;
        timer.cancel();
        resolve(news);
      });
    });
    this.#waiting.delete(replica);
    return end;
  }
}
