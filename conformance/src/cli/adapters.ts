import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ModuleHarness, harnessFromModule } from '../adapters/module-harness.js';
import type { AssemblyHarness } from '../assembly/harness.js';
import { assemblyFromModules } from '../assembly/from-modules.js';
import { runAssembly } from '../assembly/suite.js';
import { isMissing } from '../adapters/load.js';
import { describeError } from '../suite/assert.js';
import { runLogDB } from '../logdb/suite.js';
import { memoryLogDBHarness } from '../reference/memory-logdb-harness.js';
import { memoryRPCHarness } from '../reference/memory-rpc-harness.js';
import { runRPC } from '../rpc/suite.js';
import { memoryAssemblyHarness } from '../reference/memory-assembly.js';
import type { Report, RunOptions } from '../suite/case.js';

/** An adapter that the command may run. Without a specifier it is one of the references. */
export interface NamedAdapter {
  name: string;
  kind?: ModuleHarness['kind'];
  specifier?: string;
  /** Options of the adapter, as a configuration would give them. */
  options?: Readonly<Record<string, unknown>>;
  /** Clauses that it can't keep, and why. */
  knownGaps?: Readonly<Record<string, string>>;
  /** Names of those that it is tried with in pairs, where that is not all. */
  pairsWith?: readonly string[];
  /** Asked for by the user, so that it is a failure when it is not there. */
  isWanted?: boolean;
  /** Asked only half of what others are asked when a share is drawn. */
  isExample?: boolean;
  /** Needs what can't be installed everywhere: reported when it is not there, and no failure. */
  isOptional?: boolean;
}

/** The QUIC transport by one of its engines. */
function quic(engine: string): NamedAdapter {
  const specifier = '@drakkar/transport-quic';
  return { name: `transport-quic:${engine}`, kind: 'transport', specifier, options: { engine } };
}

const NO_HELLO = 'hosts of Dragonboat say no hello, so nobody answers before a batch is sent';
const NO_PINGS = 'hosts of Dragonboat do not ping: a peer that is silent may be idle';
const WITHHELD = 'what could end the process of a host of Dragonboat, or says nothing to it, is not sent';

/** The TCP transport as hosts of Dragonboat speak it. */
function tcpForDragonboat(): NamedAdapter {
  return {
    name: 'transport-tcp:dragonboat',
    kind: 'transport',
    specifier: '@drakkar/transport-tcp',
    options: { peers: 'dragonboat' },
    // Groups would have to be told that their members may be hosts of Dragonboat.
    pairsWith: [],
    knownGaps: {
      'RPC-CONN-2': NO_HELLO,
      'RPC-CONN-9': NO_PINGS,
      'RPC-CONN-11': NO_HELLO,
      'RPC-DELIVER-1': WITHHELD,
      'RPC-ORDER-3': WITHHELD,
      'RPC-STOP-2': NO_HELLO,
      'RPC-TLS-2': NO_HELLO,
      'RPC-TLS-5': NO_HELLO,
    },
  };
}

/** Where @currentspace/http3 brings a binary; elsewhere there is nothing to run. */
function hasQuicBinary(): boolean {
  const { platform, arch } = process;
  return platform === 'linux'
    ? arch === 'x64' || arch === 'arm64'
    : platform === 'darwin' && arch === 'arm64';
}

/** An example of this repository; its path, as examples are no packages that one installs. */
function example(
  kind: ModuleHarness['kind'],
  folder: string,
  more: Pick<NamedAdapter, 'options' | 'pairsWith'> & { name?: string } = {},
): NamedAdapter {
  const specifier = fileURLToPath(new URL(`../../../examples/${folder}`, import.meta.url));
  const pairsWith = ['logdb-lmdb', 'transport-ws', 'logdb-sqlite', 'example-tcp'];
  return { name: folder, kind, specifier, pairsWith, isExample: true, ...more };
}

const ADAPTERS: readonly NamedAdapter[] = [
  { name: 'reference-logdb', kind: 'logdb' },
  { name: 'reference-rpc', kind: 'transport' },
  {
    name: 'reference-tcp',
    kind: 'transport',
    specifier: fileURLToPath(new URL('../reference/tcp-adapter.js', import.meta.url)),
    pairsWith: [],
  },
  { name: 'logdb-lmdb', kind: 'logdb', specifier: '@drakkar/logdb-lmdb' },
  { name: 'logdb-leveldb', kind: 'logdb', specifier: '@drakkar/logdb-leveldb' },
  { name: 'logdb-wal', kind: 'logdb', specifier: '@drakkar/logdb-wal', pairsWith: ['transport-ws'] },
  { name: 'transport-ws', kind: 'transport', specifier: '@drakkar/transport-ws' },
  { name: 'transport-tcp:drakkar', kind: 'transport', specifier: '@drakkar/transport-tcp' },
  tcpForDragonboat(),
  { name: 'transport-grpc', kind: 'transport', specifier: '@drakkar/transport-grpc' },
  { ...quic('quic'), isOptional: !hasQuicBinary() },
  quic('webtransport-h2'),
  // Over HTTP/3: its native package downloads a binary when it is installed, which not every machine may.
  { ...quic('webtransport'), isOptional: true },
];

const EXAMPLES: readonly NamedAdapter[] = [
  // Small, so that a case fills many segments.
  example('logdb', 'logdb-segments', { options: { segmentBytes: 16_384 }, pairsWith: ['transport-ws'] }),
  example('logdb', 'logdb-sqlite'),
  example('transport', 'transport-tcp', { name: 'example-tcp' }),
];

/** Where this package is installed by itself there are no examples. */
export const KNOWN_ADAPTERS: readonly NamedAdapter[] = [
  ...ADAPTERS,
  ...EXAMPLES.filter(({ specifier = '' }) => existsSync(join(specifier, 'src'))),
];

/** What came of one adapter, or of a pair: a report, or why there is none. */
export type AdapterOutcome = { name: string; contract?: Report['contract'] } & (
  { report: Report } | { notInstalled: string; isFailure: boolean } | { broken: string }
);

/** Changes to how an adapter would be run otherwise. */
export interface AdapterSettings {
  seed?: number | undefined;
  options: Readonly<Record<string, unknown>>;
}

export async function harnessOf(
  { name, kind, specifier, options, knownGaps }: NamedAdapter,
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
    ...(knownGaps === undefined ? {} : { knownGaps }),
    options: { ...options, ...settings.options },
  });
  if (kind !== undefined && made.kind !== kind) {
    throw new Error(`${specifier} is a ${made.kind}, not a ${kind}`);
  }
  return made;
}

/** What `run` makes of one or more adapters: nothing that is missing or broken gets away without being told. */
async function outcomeOf(
  of: { name: string; contract?: Report['contract'] },
  adapters: readonly NamedAdapter[],
  run: () => Promise<Report>,
): Promise<AdapterOutcome> {
  const isWanted = adapters.some((each) => each.isWanted === true);
  const isOptional = adapters.some((each) => each.isOptional === true);
  try {
    const report = await run();
    const { notInstalled } = report;
    if (notInstalled === undefined) return { ...of, report };
    return { ...of, notInstalled, isFailure: isWanted || !isOptional };
  } catch (error) {
    const reason = describeError(error);
    const isAbsent = adapters.some(({ specifier }) => specifier !== undefined && isMissing(specifier));
    return isAbsent ? { ...of, notInstalled: reason, isFailure: isWanted } : { ...of, broken: reason };
  }
}

/** The name of an adapter, and the contract that it is under, as far as that is known before it is loaded. */
export function adapterContract({ name, kind }: NamedAdapter): {
  name: string;
  contract?: Report['contract'];
} {
  if (kind === undefined) return { name };
  return { name, contract: kind === 'logdb' ? 'logdb' : 'rpc' };
}

export function runAdapter(
  adapter: NamedAdapter,
  settings: AdapterSettings,
  options: RunOptions,
): Promise<AdapterOutcome> {
  return outcomeOf(adapterContract(adapter), [adapter], async () => {
    const made = await harnessOf(adapter, settings);
    return made.kind === 'logdb' ? runLogDB(made.harness, options) : runRPC(made.harness, options);
  });
}

/** A LogDB and a transport to be used together. */
export interface NamedPair {
  logdb: NamedAdapter;
  transport: NamedAdapter;
}

export function nameOfPair({ logdb, transport }: NamedPair): string {
  return `${logdb.name} with ${transport.name}`;
}

async function assemblyOf(pair: NamedPair): Promise<AssemblyHarness> {
  const name = nameOfPair(pair);
  const [logdb, transport] = [pair.logdb, pair.transport].map(({ specifier, options = {} }) =>
    specifier === undefined ? undefined : { module: specifier, options },
  );
  if (logdb !== undefined && transport !== undefined) return assemblyFromModules(logdb, transport, { name });
  if (logdb !== undefined || transport !== undefined) throw new Error('a reference goes with the other one');
  return { ...memoryAssemblyHarness(), name };
}

export function runPair(pair: NamedPair, options: RunOptions): Promise<AdapterOutcome> {
  const adapters = [pair.logdb, pair.transport];
  const of = { name: nameOfPair(pair), contract: 'assembly' } as const;
  return outcomeOf(of, adapters, async () => runAssembly(await assemblyOf(pair), options));
}

/** Every LogDB with every transport; the references with each other, examples with those that they name. */
export function everyPair(): NamedPair[] {
  const ofKind = (kind: NamedAdapter['kind']): NamedAdapter[] =>
    KNOWN_ADAPTERS.filter((each) => each.kind === kind);
  return ofKind('logdb').flatMap((logdb) =>
    ofKind('transport')
      .filter(({ specifier }) => (specifier === undefined) === (logdb.specifier === undefined))
      .filter(({ name, pairsWith }) => {
        const isTaken = logdb.pairsWith?.includes(name) ?? true;
        return isTaken && (pairsWith?.includes(logdb.name) ?? true);
      })
      .map((transport) => ({ logdb, transport })),
  );
}

export function isFailure(outcome: AdapterOutcome): boolean {
  if ('report' in outcome) return !outcome.report.ok;
  return 'broken' in outcome || outcome.isFailure;
}
