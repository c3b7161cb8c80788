import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { isMissing, isPath } from '../adapters/load.js';
import type { ModuleHarness } from '../adapters/module-harness.js';
import { ASSEMBLY_CASES } from '../assembly/suite.js';
import { LOGDB_CASES } from '../logdb/suite.js';
import { MUTANTS_OF, type MutantKind } from '../mutants/all.js';
import { RPC_CASES } from '../rpc/suite.js';
import { MAX_SLOWNESS } from '../suite/wait.js';
import { KNOWN_ADAPTERS, type NamedAdapter } from './adapters.js';
import { type Job, everyJob } from './jobs.js';
import type { Share } from './share.js';

const MS_PER_DAY = 86_400_000;

export const HELP = `Usage: drakkar-conformance [options]                     everything of this repository
       drakkar-conformance logdb MODULE [options]        a LogDB of your own
       drakkar-conformance rpc MODULE [options]          a transport of your own
       drakkar-conformance assembly LOGDB TRANSPORT      hosts that use both

Tests every clause of the LogDB and transport contracts with the adapters, runs clusters of hosts on every pair of them,
and checks that the suites catch deliberately wrong ones. MODULE is a package name, a short name, or the path of a file
or folder. Exits with 1 if anything failed.

  --adapter NAME   only this adapter (may be repeated):
                   ${KNOWN_ADAPTERS.map(({ name }) => name).join(', ')}
  --module SPEC    an adapter of your own of either kind (may be repeated)
  --options JSON   options of the adapter, as a configuration would give them: '{"engine":"quic"}'
  --engine NAME    short for --options '{"engine":"NAME"}'
  --case ID        only this case, e.g. LDB-SAVE-3 (may be repeated)
  --seed N         seed of the cases that use random numbers; a failure names the seed that repeats it
  --share PERCENT  a part of all cases, pairs and mutants, drawn by the seed (by default, by the day)
  --patience N     allow N times as long for everything that adapters and pairs are waited for, from 1 (the default, more
                   on a machine with a load) to 10
  --thorough       for an hour, the cases that draw from a seed, each time with another one (only adapters)
  --minutes N      so long instead (1 to 1440)
  --mutants        only the deliberately wrong adapters
  --mutants-of K   only those of one kind: ${Object.keys(MUTANTS_OF).join(', ')} (may be repeated)
  --no-mutants     leave them out (left out, too, where adapters or cases are chosen)
  --json           print the whole report as JSON
  --output FILE    write it to a file, and print the table
  --help           print this
`;

export interface Options {
  jobs: readonly Job[];
  cases: readonly string[] | undefined;
  seed: number | undefined;
  /** How long to ask with ever new seeds; undefined: everything is asked once. */
  thoroughMinutes: number | undefined;
  /** Of all that there is; the cases that are named are asked whole. */
  share: Share | undefined;
  /** Limits of time are so many times as long. */
  patience: number;
  adapterOptions: Readonly<Record<string, unknown>>;
  json: boolean;
  output: string | undefined;
  help: boolean;
}

/** A mistake in how the command was called; shown without a stack trace. */
export class UsageError extends Error {}

type Kind = ModuleHarness['kind'];

/** The adapters of that name; of one that has engines, all of them, or the one that is asked for. */
function known(name: string, engine: unknown): NamedAdapter[] {
  const all = KNOWN_ADAPTERS.filter((each) => each.name === name || each.name.startsWith(`${name}:`));
  const chosen = all.filter(({ options }) => options?.['engine'] === engine);
  const found = engine !== undefined && chosen.length > 0 ? chosen : all;
  if (found.length === 0) {
    throw new UsageError(
      `no adapter "${name}"; there are ${KNOWN_ADAPTERS.map((each) => each.name).join(', ')}`,
    );
  }
  return found.map((each) => ({ ...each, isWanted: true }));
}

/** `dist/mine.js`: a path, unless there is a package of that name. */
function isFileWithoutDot(specifier: string): boolean {
  return !isPath(specifier) && isMissing(specifier) && existsSync(specifier);
}

/** An adapter by package name or path; short names are those of a configuration. */
function given(kind: Kind | undefined, specifier: string): NamedAdapter {
  const named = KNOWN_ADAPTERS.find(
    (each) => each.kind === kind && (each.name === specifier || each.name === `${kind}-${specifier}`),
  );
  if (named !== undefined) return { ...named, isWanted: true };
  const other = KNOWN_ADAPTERS.find((each) => kind !== undefined && each.name === specifier);
  if (other !== undefined) throw new UsageError(`${specifier} is a ${other.kind}, not a ${kind}`);
  const wanted = isFileWithoutDot(specifier) ? `./${specifier}` : specifier;
  return { name: specifier, specifier: wanted, isWanted: true, ...(kind === undefined ? {} : { kind }) };
}

const COMMANDS: Readonly<Record<string, Kind>> = { logdb: 'logdb', rpc: 'transport', transport: 'transport' };

function positional(args: readonly string[]): Job[] {
  const [command, ...specifiers] = args;
  if (command === undefined) return [];
  if (command === 'assembly') return [pairOf(specifiers)];
  const kind = COMMANDS[command];
  if (kind === undefined) throw new UsageError(`no command "${command}": it is logdb, rpc or assembly`);
  if (specifiers.length === 0) throw new UsageError(`${command} needs a package name or a path`);
  return specifiers.map((specifier) => ({ kind: 'adapter', adapter: given(kind, specifier) }));
}

function pairOf([logdb, transport, ...others]: readonly string[]): Job {
  if (logdb === undefined || transport === undefined || others.length > 0) {
    throw new UsageError('assembly needs a LogDB and a transport');
  }
  return {
    kind: 'assembly',
    pair: { logdb: given('logdb', logdb), transport: given('transport', transport) },
  };
}

function checkCases(ids: readonly string[]): void {
  const cases = new Set([...LOGDB_CASES, ...RPC_CASES, ...ASSEMBLY_CASES].map(({ id }) => id));
  const unknown = ids.filter((id) => !cases.has(id));
  if (unknown.length > 0) throw new UsageError(`no case ${unknown.join(', ')}`);
}

function parseSeed(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--seed takes a number, not "${text}"`);
  return Number(text);
}

const MAX_MINUTES = 1440;

function parseMinutes(isThorough: boolean, text: string | undefined): number | undefined {
  if (!isThorough && text !== undefined) throw new UsageError('--minutes goes with --thorough');
  const minutes = Number(text ?? 60);
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > MAX_MINUTES) {
    throw new UsageError(`--minutes takes a whole number from 1 to ${MAX_MINUTES}, not "${text}"`);
  }
  return isThorough ? minutes : undefined;
}

function thoroughJobs(jobs: readonly Job[], isShared: boolean): Job[] {
  if (isShared) throw new UsageError('--thorough takes no --share: it asks until the time is over');
  const adapters = jobs.filter(({ kind }) => kind === 'adapter');
  if (adapters.length === 0)
    throw new UsageError('--thorough takes adapters: no cases of others draw from a seed');
  return adapters;
}

/** Without a seed, that of the day. */
function parseShare(text: string | undefined, seed: number | undefined): Share | undefined {
  if (text === undefined) return undefined;
  const percent = Number(text);
  if (!(percent > 0 && percent <= 100)) throw new UsageError(`--share takes a percentage, not "${text}"`);
  return { percent, seed: seed ?? Math.floor(Date.now() / MS_PER_DAY) };
}

function parsePatience(text: string): number {
  const factor = Number(text);
  if (!(factor >= 1 && factor <= MAX_SLOWNESS)) {
    throw new UsageError(`--patience takes a number from 1 to ${MAX_SLOWNESS}, not "${text}"`);
  }
  return factor;
}

function parseAdapterOptions(text: string | undefined, engine: string | undefined): Record<string, unknown> {
  const fromEngine = engine === undefined ? {} : { engine };
  if (text === undefined) return fromEngine;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(`--options takes a JSON object, not ${text}`);
  }
  return { ...value, ...fromEngine };
}

const OPTIONS = {
  adapter: { type: 'string', multiple: true, default: [] as string[] },
  module: { type: 'string', multiple: true, default: [] as string[] },
  options: { type: 'string' },
  engine: { type: 'string' },
  case: { type: 'string', multiple: true },
  seed: { type: 'string' },
  share: { type: 'string' },
  patience: { type: 'string', default: '1' },
  thorough: { type: 'boolean', default: false },
  minutes: { type: 'string' },
  mutants: { type: 'boolean', default: false },
  'mutants-of': { type: 'string', multiple: true, default: [] as string[] },
  'no-mutants': { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  output: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const;

/** Throws UsageError, or what parseArgs throws for an option that does not exist. */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  checkCases(values.case ?? []);
  const adapterOptions = parseAdapterOptions(values.options, values.engine);
  const named = [
    ...values.adapter.flatMap((name) => known(name, adapterOptions['engine'])),
    ...values.module.map((specifier) => given(undefined, specifier)),
  ];
  const chosen = [
    ...positional(positionals),
    ...named.map((adapter) => ({ kind: 'adapter', adapter }) as const),
  ];
  const seed = parseSeed(values.seed);
  const share = parseShare(values.share, seed);
  const hasOptions = Object.keys(adapterOptions).length > 0;
  if (hasOptions && chosen.length === 0) throw new UsageError('--options and --engine need an adapter');
  const jobs = jobsFor(chosen, { ...values, drawn: share });
  return {
    jobs: values.thorough ? thoroughJobs(jobs, share !== undefined) : jobs,
    thoroughMinutes: parseMinutes(values.thorough, values.minutes),
    share,
    cases: values.case,
    seed: share?.seed ?? seed,
    patience: parsePatience(values.patience),
    adapterOptions,
    json: values.json,
    output: values.output,
    help: values.help,
  };
}

function mutantsOf(name: string): Job {
  if (!Object.hasOwn(MUTANTS_OF, name)) throw new UsageError(`no kind of mutants "${name}"`);
  return { kind: 'mutants', of: name as MutantKind };
}

function jobsFor(
  chosen: readonly Job[],
  values: {
    mutants: boolean;
    'mutants-of': string[];
    'no-mutants': boolean;
    case?: string[] | undefined;
    engine?: string | undefined;
    drawn?: Share | undefined;
  },
): Job[] {
  if (values.mutants) return [{ kind: 'mutants' }];
  if (values['mutants-of'].length > 0) return values['mutants-of'].map(mutantsOf);
  if (chosen.length === 0) return everyJob(!values['no-mutants'] && values.case === undefined, values.drawn);
  return [...chosen];
}
