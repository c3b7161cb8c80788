import { toText } from './model-group.js';
import { Models } from './models.js';
import type { GroupRules } from './model-group.js';
import {
  type CoreChange,
  type Handlers,
  type Invariant,
  type ObservationKind,
  type ReplicaName,
  nameOfReplica,
} from './observation.js';

type RulesOf = (clusterID: number) => GroupRules | undefined;

/** What the model takes, and then what is compared with it. */
function followed(models: Models, compare: Handlers): Handlers {
  const merged: Record<string, (seen: never) => void> = {};
  const add = (handlers: Handlers): void => {
    for (const [kind, handle] of Object.entries(handlers)) {
      const before = merged[kind as ObservationKind];
      merged[kind] = (seen) => {
        before?.(seen);
        (handle as (seen: never) => void)(seen);
      };
    }
  };
  add(models.handlers);
  add(compare);
  return merged;
}

/** Commands have an effect, or none, as the sessions of their clients say (thesis 6.3), the least recently used one gone. */
export class SessionsAsTheModel implements Invariant {
  readonly name = 'sessions as in the model';
  readonly handlers: Handlers;

  constructor(rulesOf: RulesOf) {
    const models = new Models(rulesOf);
    this.handlers = followed(models, {
      applied: ({ clusterID, nodeID, index, hash }) => {
        const expected = models.of(clusterID)?.positionAt(index);
        const actual = Number(hash.split('.')[0]);
        if (expected === undefined || expected === actual) return;
        throw new Error(
          `up to entry ${index} node ${nodeID} of group ${clusterID} has let ${actual} commands take effect, the model ${expected}`,
        );
      },
    });
  }
}

/** Membership changes are made, or refused, as the rules for them say; and the core goes by what was made. */
export class MembersAsTheModel implements Invariant {
  readonly name = 'members as in the model';
  readonly handlers: Handlers;
  /** The change that each replica has made last. */
  readonly #made = new Map<string, number>();

  constructor(rulesOf: RulesOf) {
    const models = new Models(rulesOf);
    this.handlers = followed(models, {
      started: (seen) => void this.#made.delete(nameOfReplica(seen)),
      ticked: (seen) => this.#judgeCore(seen),
      configured: ({ clusterID, nodeID, membership }) => {
        this.#made.set(nameOfReplica({ clusterID, nodeID }), membership.configChangeID);
        const model = models.of(clusterID);
        if (model === undefined || membership.configChangeID > model.index) return;
        const expected = model.memberships.get(membership.configChangeID);
        // While its first log is replayed a group has memberships that its bootstrap leads to.
        if (expected === undefined && membership.configChangeID < Math.min(...model.memberships.keys()))
          return;
        if (expected === toText(membership)) return;
        throw new Error(
          `node ${nodeID} of group ${clusterID} has members ${toText(membership)} by the change at ${membership.configChangeID}; the model has ${expected ?? 'refused it'}`,
        );
      },
    });
  }

  #judgeCore(seen: ReplicaName & CoreChange): void {
    const { configChangeID } = seen.after.membership;
    const made = this.#made.get(nameOfReplica(seen)) ?? 0;
    if (configChangeID >= made) return;
    throw new Error(
      `node ${seen.nodeID} of group ${seen.clusterID} goes by the members of the change at ${configChangeID}; it has made that at ${made}`,
    );
  }
}
