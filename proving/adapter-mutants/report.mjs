import { showChange } from './generate.mjs';

export function countsOf(results) {
  const count = (verdict) => results.filter((each) => each.verdict === verdict).length;
  const [caught, survived] = [count('caught'), count('survived')];
  const asked = caught + survived;
  return {
    caught,
    survived,
    notRun: count('not run'),
    equivalent: count('equivalent'),
    percent: asked === 0 ? undefined : (100 * caught) / asked,
  };
}

const showPercent = (percent) => (percent === undefined ? '-' : `${percent.toFixed(1)} %`);

/** A row of Markdown for each adapter. */
export function scoreTable(outcomes) {
  const head = ['Adapter', 'Mutants', 'Caught', 'Survived', 'Not run', 'Equivalent', 'Score'];
  const rows = outcomes.map(({ target, results }) => {
    const { caught, survived, notRun, equivalent, percent } = countsOf(results);
    return [target.name, results.length, caught, survived, notRun, equivalent, showPercent(percent)].map(
      String,
    );
  });
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at].length)));
  const line = (cells) => `| ${cells.map((cell, at) => cell.padEnd(widths[at])).join(' | ')} |`;
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

/** Each mutant with this verdict: where it is, what it is, and the changed code. */
export function listing({ results, sources }, verdict) {
  const byID = new Map(sources.mutants.map((mutant) => [mutant.id, mutant]));
  return results
    .filter((each) => each.verdict === verdict)
    .map(({ id, cases }) => {
      const mutant = byID.get(id);
      const { file, line, operator, scope } = mutant;
      const asked = cases > 0 ? `, ${cases} cases` : '';
      return `${file}:${line} ${operator} in ${scope}${asked}\n${showChange(sources.texts[file], mutant)}\n  id: ${id}`;
    });
}

/** What is left, by what went before. */
export function showTimeLeft(elapsedMs, done, left) {
  if (done === 0) return '';
  const minutes = (elapsedMs / done / 60_000) * left;
  return minutes < 1 ? ', less than a minute left' : `, about ${Math.round(minutes)} min left`;
}
