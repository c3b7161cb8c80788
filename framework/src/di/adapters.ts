import { type AnyAdapterModule, type DrakkarError, hasErrorCode, isDrakkarError } from '@drakkar/raftio';
import type { Finding } from '../config/findings.js';
import type { AdapterSection, CheckedNodeHostConfig } from '../config/load.js';
import { isPlainObject } from '../config/plain.js';
import { compileAdapterSchema } from '../config/schema-check.js';
import { type ConfigProblem, ErrInvalidModule } from '../errors/host.js';
import { type ModuleLoader, loadAdapter } from './load-adapter.js';
import { messageOf } from '../errors/inspect.js';

export type Adapters = Partial<Record<AdapterSection, AnyAdapterModule>>;

export interface LoadedAdapters {
  adapters: Adapters;
  problems: ConfigProblem[];
  /** The error behind each problem that is not one of options: a module that is missing, or that is no adapter. */
  moduleErrors: Error[];
}

function toModuleProblem(
  section: AdapterSection,
  error: DrakkarError,
  checked: CheckedNodeHostConfig,
): ConfigProblem {
  const segments = [section, 'module'];
  const { reason, suggestion } = error.details;
  if (typeof reason === 'string' && typeof suggestion === 'string') {
    return checked.source.toProblem({ segments, message: reason, suggestion });
  }
  const prefix = `${section}.module: `;
  const message = error.message.startsWith(prefix) ? error.message.slice(prefix.length) : error.message;
  return checked.source.toProblem({ segments, message });
}

function checkOptions(adapter: AnyAdapterModule, section: AdapterSection, options: unknown): Finding[] {
  let check;
  try {
    check = compileAdapterSchema(adapter.optionsSchema);
  } catch (error) {
    const reason = messageOf(error);
    throw new ErrInvalidModule(
      `${section}.module: the optionsSchema of '${adapter.name}' is no JSON Schema (draft 7): ${reason}`,
      { cause: error },
    );
  }
  return check(options, [section, 'options']);
}

function checkCapabilities(adapter: AnyAdapterModule, draft: Readonly<Record<string, unknown>>): Finding[] {
  if (adapter.kind !== 'transport' || draft['mutualTls'] !== true || adapter.capabilities.mutualTLS)
    return [];
  return [
    { segments: ['mutualTls'], message: `the transport '${adapter.name}' does not support mutual TLS` },
  ];
}

/**
 * Loads the adapter of each of `sections` and checks its options, filling their defaults into the draft. Whatever is
 * wrong is returned, not thrown, so that it can be told together with all else that is wrong.
 */
export async function loadAdapters(
  checked: CheckedNodeHostConfig,
  sections: readonly AdapterSection[],
  loader: ModuleLoader,
): Promise<LoadedAdapters> {
  const result: LoadedAdapters = { adapters: {}, problems: [], moduleErrors: [] };
  for (const section of sections) {
    const configured = checked.draft[section];
    // A section of the wrong shape has been told about.
    if (!isPlainObject(configured)) continue;
    const { module, options } = configured;
    if (module === '' || (typeof module !== 'string' && (typeof module !== 'object' || module === null)))
      continue;
    try {
      const adapter = await loadAdapter(
        section,
        module as string | AnyAdapterModule,
        checked.source.baseDir,
        loader,
      );
      const findings = isPlainObject(options) ? checkOptions(adapter, section, options) : [];
      findings.push(...checkCapabilities(adapter, checked.draft));
      result.problems.push(...findings.map((finding) => checked.source.toProblem(finding)));
      result.adapters[section] = adapter;
    } catch (error) {
      const told = hasErrorCode(error, 'ERR_MODULE_NOT_FOUND') || hasErrorCode(error, 'ERR_INVALID_MODULE');
      if (!told || !isDrakkarError(error)) throw error;
      result.problems.push(toModuleProblem(section, error, checked));
      result.moduleErrors.push(error);
    }
  }
  return result;
}
