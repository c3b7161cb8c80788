import { distance } from 'fastest-levenshtein';

/** `raft_address`, `RaftAddress` and `raft-address` are the same word. */
const normalize = (word: string): string => word.toLowerCase().replace(/[_\-\s]/g, '');

const letters = (word: string): string => [...word].sort().join('');

const SHORTEST_PREFIX = 4;

/** As Levenshtein's, but letters that changed places, and a left-out or added end, are one mistake each. */
function mistakes(a: string, b: string): number {
  const shorter = Math.min(a.length, b.length);
  if (shorter >= SHORTEST_PREFIX && a.slice(0, shorter) === b.slice(0, shorter)) return a === b ? 0 : 1;
  const d = distance(a, b);
  return d === 2 && letters(a) === letters(b) ? 1 : d;
}

/** The one of `candidates` that `word` was probably meant to be. */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
  const wanted = normalize(word);
  if (wanted === '') return undefined;
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    const known = normalize(candidate);
    const d = mistakes(wanted, known);
    // A third of the letters may be wrong, but at least one stays right.
    const tolerated = Math.min(
      Math.max(1, Math.floor(Math.max(wanted.length, known.length) / 3)),
      known.length - 1,
    );
    if (d <= tolerated && d < bestDistance) {
      best = candidate;
      bestDistance = d;
    }
  }
  return best === word ? undefined : best;
}
