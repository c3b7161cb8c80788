/** Consecutive indexes, both ends included. */
export interface Run {
  first: number;
  last: number;
}

/**
 * The indexes that a log holds, as few ascending runs: one, but for a gap that a snapshot installed ahead of the log
 * leaves. Functions take the place of a set of indexes; they change `runs` in place and cost a step per run.
 */
export type Runs = Run[];

/** Adds first..last, and drops everything above `last`. */
export function saveRun(runs: Runs, first: number, last: number): void {
  for (let top = runs.at(-1); top !== undefined && top.last >= first; top = runs.at(-1)) {
    if (top.first < first) top.last = first - 1;
    else runs.pop();
  }
  const top = runs.at(-1);
  if (top?.last === first - 1) top.last = last;
  else runs.push({ first, last });
}

/** Drops everything up to and including `index`. */
export function trimRuns(runs: Runs, index: number): boolean {
  let changed = false;
  for (let bottom = runs[0]; bottom !== undefined && bottom.first <= index; bottom = runs[0]) {
    changed = true;
    if (bottom.last > index) bottom.first = index + 1;
    else runs.shift();
  }
  return changed;
}

/** The part of the runs from the first index above `index` up to the end of its run. */
export function runAbove(runs: Runs, index: number): Run | undefined {
  for (const run of runs) {
    if (run.last > index) return { first: Math.max(run.first, index + 1), last: run.last };
  }
  return undefined;
}
