import { isAbsolute } from 'node:path';
import { describeError } from '../suite/assert.js';
import { harnessFromModule } from '../adapters/module-harness.js';
import { runLogDB } from '../logdb/suite.js';
import { memoryLogDBHarness } from '../reference/memory-logdb-harness.js';
import { memoryRPCHarness } from '../reference/memory-rpc-harness.js';
import { runRPC } from '../rpc/suite.js';
import type { Report, RunOptions } from '../suite/case.js';

/** An adapter that the command knows by name. Without a specifier it is one of the references. */
export interface NamedAdapter {
  name: string;
  specifier?: string;
  /** Asked for by the user, so that it is a failure when it is not there. */
  isWanted?: boolean;
}

export const ADAPTERS: readonly NamedAdapter[] = [
  { name: 'reference-logdb' },
  { name: 'reference-rpc' },
  { name: 'logdb-lmdb', specifier: '@drakkar/logdb-lmdb' },
  { name: 'logdb-leveldb', specifier: '@drakkar/logdb-leveldb' },
  { name: 'transport-ws', specifier: '@drakkar/transport-ws' },
  { name: 'transport-grpc', specifier: '@drakkar/transport-grpc' },
];

/** What came of one adapter: a report, or why there is none. */
export type AdapterOutcome =
  | { name: string; report: Report }
  | { name: string; notInstalled: string; isWanted: boolean }
  | { name: string; broken: string };

/** Whether a package can't be found at all, as opposed to one that fails to load. */
function isMissing(specifier: string): boolean {
  if (specifier.startsWith('.') || isAbsolute(specifier)) return false;
  try {
    import.meta.resolve(specifier);
    return false;
  } catch {
    return true;
  }
}

export async function runAdapter(
  { name, specifier, isWanted = false }: NamedAdapter,
  seed: number | undefined,
  options: RunOptions,
): Promise<AdapterOutcome> {
  if (name === 'reference-logdb') return { name, report: await runLogDB(memoryLogDBHarness(), options) };
  if (specifier === undefined) return { name, report: await runRPC(memoryRPCHarness(), options) };
  try {
    const made = await harnessFromModule(specifier, { name, ...(seed === undefined ? {} : { seed }) });
    const report = made.kind === 'logdb' ? runLogDB(made.harness, options) : runRPC(made.harness, options);
    return { name, report: await report };
  } catch (error) {
    const reason = describeError(error);
    return isMissing(specifier) ? { name, notInstalled: reason, isWanted } : { name, broken: reason };
  }
}

export function isFailure(outcome: AdapterOutcome): boolean {
  if ('report' in outcome) return !outcome.report.ok;
  return 'broken' in outcome || outcome.isWanted;
}
