import { type ConfigProblem, ErrInvalidConfig } from '../errors/host.js';

export type Segment = string | number;

/** A problem, before it is known at which line of a file it stands. */
export interface Finding {
  /** The way to the value, from the root; of a missing key, including the key. */
  segments: readonly Segment[];
  message: string;
  suggestion?: string;
}

/** `['logdb', 'options', 'a', 0]` as `logdb.options.a[0]`. */
export function formatPath(segments: readonly Segment[]): string {
  let out = '';
  for (const segment of segments) {
    if (typeof segment === 'number') out += `[${segment}]`;
    else if (/^[\w$@/-]+$/.test(segment)) out += out === '' ? segment : `.${segment}`;
    else out += `[${JSON.stringify(segment)}]`;
  }
  return out;
}

const LONGEST_VALUE = 80;

/** A value as it is shown in a message. */
export function showValue(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`;
  if (typeof value === 'number' || value === undefined) return String(value);
  let shown: string;
  try {
    shown = JSON.stringify(value);
  } catch {
    shown = `a value of type ${typeof value}`;
  }
  return shown.length <= LONGEST_VALUE ? shown : `${shown.slice(0, LONGEST_VALUE)}…`;
}

/** One line: place, path, what is wrong, what was probably meant. */
function formatProblem(problem: ConfigProblem): string {
  const place = problem.line === undefined ? '' : `line ${problem.line}, column ${problem.column ?? 1}: `;
  const path = problem.path === '' ? '' : `${problem.path}: `;
  const hint = problem.suggestion === undefined ? '' : `; did you mean "${problem.suggestion}"?`;
  return `${place}${path}${problem.message}${hint}`;
}

/** The error that tells every problem. `subject`: what was checked, e.g. `configuration of the NodeHost in a.yaml`. */
export function invalidConfig(subject: string, problems: readonly ConfigProblem[]): ErrInvalidConfig {
  const count = problems.length === 1 ? '1 mistake' : `${problems.length} mistakes`;
  const lines = problems.map((problem) => `  - ${formatProblem(problem)}`);
  return new ErrInvalidConfig(`${count} in the ${subject}:\n${lines.join('\n')}`, problems);
}
