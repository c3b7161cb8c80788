import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type {
  AdapterModule,
  AnyAdapterModule,
  LogDBCapabilities,
  RaftRPCCapabilities,
} from '@drakkar/raftio';
import { isPlainObject } from '../config/plain.js';
import { suggest } from '../config/suggest.js';
import { ErrInvalidModule, ErrModuleNotFound } from '../errors/host.js';
import { hasSystemCode, messageOf } from '../errors/inspect.js';
import { knownModuleNames, parseModuleName } from './module-names.js';

/** Imports a package by name or a file by URL; replaced in tests. */
export type ImportModule = (specifier: string) => Promise<unknown>;

/** Resolves a package name, as seen from a folder, to a file; throws MODULE_NOT_FOUND. Replaced in tests. */
export type ResolvePackage = (name: string, fromDir: string) => string;

export interface ModuleLoader {
  importModule: ImportModule;
  resolvePackage: ResolvePackage;
}

export const nodeModuleLoader: ModuleLoader = {
  importModule: (specifier) => import(specifier) as Promise<unknown>,
  resolvePackage: (name, fromDir) => createRequire(join(fromDir, 'noop.js')).resolve(name),
};

const isNotFound = (error: unknown): boolean =>
  hasSystemCode(error, 'MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND');

/** What an adapter states of itself, each as true or false. */
const CAPABILITIES = {
  logdb: ['shrinksOnCompaction', 'exclusiveOpen', 'durable'] satisfies (keyof LogDBCapabilities)[],
  transport: ['mutualTLS', 'snapshots', 'network'] satisfies (keyof RaftRPCCapabilities)[],
} as const;

/** What is wrong with `value` as an adapter module of that kind; `undefined` when nothing is. */
function adapterModuleFault(value: unknown, kind: AdapterModule['kind']): string | undefined {
  if (typeof value !== 'object' || value === null) return 'is not an object';
  const module = value as Partial<Record<keyof AdapterModule | 'createModule', unknown>>;
  if (module.kind !== 'logdb' && module.kind !== 'transport')
    return "has no `kind` of 'logdb' or 'transport'";
  if (typeof module.name !== 'string' || module.name === '') return 'has no `name`';
  if (module.kind !== kind) return `is the ${module.kind} '${module.name}', but a ${kind} is wanted here`;
  if (!isPlainObject(module.optionsSchema)) return 'has no `optionsSchema`';
  const { capabilities } = module;
  if (!isPlainObject(capabilities)) return 'has no `capabilities`';
  const unstated = CAPABILITIES[kind].find((name) => typeof capabilities[name] !== 'boolean');
  if (unstated !== undefined) return `does not state \`capabilities.${unstated}\` as true or false`;
  const makes = typeof module.create === 'function' || typeof module.createModule === 'function';
  if (!makes) return 'has no `create` function';
  return undefined;
}

/** A name that is nearly a known one, or a file's, is never advised to be installed: packages wait for such mistakes. */
function notFound(
  kind: AdapterModule['kind'],
  configured: string,
  packageName: string,
  baseDir: string,
  cause: unknown,
): Error {
  const isFile = /\.[cm]?[jt]s$/.test(configured) || existsSync(resolve(baseDir, configured));
  const asFile = isFile ? `./${configured}` : undefined;
  const suggestion = suggest(configured, knownModuleNames(kind)) ?? asFile;
  if (suggestion !== undefined) {
    const reason = `there is no package ${packageName}`;
    return new ErrModuleNotFound(`${kind}.module: ${reason}; did you mean "${suggestion}"?`, {
      cause,
      details: { module: configured, reason, suggestion },
    });
  }
  const install = `npm install ${packageName}`;
  return new ErrModuleNotFound(
    `${kind}.module: the package ${packageName} is not installed; install it with: ${install}`,
    { cause, details: { module: configured, install } },
  );
}

async function importPackage(
  kind: AdapterModule['kind'],
  configured: string,
  name: string,
  baseDir: string,
  loader: ModuleLoader,
): Promise<unknown> {
  let specifier = name;
  // The application's own copy first: the framework may be installed where it can't see the application's packages.
  for (const dir of [baseDir, process.cwd()]) {
    try {
      specifier = pathToFileURL(loader.resolvePackage(name, dir)).href;
      break;
    } catch {
      // Not found from there, or a package for `import` alone; the import below tells.
    }
  }
  try {
    return await loader.importModule(specifier);
  } catch (error) {
    // A package that is there, but lacks a package that it needs itself, is named in the message by its own name.
    const isItself = specifier === name && messageOf(error).includes(`'${name}'`);
    if (isNotFound(error) && isItself) throw notFound(kind, configured, name, baseDir, error);
    throw new ErrInvalidModule(`${kind}.module: the package ${name} can't be loaded: ${messageOf(error)}`, {
      cause: error,
      details: { module: configured },
    });
  }
}

async function importPath(
  kind: AdapterModule['kind'],
  configured: string,
  baseDir: string,
  loader: ModuleLoader,
): Promise<unknown> {
  const path = resolve(baseDir, configured);
  let file = path;
  try {
    file = loader.resolvePackage(path, baseDir);
  } catch (error) {
    if (isNotFound(error)) {
      const hint =
        extname(path) === ''
          ? 'the package.json of a folder must name its file under "main"'
          : 'if it has to be compiled, has it been?';
      throw new ErrModuleNotFound(`${kind}.module: there is no module at ${path}; ${hint}`, {
        cause: error,
        details: { module: configured, path },
      });
    }
  }
  try {
    return await loader.importModule(pathToFileURL(file).href);
  } catch (error) {
    const isSource = hasSystemCode(error, 'ERR_UNKNOWN_FILE_EXTENSION');
    const hint = isSource ? '; name the file that it is compiled to' : '';
    throw new ErrInvalidModule(`${kind}.module: ${file} can't be loaded: ${messageOf(error)}${hint}`, {
      cause: error,
      details: { module: configured, path: file },
    });
  }
}

/** What a module exports instead, so that an export under another name is found at a glance. */
function exportsOf(imported: unknown): string {
  const names = Object.keys(imported as object).filter((name) => name !== 'module.exports');
  return names.length === 0 ? 'it exports nothing' : `it exports ${names.slice(0, 5).join(', ')}`;
}

/** The export named `adapterModule`; of a CommonJS module also as a property of its exports. */
function exportedAdapter(imported: unknown): unknown {
  const namespace = imported as { adapterModule?: unknown; default?: unknown };
  if (namespace.adapterModule !== undefined) return namespace.adapterModule;
  const inner = namespace.default as { adapterModule?: unknown } | null | undefined;
  return typeof inner === 'object' ? inner?.adapterModule : undefined;
}

/**
 * The adapter that a configuration names under `kind`. Relative paths and package names are looked up from `baseDir`.
 * Throws ErrModuleNotFound, or ErrInvalidModule when what it finds is no adapter of that kind.
 */
export async function loadAdapter(
  kind: AdapterModule['kind'],
  configured: string | AnyAdapterModule,
  baseDir: string,
  loader: ModuleLoader = nodeModuleLoader,
): Promise<AnyAdapterModule> {
  if (typeof configured !== 'string') {
    const fault = adapterModuleFault(configured, kind);
    if (fault === undefined) return configured;
    throw new ErrInvalidModule(`${kind}.module: the module given in code ${fault}`);
  }
  const reference = parseModuleName(kind, configured);
  if (reference.kind === 'invalid') {
    throw new ErrInvalidModule(
      `${kind}.module: must be a short name, a package name, or a path that starts with ./ or ../ or is absolute, but is "${configured}"`,
      { details: { module: configured } },
    );
  }
  const imported =
    reference.kind === 'path'
      ? await importPath(kind, reference.path, baseDir, loader)
      : await importPackage(kind, configured, reference.name, baseDir, loader);
  const adapter = exportedAdapter(imported);
  if (adapter === undefined) {
    throw new ErrInvalidModule(
      `${kind}.module: "${configured}" has no export named adapterModule, so it is no adapter; ${exportsOf(imported)}`,
      { details: { module: configured } },
    );
  }
  const fault = adapterModuleFault(adapter, kind);
  if (fault !== undefined) {
    throw new ErrInvalidModule(`${kind}.module: the adapterModule of "${configured}" ${fault}`, {
      details: { module: configured },
    });
  }
  return adapter as AnyAdapterModule;
}
