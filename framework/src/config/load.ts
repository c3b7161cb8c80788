import { isAbsolute, join, resolve } from 'node:path';
import type { AnyAdapterModule } from '@drakkar/raftio';
import type { ConfigProblem } from '../errors/host.js';
import type { IFileSystem } from '../fs/file-system.js';
import { NodeFileSystem } from '../fs/node-file-system.js';
import { type Finding, invalidConfig, showValue } from './findings.js';
import type { NodeHostConfig, NodeHostConfigInput } from './node-host-config.js';
import { checkNodeHostRules } from './node-host-rules.js';
import { nodeHostSchema } from './node-host-schema.js';
import { clonePlain, deepFreeze, isPlainObject } from './plain.js';
import { ownSchemaCheck } from './schema-check.js';
import { type ConfigSource, objectSource, readSource } from './source.js';
import { messageOf } from '../errors/inspect.js';

export interface LoadOptions {
  /** Used for the configuration file and the certificates. */
  fileSystem?: IFileSystem;
  /** Folder that relative paths of a configuration given in code are resolved against; the current one by default. */
  baseDir?: string;
}

export interface LoadedNodeHostConfig {
  /** Checked, complete, paths absolute, frozen. */
  readonly config: NodeHostConfig;
  /** The file's absolute path, or `object`. */
  readonly source: string;
  /** Folder that relative paths, those of adapter modules too, are resolved against. */
  readonly baseDir: string;
  /** What is allowed but probably not meant. */
  readonly warnings: readonly ConfigProblem[];
}

/** A configuration with all that is to be said about it; `draft` is a `NodeHostConfig` when `problems` is empty. */
export interface CheckedNodeHostConfig {
  readonly draft: Record<string, unknown>;
  readonly source: ConfigSource;
  readonly problems: readonly ConfigProblem[];
  readonly warnings: readonly ConfigProblem[];
}

export const ADAPTER_SECTIONS = ['logdb', 'transport'] as const;
export type AdapterSection = (typeof ADAPTER_SECTIONS)[number];

const TLS_KEYS = ['caFile', 'certFile', 'keyFile', 'crlFile'] as const;
const PATH_KEYS = ['nodeHostDir', 'walDir', ...TLS_KEYS] as const;
const checkSchema = ownSchemaCheck(nodeHostSchema);

/**
 * Takes module objects out of a copy of the configuration, where the schema expects strings, and puts their names in;
 * the returned function puts the objects back.
 */
function setModulesAside(draft: Record<string, unknown>): () => void {
  const aside: [Record<string, unknown>, AnyAdapterModule][] = [];
  for (const section of ADAPTER_SECTIONS) {
    const adapter = draft[section];
    if (!isPlainObject(adapter)) continue;
    const module = adapter['module'];
    if (typeof module !== 'object' || module === null) continue;
    aside.push([adapter, module as AnyAdapterModule]);
    adapter['module'] = 'given in code';
  }
  return () => {
    for (const [adapter, module] of aside) adapter['module'] = module;
  };
}

function resolvePaths(draft: Record<string, unknown>, baseDir: string): void {
  for (const key of PATH_KEYS) {
    const path = draft[key];
    if (typeof path === 'string' && path !== '')
      draft[key] = isAbsolute(path) ? resolve(path) : join(baseDir, path);
  }
}

async function checkReadable(fs: IFileSystem, key: string, path: string): Promise<Finding | undefined> {
  const found = await fs.stat(path).catch(() => undefined);
  if (found === undefined)
    return { segments: [key], message: `must be a file, but there is none at ${showValue(path)}` };
  if (found.kind !== 'file') {
    return { segments: [key], message: `must be a file, but ${showValue(path)} is a ${found.kind}` };
  }
  try {
    await (await fs.open(path, 'read')).close();
    return undefined;
  } catch (error) {
    const reason = messageOf(error);
    return { segments: [key], message: `must be a file that can be read: ${reason}` };
  }
}

async function checkTlsFiles(draft: Record<string, unknown>, fs: IFileSystem): Promise<Finding[]> {
  if (draft['mutualTls'] !== true) return [];
  const findings: Finding[] = [];
  for (const key of TLS_KEYS) {
    const path = draft[key];
    if (typeof path !== 'string' || path === '') continue;
    const finding = await checkReadable(fs, key, path);
    if (finding !== undefined) findings.push(finding);
  }
  return findings;
}

/** Keys without a default are there, as undefined, so that every configuration has the same shape. */
function complete(draft: Record<string, unknown>): void {
  draft['listenAddress'] ??= draft['raftAddress'];
  draft['walDir'] ??= draft['nodeHostDir'];
  for (const key of [...TLS_KEYS, 'allowedPeers', 'allowPlaintext', 'allowNetworkFileSystem'])
    draft[key] ??= undefined;
}

/** Reads and checks a configuration and tells of every mistake, without throwing for any but one of syntax. */
export async function checkNodeHostConfig(
  input: string | NodeHostConfigInput,
  options: LoadOptions = {},
): Promise<CheckedNodeHostConfig> {
  const fs = options.fileSystem ?? new NodeFileSystem();
  const source =
    typeof input === 'string'
      ? await readSource(input, fs)
      : objectSource(input, resolve(options.baseDir ?? '.'));
  if (!isPlainObject(source.value)) {
    const problem = {
      path: '',
      message: `must be a mapping of keys to values, but is ${showValue(source.value)}`,
    };
    return { draft: {}, source, problems: [problem], warnings: [] };
  }
  const draft = clonePlain(source.value) as Record<string, unknown>;
  const restoreModules = setModulesAside(draft);
  const findings = checkSchema(draft);
  restoreModules();
  const rules = checkNodeHostRules(draft);
  resolvePaths(draft, source.baseDir);
  findings.push(...rules.problems, ...(await checkTlsFiles(draft, fs)));
  complete(draft);
  return {
    draft,
    source,
    problems: findings.map((finding) => source.toProblem(finding)),
    warnings: rules.warnings.map((finding) => source.toProblem(finding)),
  };
}

/** How messages call a configuration that came from `source`. */
export function subjectOf(source: ConfigSource): string {
  return source.name === 'object'
    ? 'configuration of the NodeHost'
    : `configuration of the NodeHost in ${source.name}`;
}

/** What `checkNodeHostConfig` returned, as a configuration. Throws ErrInvalidConfig with every problem. */
export function acceptNodeHostConfig(checked: CheckedNodeHostConfig): LoadedNodeHostConfig {
  if (checked.problems.length > 0) throw invalidConfig(subjectOf(checked.source), checked.problems);
  return {
    config: deepFreeze(checked.draft) as unknown as NodeHostConfig,
    source: checked.source.name,
    baseDir: checked.source.baseDir,
    warnings: checked.warnings,
  };
}

/**
 * Loads a NodeHost's configuration from a YAML or JSON file, or from an object. Throws ErrInvalidConfig with every
 * mistake at once. The options of adapters are checked where the adapters are loaded.
 */
export async function loadNodeHostConfig(
  input: string | NodeHostConfigInput,
  options: LoadOptions = {},
): Promise<LoadedNodeHostConfig> {
  return acceptNodeHostConfig(await checkNodeHostConfig(input, options));
}
