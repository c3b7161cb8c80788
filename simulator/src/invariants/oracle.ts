import {
  type Invariant,
  InvariantViolation,
  type ObservationKind,
  type Observations,
  nameOfReplica,
} from './observation.js';
import type { Shadows } from './shadows.js';

type Handler = { invariant: Invariant; handle: (seen: never) => void };
const NO_HANDLERS: readonly Handler[] = [];

/** Shows all that is seen to all invariants, and remembers the first that did not hold. */
export class Oracle {
  readonly shadows: Shadows;
  /** The name of what alone counts; `undefined`: all. */
  readonly only: string | undefined;
  violation: InvariantViolation | undefined;
  /** Also told of each new membership. */
  onConfigured: (seen: Observations['configured']) => void = () => undefined;
  /** Replicas, by `group/node`, whose doings are no part of what is looked at. */
  readonly ignored = new Set<string>();
  /** Replicas, by `group/node`, whose disk was lost. */
  readonly wiped = new Set<string>();
  readonly #handlers = new Map<ObservationKind, Handler[]>();

  /** @param only the name of what alone counts, to find out whether it would be seen without all others */
  constructor(shadows: Shadows, invariants: readonly Invariant[], only?: string) {
    this.shadows = shadows;
    this.only = only;
    for (const invariant of invariants) {
      if (only !== undefined && invariant.name !== only) continue;
      for (const [kind, handle] of Object.entries(invariant.handlers)) {
        const handlers = this.#handlers.get(kind as ObservationKind) ?? [];
        handlers.push({ invariant, handle });
        this.#handlers.set(kind as ObservationKind, handlers);
      }
    }
  }

  /** Never throws: it is called in the midst of what it watches. */
  see<Kind extends ObservationKind>(kind: Kind, seen: Observations[Kind]): void {
    if (this.violation !== undefined || this.#isIgnored(seen)) return;
    for (const { invariant, handle } of this.#handlers.get(kind) ?? NO_HANDLERS) {
      try {
        handle(seen as never);
      } catch (error) {
        this.fail(invariant.name, error instanceof Error ? error.message : String(error));
        return;
      }
    }
    this.#keepShadows(kind, seen);
  }

  #isIgnored(seen: object): boolean {
    if (this.ignored.size === 0 || !('clusterID' in seen) || !('nodeID' in seen)) return false;
    return this.ignored.has(`${String(seen.clusterID)}/${String(seen.nodeID)}`);
  }

  #lost(seen: Observations['lost']): void {
    this.wiped.add(nameOfReplica(seen));
    this.shadows.lost(seen);
  }

  fail(invariant: string, message: string): void {
    if (this.only !== undefined && invariant !== this.only) return;
    this.violation ??= new InvariantViolation(invariant, message);
  }

  #keepShadows<Kind extends ObservationKind>(kind: Kind, seen: Observations[Kind]): void {
    const { shadows } = this;
    if (kind === 'started') shadows.started(seen as Observations['started']);
    else if (kind === 'crashed') shadows.crashed(seen as Observations['crashed']);
    else if (kind === 'appended') shadows.appended(seen as Observations['appended']);
    else if (kind === 'saving') shadows.saving(seen as Observations['saving']);
    else if (kind === 'durable') shadows.durable(seen as Observations['durable']);
    else if (kind === 'lost') this.#lost(seen as Observations['lost']);
    else if (kind === 'elected') shadows.elected(seen as Observations['elected']);
    else if (kind === 'configured') this.onConfigured(seen as Observations['configured']);
  }
}
