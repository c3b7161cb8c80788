import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AdapterModule } from '@drakkar/raftio';
import { freeAddress, harnessFromModule } from '../adapters/module-harness.js';
import { loadAdapterModule } from '../adapters/load.js';
import { writeTestCertificates } from '../tls/certificates.js';
import type { AssemblyHarness, AssemblySite } from './harness.js';

type Options = Readonly<Record<string, unknown>>;

/** An adapter by package name or path, with options as a configuration would give them. */
export interface AdapterChoice {
  module: string;
  options?: Options;
}

export interface AssemblyOptions {
  /** Shown in reports; the modules' own names unless told. */
  name?: string;
  knownGaps?: Readonly<Record<string, string>>;
}

function ofKind<K extends AdapterModule['kind']>(
  module: AdapterModule,
  kind: K,
): Extract<AdapterModule, { kind: K }> {
  if (module.kind !== kind) throw new Error(`${module.name} is a ${module.kind}, not a ${kind}`);
  return module as Extract<AdapterModule, { kind: K }>;
}

/** The harness for any LogDB and transport: hosts get temporary folders and free ports on 127.0.0.1. */
export async function assemblyFromModules(
  logdbChoice: AdapterChoice,
  transportChoice: AdapterChoice,
  { name, knownGaps }: AssemblyOptions = {},
): Promise<AssemblyHarness> {
  const logdb = ofKind(await loadAdapterModule(logdbChoice.module), 'logdb');
  const transport = ofKind(await loadAdapterModule(transportChoice.module), 'transport');
  const withTLS = transport.capabilities.mutualTLS;
  const setup = async (): Promise<AssemblySite> => {
    const folder = await mkdtemp(join(tmpdir(), 'drakkar-assembly-'));
    return {
      logdb: { module: logdb, options: logdbChoice.options ?? {} },
      transport: { module: transport, options: transportChoice.options ?? {} },
      folder,
      newAddress: freeAddress,
      ...(withTLS ? { tls: await writeTestCertificates(folder) } : {}),
      teardown: () => rm(folder, { recursive: true, force: true }),
    };
  };
  const unavailable = await whyUnavailable([logdbChoice, transportChoice]);
  return {
    name: name ?? `${logdb.name} with ${transport.name}`,
    capabilities: { ...logdb.capabilities, ...transport.capabilities },
    setup,
    ...(knownGaps === undefined ? {} : { knownGaps }),
    ...(unavailable === undefined ? {} : { unavailable }),
  };
}

async function whyUnavailable(choices: readonly AdapterChoice[]): Promise<string | undefined> {
  for (const { module, options = {} } of choices) {
    const { harness } = await harnessFromModule(module, { options });
    if (harness.unavailable !== undefined) return harness.unavailable;
  }
  return undefined;
}
