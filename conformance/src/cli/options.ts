import { parseArgs } from 'node:util';
import { LOGDB_CASES } from '../logdb/suite.js';
import { RPC_CASES } from '../rpc/suite.js';
import { ADAPTERS, type NamedAdapter } from './adapters.js';

export const HELP = `Usage: npm run conformance -- [options]

Asks every clause of the LogDB and transport contracts of the adapters, and checks that the suites see deliberately
wrong ones. Ends with 1 if anything failed.

  --adapter NAME   only this adapter (may be repeated): ${ADAPTERS.map(({ name }) => name).join(', ')}
  --module SPEC    an adapter of your own, by package name or path (may be repeated)
  --case ID        only this case, e.g. LDB-SAVE-3 (may be repeated)
  --seed N         seed of the cases that use random numbers
  --no-mutants     leave out the deliberately wrong adapters (left out, too, with --adapter, --module or --case)
  --json           print the whole report as JSON
  --help           print this
`;

export interface Options {
  adapters: readonly NamedAdapter[];
  cases: readonly string[] | undefined;
  seed: number | undefined;
  withMutants: boolean;
  json: boolean;
  help: boolean;
}

/** A mistake in how the command was called; shown without a stack trace. */
export class UsageError extends Error {}

function namedAdapter(name: string): NamedAdapter {
  const found = ADAPTERS.find((each) => each.name === name);
  if (found === undefined) {
    throw new UsageError(`no adapter "${name}"; there are ${ADAPTERS.map((each) => each.name).join(', ')}`);
  }
  return { ...found, isWanted: true };
}

function checkCases(ids: readonly string[]): void {
  const known = new Set([...LOGDB_CASES, ...RPC_CASES].map(({ id }) => id));
  const unknown = ids.filter((id) => !known.has(id));
  if (unknown.length > 0) throw new UsageError(`no case ${unknown.join(', ')}`);
}

function parseSeed(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--seed takes a number, not "${text}"`);
  return Number(text);
}

/** Throws UsageError, or what parseArgs throws for an option that does not exist. */
export function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      adapter: { type: 'string', multiple: true, default: [] },
      module: { type: 'string', multiple: true, default: [] },
      case: { type: 'string', multiple: true },
      seed: { type: 'string' },
      'no-mutants': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  checkCases(values.case ?? []);
  const chosen = [
    ...values.adapter.map(namedAdapter),
    ...values.module.map((specifier) => ({ name: specifier, specifier, isWanted: true })),
  ];
  return {
    adapters: chosen.length > 0 ? chosen : ADAPTERS,
    cases: values.case,
    seed: parseSeed(values.seed),
    withMutants: !values['no-mutants'] && chosen.length === 0 && values.case === undefined,
    json: values.json,
    help: values.help,
  };
}
