import type { Replica } from '../engine/replica.js';
import type { RaftStatus } from '../raft/index.js';
import type { IClock } from '../runtime/clock.js';

/**
 * The voting member that lacks least of the log, of those that seem to be there; undefined when there is none to hand
 * over to. Not being active means little by itself: a leader starts to count anew after every check of its quorum.
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

/** Replicas that lead and are about to stop: each waits until another has taken over. */
export class Handovers {
  readonly #clock: IClock;
  readonly #waiting = new Map<Replica, () => void>();

  constructor(clock: IClock) {
    this.#clock = clock;
  }

  /** To be called when the replica learns of another leader. */
  leaderChanged(replica: Replica): void {
    const { leaderID } = replica.leader;
    if (leaderID !== 0 && leaderID !== replica.nodeID) this.#waiting.get(replica)?.();
  }

  /** To be called when the replica is out of the engine: nothing more will come of it. */
  gone(replica: Replica): void {
    this.#waiting.get(replica)?.();
  }

  /**
   * If the replica leads, has another take over, so that its group need not wait for an election timeout. Resolves
   * when the new leader is known here, with this replica's vote on its way, or after `timeoutMs` in any case.
   */
  async handOver(replica: Replica, timeoutMs: number): Promise<void> {
    if (!replica.raft.isLeader) return;
    const target = successorOf(replica.raft.status());
    if (target === undefined) return;
    await new Promise<void>((resolve) => {
      const timer = this.#clock.setTimeout(resolve, timeoutMs);
      this.#waiting.set(replica, () => {
        timer.cancel();
        resolve();
      });
      replica.transferLeader(target);
    });
    this.#waiting.delete(replica);
  }
}
