import type { SeededRandom } from '../harness/random.js';

export type Version = '0.1' | 'this';

/** One round: some nodes are ended and started again, as another version or the same. */
export interface ExchangeStep {
  nodeIDs: readonly number[];
  to: Version;
  /** kill -9, not an orderly stop. */
  isKill: boolean;
  /** How long they are away. Others go on, so that after a long time a snapshot is needed. */
  awayMs: number;
}

const LONGEST_AWAY_MS = 1_500;

/**
 * All nodes are of 0.1 at first. All but one are exchanged and go back again, while the level can't rise; then all are
 * exchanged, and restarted together.
 */
export function planExchanges(random: SeededRandom, nodeIDs: readonly number[]): ExchangeStep[] {
  const step = (ids: readonly number[], to: Version, isKill = random.isTrue(0.5)): ExchangeStep => ({
    nodeIDs: ids,
    to,
    isKill,
    awayMs: random.isTrue(0.4) ? 0 : random.between(100, LONGEST_AWAY_MS),
  });
  const most = shuffled(random, nodeIDs).slice(1);
  return [
    step([], '0.1'),
    ...most.map((id) => step([id], 'this')),
    ...shuffled(random, most).map((id) => step([id], '0.1')),
    ...shuffled(random, nodeIDs).map((id) => step([id], 'this')),
    step([random.pick(nodeIDs)], 'this', false),
    step(nodeIDs, 'this', true),
  ];
}

export function describeStep({ nodeIDs, to, isKill, awayMs }: ExchangeStep): string {
  if (nodeIDs.length === 0) return 'all of version 0.1';
  const version = to === '0.1' ? 'version 0.1' : 'this version';
  const away = awayMs === 0 ? '' : `, away for ${awayMs} ms`;
  return `node ${nodeIDs.join(', ')} ${isKill ? 'killed' : 'stopped'}${away}, started as ${version}`;
}

function shuffled(random: SeededRandom, ids: readonly number[]): number[] {
  const left = [...ids];
  const result: number[] = [];
  while (left.length > 0) {
    const next = random.pick(left);
    left.splice(left.indexOf(next), 1);
    result.push(next);
  }
  return result;
}
