import { lstat, readFile, readdir, realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';

interface Manifest {
  files?: string[];
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

/** Ours, and what every host has installed whatever adapters it chose. */
const isShared = (name: string): boolean => name.startsWith('@drakkar/');

async function readManifest(folder: string): Promise<Manifest> {
  return JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Manifest;
}

/** Bytes of the files below a path, without what other packages have there. */
async function sizeBytes(path: string): Promise<number> {
  const stats = await lstat(path);
  if (!stats.isDirectory()) return stats.size;
  let sum = 0;
  for (const name of await readdir(path)) {
    if (name !== 'node_modules') sum += await sizeBytes(join(path, name));
  }
  return sum;
}

/** Where `folder` finds the package, as Node.js looks for it; undefined when it is not installed. */
async function findPackage(name: string, folder: string): Promise<string | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    const found = await realpath(join(at, 'node_modules', name)).catch(() => undefined);
    if (found !== undefined) return found;
    if (dirname(at) === at) return undefined;
  }
}

/**
 * Bytes that an adapter takes up when it is installed on this machine: what would be published of it, and all packages
 * that it needs, each once; optional ones as far as they are there. Packages of Drakkar do not count, nor do peers.
 */
export async function installSizeBytes(packageFolder: string): Promise<number> {
  const own = await realpath(packageFolder);
  const { files } = await readManifest(own);
  let sum = 0;
  for (const name of files === undefined ? ['.'] : ['package.json', ...files]) {
    sum += await sizeBytes(join(own, name)).catch(() => 0);
  }
  const seen = new Set([own]);
  const waiting = [own];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    const { dependencies, optionalDependencies } = await readManifest(folder);
    const names = new Set([...Object.keys(dependencies ?? {}), ...Object.keys(optionalDependencies ?? {})]);
    for (const name of names) {
      const found = isShared(name) ? undefined : await findPackage(name, folder);
      if (found === undefined || seen.has(found)) continue;
      seen.add(found);
      waiting.push(found);
      sum += await sizeBytes(found);
    }
  }
  return sum;
}
