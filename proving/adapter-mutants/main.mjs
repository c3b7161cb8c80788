import { parseArgs } from 'node:util';
import { Compiler } from './compile.mjs';
import { drawOrder } from './draw.mjs';
import { EQUIVALENTS } from './equivalents.mjs';
import { applyTo } from './generate.mjs';
import { judge } from './judge.mjs';
import { baseline, casesFor, fingerprint, sourcesOf } from './plan.mjs';
import { RunRecord } from './record.mjs';
import { listing, scoreTable, showTimeLeft } from './report.mjs';
import { killAll } from './suite.mjs';
import { targetsIn } from './targets.mjs';
import { prepare } from '../../scripts/lib/prepare.mjs';
import { UsageError, wholeNumber } from '../../scripts/lib/options.mjs';
import { root } from '../../scripts/lib/run.mjs';

const HELP = `Usage: npm run adapter-mutants -- [options]

Changes the sources of our adapters and examples by machine (an off-by-one, a missing await, two statements that change
places, ...), one change at a time, and asks the conformance suite of each. Prints how many it catches, and those that
survive: each is a case that is missing, or no mistake (then it belongs to proving/adapter-mutants/equivalents.mjs).

Options:
  --adapter NAME  only this one (may be repeated): ${targetsIn(root)
    .map(({ name }) => name)
    .join(', ')}
  --sample N      so many mutants of each, drawn by the seed (default 40)
  --all           all of them: for the night
  --operator ID   only those of this operator, such as dropped-sync (may be repeated)
  --only TEXT     only those whose id has this text in it (may be repeated), such as a file's name
  --seed N        decides which are drawn, and is the seed of the cases (default 1)
  --share N       asks N percent of the cases only, drawn by the seed (default 100)
  --jobs N        processes at a time (default 2)
  --output FILE   keeps what was found, a line for each mutant; the same command goes on there after an interruption
  --list          prints the mutants that would be asked, and ends; those that do not compile are among them
  --json          prints the result as JSON
  --help          this text`;

function readOptions() {
  const { values } = parseArgs({
    options: {
      adapter: { type: 'string', multiple: true, default: [] },
      sample: { type: 'string', default: '40' },
      all: { type: 'boolean', default: false },
      operator: { type: 'string', multiple: true, default: [] },
      only: { type: 'string', multiple: true, default: [] },
      seed: { type: 'string', default: '1' },
      share: { type: 'string', default: '100' },
      jobs: { type: 'string', default: '2' },
      output: { type: 'string' },
      list: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const known = targetsIn(root);
  const unknown = values.adapter.find((name) => !known.some((target) => target.name === name));
  if (unknown !== undefined)
    throw new UsageError(`no adapter "${unknown}"; there are ${known.map(({ name }) => name).join(', ')}`);
  return {
    ...values,
    targets: known.filter(({ name }) => values.adapter.length === 0 || values.adapter.includes(name)),
    sample: values.all ? Infinity : wholeNumber('sample', values.sample, 1, 100_000),
    seed: wholeNumber('seed', values.seed, 0, 999_999_999),
    share: wholeNumber('share', values.share, 1, 100),
    jobs: wholeNumber('jobs', values.jobs, 1, 64),
  };
}

/** The mutants of a target in the order in which they are asked. */
function chosen({ mutants }, { operator, only, seed }) {
  const wanted = mutants.filter(
    (mutant) =>
      (operator.length === 0 || operator.includes(mutant.operator)) &&
      (only.length === 0 || only.some((text) => mutant.id.includes(text))),
  );
  return drawOrder(wanted, seed);
}

/** Hands out mutants that compile, as many as wanted. */
function* compiling(target, sources, options, known) {
  const compiler = new Compiler(root, Object.keys(sources.texts));
  let left = options.sample;
  for (const mutant of chosen(sources, options)) {
    if (left === 0) return;
    const result = known.get(mutant.id);
    if (result?.verdict === 'none') continue;
    if (Object.hasOwn(EQUIVALENTS, mutant.id)) {
      yield { mutant, result: { id: mutant.id, verdict: 'equivalent', cases: 0 } };
      continue;
    }
    if (result === undefined && isNone(compiler, sources, mutant)) {
      yield { mutant, result: { id: mutant.id, verdict: 'none', cases: 0 } };
      continue;
    }
    left -= 1;
    yield { mutant, result };
  }
}

function isNone(compiler, { texts }, mutant) {
  const text = texts[mutant.file];
  const changed = applyTo(text, mutant);
  return changed === text || compiler.fault(mutant.file, changed) !== undefined;
}

async function runTarget(target, options, record, say) {
  const sources = sourcesOf(root, target);
  const { seed, share } = options;
  const key = { target: target.name, print: fingerprint(root, sources), seed, share };
  let base = record.baseline(key);
  if (base === undefined) {
    base = await baseline(root, target, sources, options, (text) => say(`${target.name}: ${text}`));
    record.add({ ...key, baseline: base });
  }
  const durations = Object.fromEntries(Object.entries(base.cases).map(([id, each]) => [id, each.durationMs]));
  const waiting = compiling(target, sources, options, record.results(key));
  const wanted = Math.min(options.sample, chosen(sources, options).length);
  const startedAt = performance.now();
  const results = [];
  let asked = 0;
  const work = async () => {
    for (const { mutant, result: known } of waiting) {
      if (known !== undefined) {
        if (known.verdict === 'none') record.add({ ...key, result: known });
        else results.push(known);
        continue;
      }
      const from = performance.now();
      const cases = casesFor(mutant, base);
      const result = await judge({
        target,
        text: sources.texts[mutant.file],
        mutant,
        cases,
        durations,
        seed,
      });
      record.add({ ...key, result });
      results.push(result);
      asked += 1;
      const left = showTimeLeft(performance.now() - startedAt, asked, wanted - results.length);
      const by = result.by === undefined ? '' : ` by ${result.by}`;
      const seconds = ((performance.now() - from) / 1000).toFixed(1);
      say(
        `${target.name} ${results.length}/${wanted}: ${result.verdict}${by} (${seconds} s${left}) ${mutant.id}`,
      );
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  return { target, results, sources };
}

function print(outcomes, { json }) {
  if (json) {
    const shown = outcomes.map(({ target, results }) => ({ adapter: target.name, results }));
    console.log(JSON.stringify({ adapters: shown }, undefined, 2));
    return;
  }
  for (const outcome of outcomes) {
    const survivors = listing(outcome, 'survived');
    const notRun = listing(outcome, 'not run');
    if (survivors.length > 0) console.log(`\n${outcome.target.name}, survived:\n\n${survivors.join('\n\n')}`);
    if (notRun.length > 0)
      console.log(`\n${outcome.target.name}, not run by any case:\n\n${notRun.join('\n\n')}`);
  }
  console.log(`\n${scoreTable(outcomes)}`);
}

async function main() {
  const options = readOptions();
  if (options.help) return void console.log(HELP);
  if (options.list) {
    for (const target of options.targets) {
      for (const { id } of chosen(sourcesOf(root, target), options).slice(0, options.sample)) console.log(id);
    }
    return;
  }
  await prepare();
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.on(signal, () => {
      killAll();
      process.exit(130);
    });
  }
  const record = new RunRecord(options.output);
  const outcomes = [];
  for (const target of options.targets) {
    outcomes.push(await runTarget(target, options, record, (text) => void console.error(text)));
  }
  print(outcomes, options);
}

try {
  await main();
} catch (error) {
  console.error(error.message);
  if (error instanceof UsageError) console.error('npm run adapter-mutants -- --help lists the options.');
  process.exitCode = error instanceof UsageError || error.code?.startsWith('ERR_PARSE_ARGS') ? 2 : 1;
}
