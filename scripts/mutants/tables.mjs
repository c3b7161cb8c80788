import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { root } from '../lib/run.mjs';
import { MUTANTS } from './list.mjs';

const PAGE = join(root, 'docs/testing.md');
const PLACES = {
  mutants: /(<!-- mutants: begin -->\n)[^]*?(<!-- mutants: end -->)/,
  invariants: /(<!-- invariants: begin -->\n)[^]*?(<!-- invariants: end -->)/,
};
const ROW = /^\| `([a-z0-9-]+)` +\|(.*)\|$/gm;

const cell = (content) => content.replaceAll('|', '\\|').replaceAll('<', '&lt;');
const row = (...cells) => `| ${cells.join(' | ')} |`;

/** What a table of mutants says now: by mutant, its other cells as they are written. */
function readRows(text, place) {
  const [table] = PLACES[place].exec(text) ?? [];
  if (table === undefined) throw new Error(`docs/testing.md has no place for the table of ${place}`);
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

/**
 * Puts results into the tables that docs/testing.md keeps for them. Rows of mutants that were not shown to anything
 * this time stay as they are; those of mutants that are no more go.
 *
 * @param results by mutant: `caughtBy` of the tests, `seen` of the simulator, each if it was asked
 */
export async function writeTables(results) {
  const text = readFileSync(PAGE, 'utf8');
  const tests = readRows(text, 'mutants');
  const simulator = readRows(text, 'invariants');
  for (const { id, caughtBy, isTested, seen } of results) {
    if (isTested) tests.set(id, ['', cell(caughtBy ?? 'nothing')]);
    if (seen !== undefined) simulator.set(id, [cell(describeSeen(seen))]);
  }
  const put = (whole, place, head, cellsOf) => {
    const rows = MUTANTS.flatMap((mutant) => {
      const cells = cellsOf(mutant);
      return cells === undefined ? [] : [row(`\`${mutant.id}\``, ...cells)];
    });
    const table = ['', row(...head), row(...head.map(() => '---')), ...rows, '', ''].join('\n');
    return whole.replace(PLACES[place], (_all, begin, end) => begin + table + end);
  };
  let written = put(text, 'mutants', ['Mutant', 'What is wrong', 'Caught by'], ({ id, what }) =>
    tests.has(id) ? [cell(what), tests.get(id)[1]] : undefined,
  );
  written = put(written, 'invariants', ['Mutant', 'Seen by the simulator'], ({ id }) => simulator.get(id));
  writeFileSync(PAGE, await format(written, { ...(await resolveConfig(PAGE)), filepath: PAGE }));
}
