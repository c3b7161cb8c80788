import { applyTo } from './generate.mjs';
import { transpile } from './compile.mjs';
import { compiledOf } from './targets.mjs';
import { runSuite } from './suite.mjs';

/** Why the suite noticed the mutant; undefined when it did not. */
function catchOf({ lines, isLate, during, stderr }) {
  if (isLate) return { by: during, why: 'does not end' };
  const failed = lines.find(({ status }) => status === 'failed');
  if (failed !== undefined) return { by: failed.case, why: failed.error };
  const started = lines.find((line) => line.started === true);
  if (started?.unavailable !== undefined) return { by: 'the start', why: started.unavailable };
  if (lines.at(-1)?.finished === true) return undefined;
  return { by: during, why: `the process ended: ${stderr.trim().split('\n').slice(0, 6).join(' ')}` };
}

/**
 * Asks the suite, with the mutant in place, the cases that come by it: the quickest first, as any that fails will do.
 *
 * @returns verdict `caught` (with `by` and `why`), `survived`, or `not run` when no case comes by it
 */
export async function judge({ target, text, mutant, cases, durations, seed }) {
  const { id, file, line, operator } = mutant;
  const about = { id, file, line, operator, cases: cases.length };
  if (cases.length === 0) return { ...about, verdict: 'not run' };
  const texts = { [compiledOf(file)]: transpile(file, applyTo(text, mutant)) };
  const ended = await runSuite({ adapter: target.adapter, seed, cases, texts, durations });
  const caught = catchOf(ended);
  return caught === undefined
    ? { ...about, verdict: 'survived' }
    : { ...about, verdict: 'caught', ...caught };
}
