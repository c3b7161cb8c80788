import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ModuleHarness, harnessFromModule } from '../adapters/module-harness.js';
import { isMissing } from '../adapters/load.js';
import { describeError } from '../suite/assert.js';
import { runLogDB } from '../logdb/suite.js';
import { memoryLogDBHarness } from '../reference/memory-logdb-harness.js';
import { memoryRPCHarness } from '../reference/memory-rpc-harness.js';
import { runRPC } from '../rpc/suite.js';
import type { Report, RunOptions } from '../suite/case.js';

/** An adapter that the command may run. Without a specifier it is one of the references. */
export interface NamedAdapter {
  name: string;
  kind?: ModuleHarness['kind'];
  specifier?: string;
  /** Options of the adapter, as a configuration would give them. */
  options?: Readonly<Record<string, unknown>>;
  /** Asked for by the user, so that it is a failure when it is not there. */
  isWanted?: boolean;
  /** Needs what can't be installed everywhere: reported when it is not there, and no failure. */
  isOptional?: boolean;
}

/** An example of this repository; its path, as examples are no packages that one installs. */
function example(kind: ModuleHarness['kind'], name: string): NamedAdapter {
  const specifier = fileURLToPath(new URL(`../../../examples/${name}`, import.meta.url));
  return { name, kind, specifier };
}

/** The QUIC transport by one of its engines. */
function quic(engine: string): NamedAdapter {
  return {
    name: `transport-quic:${engine}`,
    kind: 'transport',
    specifier: '@drakkar/transport-quic',
    options: { engine },
  };
}

const ADAPTERS: readonly NamedAdapter[] = [
  { name: 'reference-logdb', kind: 'logdb' },
  { name: 'reference-rpc', kind: 'transport' },
  { name: 'logdb-lmdb', kind: 'logdb', specifier: '@drakkar/logdb-lmdb' },
  { name: 'transport-ws', kind: 'transport', specifier: '@drakkar/transport-ws' },
  { name: 'transport-grpc', kind: 'transport', specifier: '@drakkar/transport-grpc' },
  quic('quic'),
  quic('webtransport-h2'),
  // Over HTTP/3: its package has a binary that is downloaded when it is installed.
  { ...quic('webtransport'), isOptional: true },
];

const EXAMPLES: readonly NamedAdapter[] = [
  example('logdb', 'logdb-sqlite'),
  example('transport', 'transport-tcp'),
];

/** Where this package is installed by itself there are no examples. */
export const KNOWN_ADAPTERS: readonly NamedAdapter[] = [
  ...ADAPTERS,
  ...EXAMPLES.filter(({ specifier = '' }) => existsSync(join(specifier, 'src'))),
];

/** What came of one adapter, or of a pair: a report, or why there is none. */
export type AdapterOutcome =
  | { name: string; report: Report }
  | { name: string; notInstalled: string; isFailure: boolean }
  | { name: string; broken: string };

/** Changes to how an adapter would be run otherwise. */
export interface AdapterSettings {
  seed?: number | undefined;
  options: Readonly<Record<string, unknown>>;
}

async function harnessOf(
  { name, kind, specifier, options }: NamedAdapter,
  settings: AdapterSettings,
): Promise<ModuleHarness> {
  const common = { name, ...(settings.seed === undefined ? {} : { seed: settings.seed }) };
  if (specifier === undefined) {
    return kind === 'logdb'
      ? { kind, harness: { ...memoryLogDBHarness(), ...common } }
      : { kind: 'transport', harness: { ...memoryRPCHarness(), ...common } };
  }
  const made = await harnessFromModule(specifier, {
    ...common,
    options: { ...options, ...settings.options },
  });
  if (kind !== undefined && made.kind !== kind) {
    throw new Error(`${specifier} is a ${made.kind}, not a ${kind}`);
  }
  return made;
}

export async function runAdapter(
  adapter: NamedAdapter,
  settings: AdapterSettings,
  options: RunOptions,
): Promise<AdapterOutcome> {
  const { name, specifier, isWanted = false, isOptional = false } = adapter;
  try {
    const made = await harnessOf(adapter, settings);
    const running = made.kind === 'logdb' ? runLogDB(made.harness, options) : runRPC(made.harness, options);
    const report = await running;
    const { notInstalled } = report;
    if (notInstalled === undefined) return { name, report };
    return { name, notInstalled, isFailure: isWanted || !isOptional };
  } catch (error) {
    const reason = describeError(error);
    return specifier !== undefined && isMissing(specifier)
      ? { name, notInstalled: reason, isFailure: isWanted }
      : { name, broken: reason };
  }
}

export function isFailure(outcome: AdapterOutcome): boolean {
  if ('report' in outcome) return !outcome.report.ok;
  return 'broken' in outcome || outcome.isFailure;
}
