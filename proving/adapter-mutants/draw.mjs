/** A seeded source of numbers below `limit` (mulberry32). */
function numbers(seed) {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

export function shuffled(items, seed) {
  return shuffledBy(items, numbers(seed));
}

function shuffledBy(items, below) {
  const all = [...items];
  for (let left = all.length - 1; left > 0; left--) {
    const other = below(left + 1);
    [all[left], all[other]] = [all[other], all[left]];
  }
  return all;
}

/**
 * The mutants in the order in which a sample takes them: each operator has its turn, so that the rare ones (a sync that
 * is left out) are asked as often as the frequent ones. The same seed gives the same order.
 */
export function drawOrder(mutants, seed) {
  const below = numbers(seed);
  const byOperator = new Map();
  for (const mutant of mutants) {
    byOperator.set(mutant.operator, [...(byOperator.get(mutant.operator) ?? []), mutant]);
  }
  const lists = shuffledBy([...byOperator.keys()].sort(), below).map((operator) =>
    shuffledBy(byOperator.get(operator), below),
  );
  const drawn = [];
  for (let round = 0; drawn.length < mutants.length; round++) {
    for (const list of lists) if (round < list.length) drawn.push(list[round]);
  }
  return drawn;
}
