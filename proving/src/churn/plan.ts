import type { SeededRandom } from '../harness/random.js';

export type ActionKind = 'add' | 'observe' | 'delete' | 'promote' | 'transfer';

/** Kills in the course of an action. */
export interface CrashInAction {
  /** How many hosts; the leader is the first of them if `withLeader`. */
  victims: number;
  withLeader: boolean;
  /** From the beginning of the action to the kill. */
  afterMs: number;
  downMs: number;
}

/** One step of a round; what is random comes from the seed, only the machine's timing does not. */
export interface Step {
  kind: ActionKind;
  crash: CrashInAction | undefined;
  /** How long clients work on before the next step. */
  afterMs: number;
}

/** What there is to act upon. */
export interface Population {
  voters: number;
  observers: number;
  spares: number;
}

export const MIN_VOTERS = 2;

/** A step that the group as it is can take. */
export function planStep(random: SeededRandom, { voters, observers, spares }: Population): Step {
  const kinds: ActionKind[] = ['transfer'];
  if (spares > 0) kinds.push('add', 'observe', 'add', 'observe');
  if (voters > MIN_VOTERS || observers > 0) kinds.push('delete', 'delete', 'delete');
  if (observers > 0) kinds.push('promote', 'promote');
  return { kind: random.pick(kinds), crash: planCrash(random), afterMs: random.between(50, 400) };
}

function planCrash(random: SeededRandom): CrashInAction | undefined {
  if (!random.isTrue(0.6)) return undefined;
  const roll = random.next();
  return {
    victims: roll < 0.6 ? 1 : roll < 0.85 ? 2 : Number.MAX_SAFE_INTEGER,
    withLeader: random.isTrue(0.5),
    afterMs: random.between(0, 250),
    downMs: random.isTrue(0.3) ? 0 : random.between(50, 600),
  };
}
