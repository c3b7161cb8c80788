import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import {
  type AdapterModule,
  type AnyAdapterModule,
  type BindingAdapterModule,
  LogDBFactoryID,
  RaftRPCFactoryID,
} from '@drakkar/raftio';
import type { ContainerModule } from 'inversify';

/** The adapter module that a package exports, or a file or folder at a path (relative to the working directory). */
export async function loadAdapterModule(specifier: string): Promise<AdapterModule> {
  const loaded = (await importFrom(specifier)) as {
    adapterModule?: AnyAdapterModule;
    default?: { adapterModule?: AnyAdapterModule };
  };
  // What a CommonJS module exports under a name that can't be told in advance is found under `default`.
  const adapter = loaded.adapterModule ?? loaded.default?.adapterModule;
  if (adapter === undefined) throw new Error(`${specifier} has no export "adapterModule"`);
  return 'create' in adapter ? adapter : creatingModule(adapter);
}

/** An adapter of version 0.1, whose bindings are loaded the way that the host does it: into a container of inversify. */
async function creatingModule(adapter: BindingAdapterModule): Promise<AdapterModule> {
  await import('reflect-metadata');
  const { Container } = await import('inversify');
  const create = (options: Readonly<Record<string, unknown>>): unknown => {
    const container = new Container();
    container.load(adapter.createModule(options) as ContainerModule);
    return container.get(adapter.kind === 'logdb' ? LogDBFactoryID : RaftRPCFactoryID);
  };
  return { ...adapter, create } as AdapterModule;
}

export function isPath(specifier: string): boolean {
  return /^\.\.?([\\/]|$)/.test(specifier) || isAbsolute(specifier);
}

async function importFrom(specifier: string): Promise<unknown> {
  if (isPath(specifier)) return import(pathToFileURL(entryAt(resolve(specifier))).href);
  try {
    return (await import(specifier)) as unknown;
  } catch (error) {
    const found = resolveFromHere(specifier);
    if (found === undefined) throw error;
    return import(pathToFileURL(found).href);
  }
}

/** The file itself; of a folder, what its package.json says that one gets by its name. */
function entryAt(path: string): string {
  if (!existsSync(path) || !statSync(path).isDirectory()) return path;
  const manifest = join(path, 'package.json');
  if (!existsSync(manifest)) return join(path, 'index.js');
  const { exports, main } = JSON.parse(readFileSync(manifest, 'utf8')) as {
    exports?: unknown;
    main?: string;
  };
  return join(path, entryOf(exports) ?? main ?? 'index.js');
}

/** The entry point that `exports` gives to `import`; undefined when it names none. */
function entryOf(exports: unknown): string | undefined {
  if (typeof exports === 'string') return exports;
  if (typeof exports !== 'object' || exports === null) return undefined;
  for (const condition of ['.', 'import', 'node', 'default']) {
    const found = entryOf((exports as Record<string, unknown>)[condition]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Where the user's project, rather than this package, finds `specifier`. */
function resolveFromHere(specifier: string): string | undefined {
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', specifier);
    if (existsSync(join(found, 'package.json'))) return entryAt(found);
    if (dirname(folder) === folder) return undefined;
  }
}

/** Whether there is nothing at all by that name, as opposed to something that fails to load. */
export function isMissing(specifier: string): boolean {
  if (isPath(specifier)) return !existsSync(specifier);
  if (resolveFromHere(specifier) !== undefined) return false;
  try {
    import.meta.resolve(specifier);
    return false;
  } catch {
    return true;
  }
}
