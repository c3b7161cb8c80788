import type { Dice } from '../world/dice.js';
import type { GroupScenario } from './scenario.js';

/** Options of a group that may be combined in any way, each with the values that make a difference to a run. */
export const OPTION_VALUES = {
  preVote: [true, false],
  checkQuorum: [true, false],
  quiesce: [true, false],
  orderedConfigChange: [true, false],
  disableAutoCompactions: [true, false],
  entryCompression: ['none', 'snappy'],
  snapshotCompression: ['none', 'snappy'],
  snapshotEntries: [0, 5, 30],
  compactionOverhead: [0, 10],
  /** Bytes; 0: as the host is configured. */
  maxInMemLogSize: [0, 20_000],
  /** Whether the group's operator sees to it that one replica has `isObserver`. */
  wantsObserver: [true, false],
} as const satisfies { readonly [K in keyof GroupScenario]?: readonly GroupScenario[K][] };

export type OptionName = keyof typeof OPTION_VALUES;
export type Options = Pick<GroupScenario, OptionName>;

const NAMES = Object.keys(OPTION_VALUES) as OptionName[];

interface Choice {
  name: OptionName;
  value: unknown;
}

/** A value of one option together with a value of another. */
type OptionPair = readonly [Choice, Choice];

const nameOf = (pair: OptionPair): string =>
  pair.map(({ name, value }) => `${name} ${String(value)}`).join(', ');

function pairsOf(choicesOf: (name: OptionName) => readonly unknown[]): OptionPair[] {
  return NAMES.flatMap((first, at) =>
    NAMES.slice(at + 1).flatMap((second) =>
      choicesOf(first).flatMap((a) =>
        choicesOf(second).map((b): OptionPair => [
          { name: first, value: a },
          { name: second, value: b },
        ]),
      ),
    ),
  );
}

/** Every value of every option with every value of every other one, in words. */
export const ALL_PAIRS: readonly string[] = pairsOf((name) => OPTION_VALUES[name]).map(nameOf);

/** The pairs that a group with these options has. */
export const pairsIn = (options: Options): string[] => pairsOf((name) => [options[name]]).map(nameOf);

/**
 * Few sets of options that have every pair between them. Greedy: a set begins with a pair that none has so far, and takes
 * of each further option the value with the most new pairs.
 */
function cover(): Options[] {
  const missing = new Map(pairsOf((name) => OPTION_VALUES[name]).map((pair) => [nameOf(pair), pair]));
  const found: Options[] = [];
  for (let [pair] = missing.values(); pair !== undefined; [pair] = missing.values()) {
    const chosen = new Map<OptionName, unknown>(pair.map(({ name, value }) => [name, value]));
    for (const name of NAMES) if (!chosen.has(name)) chosen.set(name, bestOf(name, chosen, missing));
    const options = Object.fromEntries(NAMES.map((name) => [name, chosen.get(name)])) as unknown as Options;
    for (const covered of pairsIn(options)) missing.delete(covered);
    found.push(options);
  }
  return found;
}

function bestOf(
  name: OptionName,
  chosen: ReadonlyMap<OptionName, unknown>,
  missing: ReadonlyMap<string, OptionPair>,
): unknown {
  const gain = (value: unknown): number => {
    let count = 0;
    for (const [a, b] of missing.values()) {
      const other =
        a.name === name && a.value === value ? b : b.name === name && b.value === value ? a : undefined;
      if (other !== undefined && chosen.get(other.name) === other.value) count += 1;
    }
    return count;
  };
  const values: readonly unknown[] = OPTION_VALUES[name];
  return values.reduce((best, value) => (gain(value) > gain(best) ? value : best));
}

/** A run of some hundred seeds has tried them all, and with them every pair. */
export const PAIR_SETS: readonly Options[] = cover();

export function drawOptions(dice: Dice): Options {
  return dice.pick(PAIR_SETS);
}
