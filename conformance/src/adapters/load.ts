import 'reflect-metadata';
import { createRequire } from 'node:module';
import { isAbsolute, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type AdapterModule, LogDBFactoryID, RaftRPCFactoryID } from '@drakkar/raftio';
import { Container } from 'inversify';

/** The adapter module that a package, or the file at a path (relative to the working directory), exports. */
export async function loadAdapterModule(specifier: string): Promise<AdapterModule> {
  const loaded = (await importFrom(specifier)) as { adapterModule?: AdapterModule };
  if (loaded.adapterModule === undefined) throw new Error(`${specifier} has no export "adapterModule"`);
  return loaded.adapterModule;
}

async function importFrom(specifier: string): Promise<unknown> {
  if (specifier.startsWith('.') || isAbsolute(specifier))
    return import(pathToFileURL(resolve(specifier)).href);
  try {
    return (await import(specifier)) as unknown;
  } catch (error) {
    const found = resolveFromHere(specifier);
    if (found === undefined) throw error;
    return import(pathToFileURL(found).href);
  }
}

/** Where the user's project, rather than this package, finds `specifier`. */
function resolveFromHere(specifier: string): string | undefined {
  try {
    return createRequire(join(process.cwd(), 'package.json')).resolve(specifier);
  } catch {
    return undefined;
  }
}

/** The factory that the module binds, made the way that the host makes it: through a container. */
export function factoryOf<T>(adapter: AdapterModule, options: Readonly<Record<string, unknown>>): T {
  const container = new Container();
  container.load(adapter.createModule(options));
  return container.get<T>(adapter.kind === 'logdb' ? LogDBFactoryID : RaftRPCFactoryID);
}
