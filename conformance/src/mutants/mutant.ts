import type { Report } from '../suite/case.js';

/** A reference adapter with one bug put in: what the suite must see. */
export interface Mutant {
  /** Says what is wrong, as one would in a bug report. */
  readonly name: string;
  /** Cases that must fail; others may fail too, but no more than `MOST_CASES` in all. */
  readonly caughtBy: readonly string[];
  readonly run: () => Promise<Report>;
}

/** A bug that fails more cases than this says little about which clause it breaks. */
const MOST_CASES = 5;

export interface MutantResult {
  name: string;
  caughtBy: readonly string[];
  /** Ids of the cases that failed. */
  failed: string[];
  caught: boolean;
}

export async function runMutant({ name, caughtBy, run }: Mutant): Promise<MutantResult> {
  const { cases } = await run();
  const failed = cases.filter(({ status }) => status === 'failed').map(({ id }) => id);
  const caught = caughtBy.every((id) => failed.includes(id)) && failed.length <= MOST_CASES;
  return { name, caughtBy, failed, caught };
}

/** How many run at a time: most of a transport case's time is waiting. */
const AT_A_TIME = 6;

export async function runMutants(
  mutants: readonly Mutant[],
  onResult: (result: MutantResult) => void = () => undefined,
): Promise<MutantResult[]> {
  const results: MutantResult[] = [];
  const waiting = [...mutants];
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const result = await runMutant(next);
      results.push(result);
      onResult(result);
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return results;
}
