import { distance } from 'fastest-levenshtein';

/** `raft_address`, `RaftAddress` and `raft-address` are the same word. */
const normalize = (word: string): string => word.toLowerCase().replace(/[_\-\s]/g, '');

/** The one of `candidates` that `word` was probably meant to be. */
export function suggest(word: string, candidates: readonly string[]): string | undefined {
  const wanted = normalize(word);
  if (wanted === '') return undefined;
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    const known = normalize(candidate);
    const d = distance(wanted, known);
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
