import type { CaseResult, Report } from '../suite/case.js';
import { PAGE_OF } from '../suite/run.js';
import type { MutantResult } from '../mutants/mutant.js';
import type { AdapterOutcome } from './adapters.js';
import type { JobTime, Outcome } from './jobs.js';

/** `passed/asked`, and what was not asked or is known not to hold. */
function cell(cases: readonly CaseResult[]): string {
  const count = (status: CaseResult['status']): number =>
    cases.filter((each) => each.status === status).length;
  const notApplicable = count('not-applicable');
  const gaps = count('known-gap');
  const asked = cases.length - notApplicable;
  return [
    asked === 0 ? '-' : `${count('passed')}/${asked}`,
    ...(gaps > 0 ? [`${gaps} known`] : []),
    ...(notApplicable > 0 ? [`${notApplicable} n/a`] : []),
  ].join(', ');
}

function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)));
  return rows.map((row) =>
    row
      .map((text, i) => text.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** What stands in place of figures for an adapter that was not asked. */
function wordFor(outcome: AdapterOutcome): string {
  return 'notInstalled' in outcome ? 'not installed' : 'FAILED';
}

function cellsOf(outcome: AdapterOutcome, groups: readonly string[]): string[] {
  if (!('report' in outcome)) return [...groups.map(() => '-'), wordFor(outcome)];
  const { cases } = outcome.report;
  return [...groups.map((group) => cell(cases.filter((each) => each.group === group))), cell(cases)];
}

/** One row a clause group, one column an adapter; for pairs, which are many, the other way round. */
function contractTable(outcomes: readonly AdapterOutcome[], contract: Report['contract']): string[] {
  const all = outcomes.flatMap((each) => ('report' in each ? each.report.cases : []));
  const groups = [...new Set(all.map(({ group }) => group))];
  const lines = [
    ['clauses', ...groups, 'all'],
    ...outcomes.map((each) => [each.name, ...cellsOf(each, groups)]),
  ];
  if (contract === 'assembly') return columns(lines);
  return columns((lines[0] ?? []).map((_, i) => lines.map((line) => line[i] ?? '')));
}

function remarks(outcomes: readonly AdapterOutcome[]): string[] {
  const lines: string[] = [];
  for (const outcome of outcomes) {
    const { name } = outcome;
    if ('notInstalled' in outcome) lines.push(`${name}: not installed: ${outcome.notInstalled}`);
    if ('broken' in outcome) lines.push(`${name}: FAILED to load: ${outcome.broken}`);
    if (!('report' in outcome)) continue;
    for (const { id, title, status, error, reason, notes = [] } of outcome.report.cases) {
      if (notes.length > 0) lines.push(`${name}: ${id}: ${notes.join('; ')}`);
      if (status === 'failed') lines.push(`${name}: ${id} FAILED (${title}): ${error}`);
      if (status === 'known-gap') lines.push(`${name}: ${id} is a known gap: ${reason}`);
      if (status === 'not-applicable') lines.push(`${name}: ${id} not applicable: ${reason}`);
    }
  }
  return lines;
}

/** Where the clauses are that something failed in. */
function pagesOfFailed(outcomes: readonly AdapterOutcome[]): string[] {
  const reports = outcomes.flatMap((each) => ('report' in each ? [each.report] : []));
  const failed = reports.filter(({ cases }) => cases.some(({ status }) => status === 'failed'));
  return [...new Set(failed.map(({ contract }) => PAGE_OF[contract]))].map(
    (page) => `what a clause promises: ${page}`,
  );
}

function mutantLines(mutants: readonly MutantResult[]): string[] {
  const caught = mutants.filter((each) => each.caught).length;
  const missed = mutants
    .filter((each) => !each.caught)
    .map(({ name, caughtBy, failed }) => {
      const what = failed.length === 0 ? 'none' : failed.join(', ');
      return `NOT CAUGHT as declared: ${name}; expected ${caughtBy.join(', ')}, failed: ${what}`;
    });
  return [...missed, `mutants caught: ${caught} of ${mutants.length}`];
}

/** Whether it belongs into the table of that contract; where no case was chosen, it does not. */
function isOf(outcome: AdapterOutcome, contract: Report['contract']): boolean {
  if (!('report' in outcome)) return outcome.contract === contract;
  return outcome.report.contract === contract && outcome.report.cases.length > 0;
}

/** What took how long, the longest first. */
function timeTable(times: readonly JobTime[]): string[] {
  const inSeconds = (ms: number | undefined): string => (ms === undefined ? '-' : (ms / 1000).toFixed(1));
  const longest = [...times].sort((a, b) => b.elapsedMs - a.elapsedMs);
  return columns([
    ['time', 'seconds', 'of CPU'],
    ...longest.map(({ job, elapsedMs, cpuMs }) => [job, inSeconds(elapsedMs), inSeconds(cpuMs)]),
  ]);
}

/** The whole outcome as text. */
export function renderTables({ adapters: outcomes, mutants, times }: Outcome): string {
  const blocks: string[][] = [];
  for (const contract of ['logdb', 'rpc', 'assembly'] as const) {
    const asked = outcomes.filter((each) => isOf(each, contract));
    if (asked.some((each) => 'report' in each)) blocks.push(contractTable(asked, contract));
  }
  blocks.push([...remarks(outcomes), ...pagesOfFailed(outcomes)]);
  if (mutants.length > 0) blocks.push(mutantLines(mutants));
  if (times.length > 1) blocks.push(timeTable(times));
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}
