import type { SeededRandom } from '../harness/random.js';

/** What happens in one round; all of it comes from the seed, only the machine's timing does not. */
export interface CrashPlan {
  /** Starts from empty folders, not from what the round before left. */
  isFresh: boolean;
  /** Nodes killed together with kill -9; the leader takes part as `leader`. */
  victims: readonly (number | 'leader')[];
  /** Clients start before there is a leader. */
  isEarly: boolean;
  /** How long clients work before the kill. */
  loadMs: number;
  /** How long the victims stay away. */
  downMs: number;
  /** Kills the victims once more, this long after their processes were started again. */
  secondKillMs: number | undefined;
  /** How long clients work on when all are back. */
  afterMs: number;
  /** Ends the round by killing all instead of stopping them. */
  endsInKill: boolean;
}

/** Rounds that follow each other in one set of folders. */
const MAX_ROUNDS_PER_DIR = 6;

export function planRound(random: SeededRandom, nodeIDs: readonly number[], roundsInDir: number): CrashPlan {
  const isFresh = roundsInDir === 0 || roundsInDir >= MAX_ROUNDS_PER_DIR || random.isTrue(0.25);
  return {
    isFresh,
    victims: planVictims(random, nodeIDs),
    isEarly: random.isTrue(0.2),
    loadMs: random.between(100, 900),
    downMs: random.isTrue(0.3) ? 0 : random.between(50, 700),
    secondKillMs: random.isTrue(0.25) ? random.between(50, 500) : undefined,
    afterMs: random.between(100, 500),
    endsInKill: random.isTrue(0.5),
  };
}

function planVictims(random: SeededRandom, nodeIDs: readonly number[]): (number | 'leader')[] {
  const roll = random.next();
  if (roll < 0.35) return [...nodeIDs];
  if (roll < 0.7) return ['leader'];
  if (roll < 0.85) return [random.pick(nodeIDs)];
  const spared = random.pick(nodeIDs);
  return nodeIDs.filter((nodeID) => nodeID !== spared);
}

export function describePlan({ isFresh, victims, loadMs, secondKillMs }: CrashPlan): string {
  const where = isFresh ? 'new folders' : 'same folders';
  const again = secondKillMs === undefined ? '' : `, again ${secondKillMs} ms into the restart`;
  return `${where}, kill -9 of ${victims.join(', ')} after ${loadMs} ms${again}`;
}
