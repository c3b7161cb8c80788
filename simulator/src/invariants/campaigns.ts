import { MessageType } from '@drakkar/raftio';
import {
  type CoreChange,
  type Handlers,
  type Invariant,
  type Observations,
  type ReplicaName,
  nameOfReplica,
} from './observation.js';
import type { Shadows } from './shadows.js';

/**
 * Who may stand for election. Nobody while a committed membership change is not applied: its quorum could be two
 * changes behind that of others. With pre-vote (thesis 9.6) nobody whom a quorum has not told, for just that term, that
 * it would vote for it.
 */
export class Campaigns implements Invariant {
  readonly name = 'campaigns';
  readonly #shadows: Shadows;
  /** `group/term/candidate` → who has said that it would vote so. */
  readonly #willing = new Map<string, Set<number>>();
  /** Up to where a replica has made membership changes, or refused them. */
  readonly #settled = new Map<string, number>();

  constructor(shadows: Shadows) {
    this.#shadows = shadows;
  }

  readonly handlers: Handlers = {
    started: (seen) => void this.#settled.set(nameOfReplica(seen), seen.state.commit),
    configured: (seen) => this.#configured(seen),
    changeRefused: (seen) => {
      const next = this.#nextChange(seen, Infinity);
      if (next !== undefined) this.#settled.set(nameOfReplica(seen), next);
    },
    sent: (seen) => this.#sent(seen),
    ticked: (seen) => this.#judge(seen),
    stepped: (seen) => this.#judge(seen),
  };

  /** Settings that were changed since, and changes that were refused, leave the membership as it was. */
  #configured(seen: Observations['configured']): void {
    const name = nameOfReplica(seen);
    this.#settled.set(name, Math.max(this.#settled.get(name) ?? 0, seen.membership.configChangeID));
  }

  #sent({ clusterID, nodeID, message: { type, reject, term, to } }: Observations['sent']): void {
    if (type !== MessageType.RequestPreVoteResp || reject) return;
    const key = `${clusterID}/${term}/${to}`;
    this.#willing.set(key, (this.#willing.get(key) ?? new Set<number>()).add(nodeID));
  }

  #judge(seen: ReplicaName & CoreChange): void {
    const { before, after } = seen;
    const isNew = before.role !== after.role || before.term !== after.term;
    if (!isNew || (after.role !== 'candidate' && after.role !== 'preCandidate')) return;
    // The answers to a pre-vote may tell of the commit; the log can not hold a later change then.
    if (before.role === 'preCandidate' && after.role === 'candidate') this.#judgePreVote(seen);
    else this.#judgeChange(seen);
  }

  #judgeChange(seen: ReplicaName & CoreChange): void {
    const { clusterID, nodeID, after } = seen;
    const change = this.#nextChange(seen, after.commit);
    if (change === undefined || change <= after.applied) return;
    throw new Error(
      `node ${nodeID} of group ${clusterID} campaigns; the change at ${change} is committed and not applied`,
    );
  }

  /** Index of the first membership change, up to `last`, that the replica has neither made nor refused. */
  #nextChange(seen: ReplicaName, last: number): number | undefined {
    const { log } = this.#shadows.of(seen);
    const from = Math.max(log.base, this.#settled.get(nameOfReplica(seen)) ?? 0);
    for (let index = from + 1; index <= Math.min(last, log.last); index++) {
      if (log.entry(index)?.isConfigChange === true) return index;
    }
    return undefined;
  }

  #judgePreVote({ clusterID, nodeID, after }: ReplicaName & CoreChange): void {
    const willing = this.#willing.get(`${clusterID}/${after.term}/${nodeID}`);
    const voters = [...after.membership.addresses.keys()];
    const count = voters.filter((id) => id === nodeID || willing?.has(id) === true).length;
    if (count > voters.length / 2) return;
    throw new Error(
      `node ${nodeID} of group ${clusterID} campaigns in term ${after.term}; of voters [${voters.join(' ')}] only [${[...(willing ?? [])].join(' ')}] said that they would vote for it`,
    );
  }
}
