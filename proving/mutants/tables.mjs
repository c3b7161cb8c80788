import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { root } from '../../scripts/lib/run.mjs';
import { EVIDENCE } from './evidence.mjs';
import { MUTANTS } from './list.mjs';

const PAGE = join(root, 'docs/internals/mutants.md');
const PLACES = {
  mutants: /(<!-- mutants: begin -->\n)[^]*?(<!-- mutants: end -->)/,
  simulator: /(<!-- simulator: begin -->\n)[^]*?(<!-- simulator: end -->)/,
  invariants: /(<!-- invariants: begin -->\n)[^]*?(<!-- invariants: end -->)/,
};
const ROW = /^\| (?!---)([^|]+?) +\|(.*)\|$/gm;

const cell = (content) => content.replaceAll('|', '\\|').replaceAll('<', '&lt;');
const row = (...cells) => `| ${cells.join(' | ')} |`;

/** What a table of mutants says now: by mutant, its other cells as they are written. */
function readRows(text, place) {
  const [table] = PLACES[place].exec(text) ?? [];
  if (table === undefined)
    throw new Error(`docs/internals/mutants.md has no place for the table of ${place}`);
  return new Map(
    [...table.matchAll(ROW)].map(([, id, rest]) => [
      id,
      rest.split(/(?<!\\)\|/).map((content) => content.trim()),
    ]),
  );
}

/** What the simulator saw of a mutant, in a few words. */
export function describeSeen({ violations, lived }) {
  if (violations.length === 0) return `nothing in ${lived} lives`;
  const { invariant, seed } = violations[0];
  const others = [...new Set(violations.map((violation) => violation.invariant))].slice(1);
  return `${invariant} (seed ${seed})${others.length === 0 ? '' : `; ${others.join(', ')}`}`;
}

const describeSeed = ({ violations, lived }) =>
  violations.length === 0 ? `nothing in ${lived} lives` : `seed ${violations[0].seed}`;

/** Along with the reason, when there was nothing to be seen. */
function withReason(seen, { unseen }) {
  const [bare] = seen.split(': ');
  return seen.startsWith('nothing in ') && unseen !== undefined ? `${bare}: ${cell(unseen)}` : seen;
}

/**
 * Puts results into the tables that docs/internals/mutants.md keeps for them. Rows of mutants that were not shown to anything
 * this time stay as they are; those of mutants that are no more go.
 *
 * @param results by mutant: `isTested` and `caughtBy` of the tests, or `seen` of the simulator, of the invariant `only` if
 *   that was asked alone
 */
export async function writeTables(results) {
  const text = readFileSync(PAGE, 'utf8');
  const tests = readRows(text, 'mutants');
  const simulator = readRows(text, 'simulator');
  const evidence = readRows(text, 'invariants');
  for (const { id, caughtBy, isTested, seen, only } of results) {
    if (isTested) tests.set(`\`${id}\``, ['', cell(caughtBy ?? 'nothing')]);
    else if (only === undefined) simulator.set(`\`${id}\``, [cell(describeSeen(seen))]);
    else evidence.set(only, [`\`${id}\``, describeSeed(seen)]);
  }
  const names = MUTANTS.map(({ id, what }) => ({ key: `\`${id}\``, what }));
  let written = text;
  const put = (place, head, keys, cellsOf) => {
    const rows = keys.flatMap((key) => {
      const cells = cellsOf(key);
      return cells === undefined ? [] : [row(key, ...cells)];
    });
    const table = ['', row(...head), row(...head.map(() => '---')), ...rows, '', ''].join('\n');
    written = written.replace(PLACES[place], (_all, begin, end) => begin + table + end);
  };
  const keys = names.map(({ key }) => key);
  const whatOf = new Map(names.map(({ key, what }) => [key, cell(what)]));
  put('mutants', ['Mutant', 'What is wrong', 'Caught by'], keys, (key) =>
    tests.has(key) ? [whatOf.get(key), tests.get(key)[1]] : undefined,
  );
  const mutants = new Map(MUTANTS.map((mutant) => [`\`${mutant.id}\``, mutant]));
  put('simulator', ['Mutant', 'Seen by the simulator'], keys, (key) =>
    simulator.get(key)?.map((seen) => withReason(seen, mutants.get(key))),
  );
  const invariants = Object.keys(EVIDENCE);
  put('invariants', ['Invariant', 'Mutant', 'Seen in'], invariants, (key) => evidence.get(key));
  writeFileSync(PAGE, await format(written, { ...(await resolveConfig(PAGE)), filepath: PAGE }));
}
