import type { Report } from '../suite/case.js';

/** A reference adapter with one bug put in: what the suite must see. */
export interface Mutant {
  /** Says what is wrong, as one would in a bug report. */
  readonly name: string;
  /** Cases that must fail; others may fail too, but no more than `MOST_CASES` in all. */
  readonly caughtBy: readonly string[];
  /** Ids of the cases that are asked of it. */
  readonly cases: readonly string[];
  /** Asks these of them, with draws from the seed; may be called again before an earlier call has ended. */
  readonly run: (ids: readonly string[], seed?: number) => Promise<Report>;
}

/** A bug that fails more cases than this says little about which clause it breaks. */
const MOST_CASES = 8;

export interface MutantResult {
  name: string;
  caughtBy: readonly string[];
  /** Ids of the cases that failed. */
  failed: string[];
  caught: boolean;
}

interface Asked {
  mutant: Mutant;
  id: string;
}

/** How many cases run at a time: most of the time of a case, and all of that of one that fails, is waiting. */
const AT_A_TIME = 6;

/** Every case of every mutant; those first that should fail, because they last until their deadlines. */
function everyCase(mutants: readonly Mutant[]): Asked[] {
  const all = mutants.flatMap((mutant) => mutant.cases.map((id) => ({ mutant, id })));
  const isLong = ({ mutant, id }: Asked): boolean => mutant.caughtBy.includes(id);
  return [...all.filter(isLong), ...all.filter((each) => !isLong(each))];
}

/** One that is named for more cases breaks what they all stand on. */
function mostOf(caughtBy: readonly string[]): number {
  return Math.max(MOST_CASES, caughtBy.length);
}

/** Cases about everything at once: they say nothing about which clause is broken, and do not count against a mutant. */
const GENERAL = /^LDB-(MODEL|CRASH)-/;

function specific(failed: Iterable<string>): string[] {
  return [...failed].filter((id) => !GENERAL.test(id));
}

function resultOf({ name, caughtBy, cases }: Mutant, found: ReadonlySet<string>): MutantResult {
  const failed = cases.filter((id) => found.has(id));
  const caught = caughtBy.every((id) => found.has(id)) && specific(failed).length <= mostOf(caughtBy);
  return { name, caughtBy, failed, caught };
}

/**
 * When a process is lost, and what is drawn, decide whether some bugs show: the case that is named has this many tries,
 * as one that is asked every day has.
 */
const TRIES = 6;

async function failsOnce({ mutant, id }: Asked, seed: number): Promise<boolean> {
  const { cases } = await mutant.run([id], seed);
  if (cases.length !== 1) throw new Error(`${mutant.name}: there is no case ${id}`);
  return cases.some(({ status }) => status === 'failed');
}

async function fails(asked: Asked): Promise<boolean> {
  const tries = asked.mutant.caughtBy.includes(asked.id) ? TRIES : 1;
  for (let seed = 1; seed <= tries; seed++) if (await failsOnce(asked, seed)) return true;
  return false;
}

/**
 * On a machine that is busy a case may come too late for its deadline. Where that makes too many of them, those that are
 * not named are asked once more, alone: a bug fails them again, and a mutant that was missed is not found so, because
 * the named cases have one chance only.
 */
async function withoutLate(mutant: Mutant, failed: Set<string>): Promise<Set<string>> {
  if (specific(failed).length <= mostOf(mutant.caughtBy)) return failed;
  const left = new Set(failed);
  for (const id of failed) {
    if (!mutant.caughtBy.includes(id) && !(await fails({ mutant, id }))) left.delete(id);
  }
  return left;
}

export async function runMutants(mutants: readonly Mutant[]): Promise<MutantResult[]> {
  const failed = new Map(mutants.map((mutant) => [mutant, new Set<string>()]));
  const waiting = everyCase(mutants);
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      if (await fails(next)) failed.get(next.mutant)?.add(next.id);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  const results: MutantResult[] = [];
  for (const [mutant, found] of failed) results.push(resultOf(mutant, await withoutLate(mutant, found)));
  return results;
}
