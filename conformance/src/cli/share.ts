import type { NamedPair } from './adapters.js';

/** A part of all that could be asked, the same for the same seed. */
export interface Share {
  percent: number;
  seed: number;
}

const FNV_OFFSET = 0x811c_9dc5;
const FNV_PRIME = 0x0100_0193;

/** A number from 0 to 9999 that depends on every letter of the names (FNV-1a, mixed once more). */
function lot(seed: number, names: readonly string[]): number {
  let hash = FNV_OFFSET;
  for (const char of [String(seed), ...names].join('\n')) {
    hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), FNV_PRIME) >>> 0;
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b_3c6d) >>> 0;
  return ((hash ^ (hash >>> 13)) >>> 0) % 10_000;
}

export function isDrawn({ percent, seed }: Share, ...names: string[]): boolean {
  return lot(seed, names) < percent * 100;
}

/** Those that are drawn, and for each adapter that has none of them, one of its own. */
export function drawPairs(share: Share, pairs: readonly NamedPair[]): NamedPair[] {
  const namesOf = ({ logdb, transport }: NamedPair): [string, string] => [logdb.name, transport.name];
  const byLot = [...pairs].sort((a, b) => lot(share.seed, namesOf(a)) - lot(share.seed, namesOf(b)));
  const drawn = new Set(pairs.filter((pair) => isDrawn(share, ...namesOf(pair))));
  const covered = new Set([...drawn].flatMap(namesOf));
  for (const pair of byLot) {
    const names = namesOf(pair);
    if (names.every((name) => covered.has(name))) continue;
    drawn.add(pair);
    for (const name of names) covered.add(name);
  }
  return pairs.filter((pair) => drawn.has(pair));
}

/** Mutants that a share has at most, of all kinds together. */
const MOST_MUTANTS = 40;

/** The share of mutants, of so many in all: the whole set is for the night. */
export function mutantShare({ percent, seed }: Share, count: number): Share {
  return { seed, percent: Math.min(percent, (100 * MOST_MUTANTS) / count) };
}
