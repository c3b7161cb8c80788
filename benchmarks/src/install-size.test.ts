import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { installSizeBytes } from './install-size.js';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'drakkar-size-'));
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

/** Writes a package and gives the bytes of its manifest. */
async function makePackage(path: string, manifest: object, files: Record<string, number>): Promise<number> {
  const folder = join(root, path);
  const text = JSON.stringify(manifest);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), text);
  for (const [name, size] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), Buffer.alloc(size));
  }
  return text.length;
}

describe('installSizeBytes', () => {
  it('counts what is published, and each dependency once, wherever it lies', async () => {
    const own = await makePackage(
      'adapter',
      { files: ['dist'], dependencies: { a: '1', b: '1', '@drakkar/raftio': '1' } },
      { 'dist/index.js': 1000, 'src/index.ts': 50_000 },
    );
    const a = await makePackage('node_modules/a', { dependencies: { c: '1' } }, { 'a.js': 200 });
    const b = await makePackage(
      'node_modules/b',
      { dependencies: { c: '1', d: '1' }, optionalDependencies: { here: '1', elsewhere: '1' } },
      { 'build/b.node': 30_000 },
    );
    const c = await makePackage('node_modules/c', {}, { 'c.js': 7 });
    const nested = await makePackage('node_modules/b/node_modules/d', {}, { 'd.js': 11 });
    const here = await makePackage('node_modules/here', {}, { 'h.js': 13 });
    await makePackage('node_modules/@drakkar/raftio', {}, { 'r.js': 90_000 });
    await makePackage('node_modules/unused', {}, { 'u.js': 90_000 });
    const manifests = own + a + b + c + nested + here;
    await expect(installSizeBytes(join(root, 'adapter'))).resolves.toBe(
      manifests + 1000 + 200 + 30_000 + 7 + 11 + 13,
    );
  });

  it('counts a package that is linked to itself by its dependencies once', async () => {
    const own = await makePackage('adapter', { dependencies: { a: '1' } }, {});
    const a = await makePackage('node_modules/a', { dependencies: { adapter: '1' } }, { 'a.js': 5 });
    await symlink(join(root, 'adapter'), join(root, 'node_modules/adapter'));
    await expect(installSizeBytes(join(root, 'adapter'))).resolves.toBe(own + a + 5);
  });
});
