import { parseArgs } from 'node:util';
import { prepare } from '../../scripts/lib/prepare.mjs';
import { UsageError, wholeNumber } from '../../scripts/lib/options.mjs';
import { root } from '../../scripts/lib/run.mjs';
import { misfits } from './anchor.mjs';
import { EVIDENCE } from './evidence.mjs';
import { MUTANTS, testsFor } from './list.mjs';
import { SimulatedWorkshop, isSimulated } from './simulated-workshop.mjs';
import { describeSeen, writeTables } from './tables.mjs';
import { Workshop } from './workshop.mjs';

const HELP = `Usage: npm run mutants -- [options]

Makes one small mistake after the other in a copy of the project, and prints which check catches it. Fails when one is
not caught: then fix the checks, not the list.

Options:
  --only ID     only this one (may be repeated); --list shows all
  --with W      tests (default); simulator: shows what the simulator sees of each, which need not be anything;
                invariants: each invariant of the simulator alone must see a mutant that breaks it
  --area A      only those of raft, claims, engine, state, storage, streams or wal (may be repeated)
  --jobs N      at the same time (default 2; 1 to 16)
  --budget N    seconds for one test path, or for all runs of one mutant (default 180; 5 to 3600)
  --seeds N     with the simulator: so many runs of each mutant (default 300; 1 to 100000)
  --failures N  with the simulator: goes on to the next mutant when so many runs have failed (default 4; 1 to 1000)
  --list        prints the list and ends
  --check       names those that no longer fit the sources, and ends; takes a second
  --json        prints the result as JSON
  --write       puts the results into the tables of docs/internals/mutants.md; other rows stay
  --help        this text`;

/** Lives without a mutant are few, and a busy machine may need long for them. */
const BASELINE_LIMIT_MS = 300_000;

function chosen({ only, area }) {
  for (const id of only)
    if (!MUTANTS.some((mutant) => mutant.id === id)) throw new UsageError(`no mutant ${id}`);
  for (const name of area) {
    if (!MUTANTS.some((mutant) => mutant.area === name)) throw new UsageError(`no area ${name}`);
  }
  return MUTANTS.filter(
    (mutant) =>
      (only.length === 0 || only.includes(mutant.id)) && (area.length === 0 || area.includes(mutant.area)),
  );
}

/** Tests that fail by themselves would catch anything. */
async function checkBaseline(workshop, mutants, { timeoutMs }) {
  for (const path of new Set(mutants.flatMap(testsFor))) {
    const failure = await workshop.firstFailure(path, timeoutMs);
    if (failure !== undefined) throw new Error(`without a mutant, too, this test fails: ${failure}`);
  }
}

/** A simulator that fails by itself would see anything. */
async function checkLives(workshop) {
  const limits = { seeds: 10, failures: 1, timeoutMs: BASELINE_LIMIT_MS };
  const { violations, lived } = await workshop.violations(limits);
  if (violations.length > 0 || lived < 10)
    throw new Error(
      `without a mutant, too, the simulator fails: ${violations[0]?.message ?? 'it does not end'}`,
    );
}

async function judge(workshop, mutant, { timeoutMs }) {
  const startedAt = performance.now();
  const caughtBy = await workshop.withMutant(mutant, async () => {
    for (const path of testsFor(mutant)) {
      const failure = await workshop.firstFailure(path, timeoutMs);
      if (failure !== undefined) return failure;
    }
    return undefined;
  });
  const { id, area, what, file } = mutant;
  return { id, area, what, file, isTested: true, caughtBy, seconds: (performance.now() - startedAt) / 1000 };
}

async function simulate(workshop, mutant, options) {
  const startedAt = performance.now();
  const seen = await workshop.withMutant(mutant, () => workshop.violations(options));
  const { id, area, what, file } = mutant;
  return { id, area, what, file, seen, seconds: (performance.now() - startedAt) / 1000 };
}

async function judgeAll(workshops, mutants, judgeOne, tell) {
  const waiting = [...mutants];
  const results = [];
  const work = async (workshop) => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const result = await judgeOne(workshop, mutant);
      results.push(result);
      tell(result, results.length);
    }
  };
  await Promise.all(workshops.map(work));
  return mutants.flatMap(({ id, only }) =>
    results.filter((result) => result.id === id && result.only === only),
  );
}

/** The tests must catch every mutant. */
const testing = {
  Workshop,
  choose: (mutants) => mutants,
  count: 'mutants caught',
  baseline: checkBaseline,
  judge,
  verdictOf: ({ caughtBy }) => (caughtBy === undefined ? 'SURVIVES' : `caught by: ${caughtBy}`),
  isCaught: ({ caughtBy }) => caughtBy !== undefined,
  mustCatchAll: true,
};

/** What the simulator does not see a test does; here it is told what it sees. */
const simulating = {
  Workshop: SimulatedWorkshop,
  choose: (mutants) => mutants.filter(isSimulated),
  count: 'mutants seen',
  baseline: checkLives,
  judge: simulate,
  verdictOf: ({ seen }) => describeSeen(seen),
  isCaught: ({ seen }) => seen.violations.length > 0,
  mustCatchAll: false,
};

/** Every invariant must be able to fail, by itself. */
const proving = {
  ...simulating,
  choose: (mutants) =>
    Object.entries(EVIDENCE).flatMap(([only, id]) =>
      mutants.filter((mutant) => mutant.id === id).map((mutant) => ({ ...mutant, only })),
    ),
  count: 'invariants shown to fail',
  judge: async (workshop, mutant, limits) => ({
    ...(await simulate(workshop, mutant, { ...limits, failures: 1, only: mutant.only })),
    only: mutant.only,
  }),
  verdictOf: ({ only, seen: { violations, lived } }) =>
    `${only}: ${violations.length === 0 ? `SEES NOTHING in ${lived} runs` : `seed ${violations[0].seed}`}`,
  mustCatchAll: true,
};

const CHECKS = { tests: testing, simulator: simulating, invariants: proving };

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      area: { type: 'string', multiple: true, default: [] },
      with: { type: 'string', default: 'tests' },
      jobs: { type: 'string', default: '2' },
      budget: { type: 'string', default: '180' },
      seeds: { type: 'string', default: '300' },
      failures: { type: 'string', default: '4' },
      list: { type: 'boolean', default: false },
      check: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (!Object.hasOwn(CHECKS, values.with)) {
    throw new UsageError(`--with must be one of ${Object.keys(CHECKS).join(', ')}`);
  }
  return {
    ...values,
    jobs: wholeNumber('jobs', values.jobs, 1, 16),
    limits: {
      timeoutMs: 1000 * wholeNumber('budget', values.budget, 5, 3600),
      seeds: wholeNumber('seeds', values.seeds, 1, 100_000),
      failures: wholeNumber('failures', values.failures, 1, 1000),
    },
  };
}

/** Whether each of them has its place in the sources. */
function check(mutants) {
  const wrong = misfits(mutants, root);
  for (const message of wrong) console.error(message);
  console.log(`${mutants.length - wrong.length} of ${mutants.length} mutants fit`);
  if (wrong.length > 0) process.exitCode = 1;
}

async function main() {
  const { limits, jobs, ...values } = readOptions();
  if (values.help) return void console.log(HELP);
  if (values.check) return void check(chosen(values));
  const checks = CHECKS[values.with];
  const mutants = checks.choose(chosen(values));
  if (values.list) {
    for (const { id, area, what } of mutants) console.log(`${area.padEnd(8)} ${id.padEnd(30)} ${what}`);
    return;
  }
  if (mutants.length === 0) throw new UsageError(`--with ${values.with} takes none of these mutants`);
  await prepare();
  const workshops = Array.from({ length: Math.min(jobs, mutants.length) }, () => new checks.Workshop());
  const close = () => workshops.forEach((workshop) => workshop.close());
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      close();
      process.exit(130);
    });
  }
  const say = (text) => void (values.json || console.log(text));
  const tell = (result, count) =>
    say(
      `${count}/${mutants.length} ${result.id} (${result.seconds.toFixed(1)} s) ${checks.verdictOf(result)}`,
    );
  try {
    say('Looking at the checks without a mutant ...');
    await checks.baseline(workshops[0], mutants, limits);
    const judgeOne = (workshop, mutant) => checks.judge(workshop, mutant, limits);
    const results = await judgeAll(workshops, mutants, judgeOne, tell);
    if (values.write) await writeTables(results);
    const caught = results.filter(checks.isCaught).length;
    if (values.json) console.log(JSON.stringify({ results }, undefined, 2));
    else console.log(`${caught} of ${results.length} ${checks.count}`);
    if (checks.mustCatchAll && caught < results.length) process.exitCode = 1;
  } finally {
    close();
  }
}

try {
  await main();
} catch (error) {
  console.error(error.message);
  if (error instanceof UsageError) console.error('npm run mutants -- --help lists the options.');
  process.exitCode = error instanceof UsageError || error.code?.startsWith('ERR_PARSE_ARGS') ? 2 : 1;
}
