import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { EXTENSION_NAMES, type ExtensionName } from '../extensions.js';

export const HELP = `Usage: npm run sim -- [options]

Runs whole clusters on a virtual clock, network and disk, each run and its faults decided by one number, its
seed, and checks at every step what must hold. Ends with 1 if anything did not hold, or if in 200 seeds or more some
kind of event never happened.

  --seeds N        number of seeds (default 100)
  --from N         the first of them (default 1)
  --minutes N      goes on with further seeds for so long
  --workers N      processes to use (default: one for each core, at most 8)
  --twice          makes each run twice and compares: they must be equal
  --no-shrink      a failure is reported as it is, without looking for a smaller one
  --patience N     seconds, in real time, after which a run counts as stuck (default 240)
  --extensions LIST  every run has these and no others, e.g. idle-group,narrow-links; - for none, all for all
  --only NAME      checks nothing but this invariant, e.g. 'election safety'
  --stop-at-first  ends with the first failure

  --seed N         one seed, here
  --faults LIST    with --seed: only these of its faults, by number, e.g. 0,3,17; - for none
  --trace          with --seed: prints what happens
  --steps          with --seed: prints every step, too
  --help           print this
`;

export interface Options {
  seeds: number;
  from: number;
  minutes: number | undefined;
  workers: number;
  twice: boolean;
  shrinks: boolean;
  stopsAtFirst: boolean;
  patienceMs: number;
  only: string | undefined;
  extensions: readonly ExtensionName[] | undefined;
  seed: number | undefined;
  faults: readonly number[] | undefined;
  trace: boolean;
  steps: boolean;
  help: boolean;
}

/** A mistake in how the command was called; shown without a stack trace. */
export class UsageError extends Error {}

const MAX_WORKERS = 8;
const DEFAULT_PATIENCE_SECONDS = 240;

function integer(name: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
    throw new UsageError(`--${name} takes a whole number, not "${text}"`);
  }
  return value;
}

function faultList(text: string | undefined): number[] | undefined {
  if (text === undefined) return undefined;
  if (text === '-') return [];
  if (!/^\d+(,\d+)*$/.test(text)) throw new UsageError(`--faults takes numbers like 0,3,17, not "${text}"`);
  return text.split(',').map(Number);
}

function extensionList(text: string | undefined): ExtensionName[] | undefined {
  if (text === undefined) return undefined;
  if (text === '-') return [];
  if (text === 'all') return [...EXTENSION_NAMES];
  return text.split(',').map((word) => {
    const name = EXTENSION_NAMES.find((known) => known === word);
    if (name !== undefined) return name;
    throw new UsageError(`--extensions takes some of ${EXTENSION_NAMES.join(', ')}, not "${word}"`);
  });
}

/** Throws UsageError, or what parseArgs throws for an option that does not exist. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seeds: { type: 'string' },
      from: { type: 'string' },
      minutes: { type: 'string' },
      workers: { type: 'string' },
      twice: { type: 'boolean', default: false },
      'no-shrink': { type: 'boolean', default: false },
      patience: { type: 'string' },
      only: { type: 'string' },
      extensions: { type: 'string' },
      'stop-at-first': { type: 'boolean', default: false },
      seed: { type: 'string' },
      faults: { type: 'string' },
      trace: { type: 'boolean', default: false },
      steps: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.seed === undefined && (values.faults !== undefined || values.trace || values.steps)) {
    throw new UsageError('--faults, --trace and --steps go with --seed');
  }
  return {
    seeds: integer('seeds', values.seeds, 100),
    from: integer('from', values.from, 1),
    minutes: values.minutes === undefined ? undefined : integer('minutes', values.minutes, 0),
    workers: Math.max(1, integer('workers', values.workers, Math.min(MAX_WORKERS, availableParallelism()))),
    twice: values.twice,
    shrinks: !values['no-shrink'],
    stopsAtFirst: values['stop-at-first'],
    only: values.only,
    extensions: extensionList(values.extensions),
    patienceMs: 1_000 * integer('patience', values.patience, DEFAULT_PATIENCE_SECONDS),
    seed: values.seed === undefined ? undefined : integer('seed', values.seed, 0),
    faults: faultList(values.faults),
    trace: values.trace || values.steps,
    steps: values.steps,
    help: values.help,
  };
}
