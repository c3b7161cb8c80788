import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { format, resolveConfig } from 'prettier';
import { prepare } from './lib/prepare.mjs';
import { root } from './lib/run.mjs';
import { MUTANTS, testsFor } from './mutants/list.mjs';
import { Workshop } from './mutants/workshop.mjs';

const HELP = `Usage: npm run mutants -- [options]

Makes one small mistake after the other in a copy of the project, and prints which check catches it. Fails when one is
not caught: then the checks are to be mended, not the list.

Options:
  --only ID     only this one (may be repeated); --list shows all
  --area A      only those of raft, engine, state or storage (may be repeated)
  --jobs N      at the same time (default 2; 1 to 16)
  --budget N    seconds for one test path (default 180; 5 to 3600)
  --list        prints the list and ends
  --json        prints the result as JSON
  --write       puts the table into docs/testing.md
  --help        this text`;

class UsageError extends Error {}

function wholeNumber(name, text, least, most) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most)
    throw new UsageError(`--${name} must be a whole number from ${least} to ${most}`);
  return value;
}

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
async function checkBaseline(workshop, mutants, timeoutMs) {
  for (const path of new Set(mutants.flatMap(testsFor))) {
    const failure = await workshop.firstFailure(path, timeoutMs);
    if (failure !== undefined) throw new Error(`without a mutant, too, this test fails: ${failure}`);
  }
}

async function judge(workshop, mutant, timeoutMs) {
  const startedAt = performance.now();
  const caughtBy = await workshop.withMutant(mutant, async () => {
    for (const path of testsFor(mutant)) {
      const failure = await workshop.firstFailure(path, timeoutMs);
      if (failure !== undefined) return failure;
    }
    return undefined;
  });
  const { id, area, what, file } = mutant;
  return { id, area, what, file, caughtBy, seconds: (performance.now() - startedAt) / 1000 };
}

async function judgeAll(workshops, mutants, timeoutMs, tell) {
  const waiting = [...mutants];
  const results = [];
  const work = async (workshop) => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const result = await judge(workshop, mutant, timeoutMs);
      results.push(result);
      tell(result, results.length);
    }
  };
  await Promise.all(workshops.map(work));
  return MUTANTS.flatMap(({ id }) => results.filter((result) => result.id === id));
}

const TABLE = /(<!-- mutants: begin -->\n)[^]*?(<!-- mutants: end -->)/;

/** Into the place that docs/testing.md keeps for it. */
async function writeTable(results) {
  const page = join(root, 'docs/testing.md');
  const text = readFileSync(page, 'utf8');
  if (!TABLE.test(text)) throw new Error('docs/testing.md has no place for the table of mutants');
  const cell = (content) => content.replaceAll('|', '\\|').replaceAll('<', '&lt;');
  const rows = results.map(
    ({ id, what, caughtBy }) => `| \`${id}\` | ${cell(what)} | ${cell(caughtBy ?? 'nothing')} |`,
  );
  const table = ['', '| Mutant | What is wrong | Caught by |', '| --- | --- | --- |', ...rows, '', ''].join(
    '\n',
  );
  const written = text.replace(TABLE, (_all, begin, end) => begin + table + end);
  writeFileSync(page, await format(written, { ...(await resolveConfig(page)), filepath: page }));
}

async function main() {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true, default: [] },
      area: { type: 'string', multiple: true, default: [] },
      jobs: { type: 'string', default: '2' },
      budget: { type: 'string', default: '180' },
      list: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return void console.log(HELP);
  const mutants = chosen(values);
  if (values.list) {
    for (const { id, area, what } of mutants) console.log(`${area.padEnd(8)} ${id.padEnd(30)} ${what}`);
    return;
  }
  const jobs = wholeNumber('jobs', values.jobs, 1, 16);
  const timeoutMs = 1000 * wholeNumber('budget', values.budget, 5, 3600);
  await prepare();
  const workshops = Array.from({ length: Math.min(jobs, mutants.length) }, () => new Workshop());
  const close = () => workshops.forEach((workshop) => workshop.close());
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      close();
      process.exit(130);
    });
  }
  const tell = ({ id, caughtBy, seconds }, count) => {
    const verdict = caughtBy === undefined ? 'SURVIVES' : `caught by: ${caughtBy}`;
    if (!values.json) console.log(`${count}/${mutants.length} ${id} (${seconds.toFixed(1)} s) ${verdict}`);
  };
  try {
    if (!values.json) console.log('Looking at the checks without a mutant ...');
    await checkBaseline(workshops[0], mutants, timeoutMs);
    const results = await judgeAll(workshops, mutants, timeoutMs, tell);
    if (values.write) await writeTable(results);
    const survivors = results.filter(({ caughtBy }) => caughtBy === undefined);
    if (values.json) console.log(JSON.stringify({ results }, undefined, 2));
    else console.log(`${results.length - survivors.length} of ${results.length} mutants caught`);
    if (survivors.length > 0) process.exitCode = 1;
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
