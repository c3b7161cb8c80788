import type { CaseResult, Report } from '../suite/case.js';
import type { MutantResult } from '../mutants/mutant.js';
import type { AdapterOutcome } from './adapters.js';

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

/** One row a clause group, one column an adapter. */
function contractTable(outcomes: readonly AdapterOutcome[], reports: readonly Report[]): string[] {
  const groups = [...new Set(reports.flatMap(({ cases }) => cases.map(({ group }) => group)))];
  const rows = groups.map((group) => [
    group,
    ...reports.map(({ cases }) => cell(cases.filter((each) => each.group === group))),
  ]);
  const names = reports.map(
    (report) => outcomes.find((each) => 'report' in each && each.report === report)?.name ?? '',
  );
  return columns([['clauses', ...names], ...rows, ['all', ...reports.map(({ cases }) => cell(cases))]]);
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

/** The whole outcome as text. */
export function renderTables(outcomes: readonly AdapterOutcome[], mutants: readonly MutantResult[]): string {
  const blocks: string[][] = [];
  for (const contract of ['logdb', 'rpc', 'assembly'] as const) {
    const reports = outcomes.flatMap((each) =>
      'report' in each && each.report.contract === contract && each.report.cases.length > 0
        ? [each.report]
        : [],
    );
    if (reports.length > 0) blocks.push(contractTable(outcomes, reports));
  }
  blocks.push(remarks(outcomes));
  if (mutants.length > 0) blocks.push(mutantLines(mutants));
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}
