import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { transpile } from './compile.mjs';
import { shuffled } from './draw.mjs';
import { mutantsOf } from './generate.mjs';
import { instrument } from './reach.mjs';
import { runSuite } from './suite.mjs';
import { compiledOf, filesOf } from './targets.mjs';

/** The sources of a target, its mutants, and the compiled files that tell which mutants a case comes by. */
export function sourcesOf(root, target) {
  const texts = {};
  const telling = {};
  const mutants = [];
  let next = 1;
  for (const file of filesOf(root, target)) {
    const text = readFileSync(join(root, file), 'utf8');
    const found = mutantsOf(file, text);
    const instrumented = instrument(text, found, next);
    texts[file] = text;
    telling[compiledOf(file)] = transpile(file, instrumented.text);
    found.forEach((mutant, at) => mutants.push({ ...mutant, place: instrumented.places[at] }));
    ({ next } = instrumented);
  }
  return { texts, telling, mutants };
}

/** Changes with the target, or with what the suite asks: results from before say nothing then. */
export function fingerprint(root, { texts }) {
  const hash = createHash('sha256').update(JSON.stringify(texts));
  const suite = join(root, 'conformance/src');
  const files = readdirSync(suite, { recursive: true }).filter((file) => file.endsWith('.ts'));
  for (const file of files.sort()) hash.update(readFileSync(join(suite, file)));
  return hash.digest('hex').slice(0, 16);
}

async function caseIDs(root, { adapter }) {
  const load = (path) => import(pathToFileURL(join(root, 'conformance/dist', path)).href);
  const { KNOWN_ADAPTERS } = await load('cli/adapters.js');
  const known = KNOWN_ADAPTERS.find(({ name }) => name === adapter);
  if (known === undefined) throw new Error(`the suite knows no adapter "${adapter}"`);
  const isLogDB = known.kind === 'logdb';
  const { LOGDB_CASES, RPC_CASES } = await load(isLogDB ? 'logdb/suite.js' : 'rpc/suite.js');
  return (isLogDB ? LOGDB_CASES : RPC_CASES).map(({ id }) => id);
}

/**
 * The suite without a mutant: how long each case takes, and what it comes by. A case that fails twice says nothing, and
 * is not asked.
 *
 * @returns `{ always, cases: { id: { durationMs, reached } } }`; always: what loading comes by
 */
export async function baseline(root, target, sources, { seed, share }, say) {
  const all = await caseIDs(root, target);
  const asked = shuffled(all, seed).slice(0, Math.ceil((all.length * share) / 100));
  const common = { adapter: target.adapter, seed, texts: sources.telling, isReachAsked: true };
  const onLine = ({ case: id, status }) => {
    if (id !== undefined) say(`without a mutant: ${id} ${status}`);
  };
  const first = await runSuite({ ...common, cases: all.filter((id) => asked.includes(id)), onLine });
  const started = first.lines.find((line) => line.started === true);
  if (started === undefined || started.unavailable !== undefined || first.lines.at(-1)?.finished !== true) {
    const why = started?.unavailable ?? (first.isLate ? `${first.during} does not end` : first.stderr);
    throw new Error(`without a mutant, too, the suite of ${target.adapter} does not run: ${why}`);
  }
  const results = first.lines.filter((line) => line.case !== undefined);
  const failed = results.filter(({ status }) => status === 'failed').map((line) => line.case);
  if (failed.length > 0) {
    const second = await runSuite({ ...common, cases: failed, onLine });
    results.push(...second.lines.filter((line) => line.case !== undefined));
  }
  const cases = {};
  for (const { case: id, status, durationMs, reached } of results) {
    if (status === 'passed') cases[id] = { durationMs, reached };
  }
  const leftOut = failed.filter((id) => cases[id] === undefined);
  if (leftOut.length > 0) say(`without a mutant, too, these fail and are left out: ${leftOut.join(', ')}`);
  return { always: started.reached, cases };
}

/** The cases that come by a mutant, the quickest first. */
export function casesFor({ place }, { always, cases }) {
  const isAlways = place === undefined || always.includes(place);
  return Object.entries(cases)
    .filter(([, { reached }]) => isAlways || reached.includes(place))
    .sort(([, a], [, b]) => a.durationMs - b.durationMs)
    .map(([id]) => id);
}
