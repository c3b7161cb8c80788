import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join, posix } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '../..');
const { PAGES, packedPage } = (await import(join(root, 'scripts/pack-docs.mjs'))) as {
  PAGES: readonly string[];
  packedPage: (text: string) => string;
};

interface Manifest {
  name: string;
  version: string;
  private?: boolean;
  description: string;
  keywords: string[];
  homepage: string;
  license: string;
  repository?: { directory?: string; [key: string]: unknown };
  engines: Record<string, string>;
  sideEffects: boolean | string[];
  exports: Record<string, string | Record<string, string>>;
  bin?: Record<string, string>;
  files: string[];
  publishConfig: Record<string, string>;
  workspaces: string[];
  dependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
}

const read = (...path: string[]): string => readFileSync(join(root, ...path), 'utf8');
const manifestOf = (folder: string): Manifest => JSON.parse(read(folder, 'package.json')) as Manifest;

const PROJECT = manifestOf('.');
const PUBLISHED = PROJECT.workspaces.filter((folder) => manifestOf(folder).private !== true);
const NPM_PAGE = 'https://www.npmjs.com/package/';

/** What is compiled into a package: its sources without tests and what helps them. */
function sourcesOf(folder: string): { path: string; text: string }[] {
  return readdirSync(join(root, folder, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.ts$/.test(path) && !/\.test\.ts$|(^|\/)testing\//.test(path))
    .map((path) => ({ path: `${folder}/src/${path}`, text: read(folder, 'src', path) }));
}

/** The source of a file that is packed. */
function sourceFor(path: string): string {
  return path.replace(/^\.\/dist\/(.*?)(\.d\.ts|\.js)$/, './src/$1.ts');
}

/** What a page links to in the repository or the package; headings of the page itself are left out. */
function localLinks(text: string): string[] {
  return [...text.matchAll(/\]\((?!https?:|#)([^)\s]+)\)/g)].map(([, target = '']) =>
    target.replace(/#.*/, ''),
  );
}

/** The package that a bare import is of. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

describe('the packages that are published', () => {
  it('include every folder of the fixed top level', () => {
    expect(PUBLISHED).toEqual(expect.arrayContaining(['raftio', 'framework', 'conformance', 'logdb-lmdb']));
    expect(PUBLISHED.length).toBeGreaterThan(8);
  });

  it.each(PUBLISHED)('reports what %s is, and under which licence', (folder) => {
    const manifest = manifestOf(folder);
    expect(read(folder, 'LICENSE')).toBe(read('LICENSE'));
    expect(manifest).toMatchObject({
      name: `@drakkar/${folder}`,
      license: PROJECT.license,
      homepage: `${NPM_PAGE}@drakkar/${folder}`,
      engines: PROJECT.engines,
      publishConfig: { access: 'public' },
    });
    expect(manifest.description.length).toBeGreaterThan(20);
    expect(manifest.keywords).toEqual(expect.arrayContaining(['raft', 'consensus', 'drakkar']));
    expect(new Set(manifest.keywords).size).toBe(manifest.keywords.length);
    const { repository } = PROJECT;
    expect(manifest.repository).toEqual(repository && { ...repository, directory: folder });
  });

  it.each(PUBLISHED)('packs of %s what users need, and nothing else', (folder) => {
    const { files } = manifestOf(folder);
    expect(files).toEqual(expect.arrayContaining(['dist', '!dist/.tsbuildinfo', '!dist/**/*.map']));
    const folders = files.filter((each) => !each.startsWith('!') && each !== 'dist');
    for (const each of folders) expect(['bin', 'docs']).toContain(each);
  });

  it.each(PUBLISHED)('exports of %s what is compiled, with its types', (folder) => {
    const { exports, bin = {}, sideEffects } = manifestOf(folder);
    const { './package.json': self, ...entries } = exports;
    expect(self).toBe('./package.json');
    for (const entry of Object.values(entries)) {
      expect(Object.keys(entry)).toEqual(['types', 'default']);
      const [types, code] = Object.values(entry).map(sourceFor);
      expect(types).toBe(code);
      expect(existsSync(join(root, folder, code ?? ''))).toBe(true);
    }
    for (const path of Object.values(bin)) {
      expect(read(folder, sourceFor(path))).toMatch(/^#!\/usr\/bin\/env node\n/);
    }
    const withEffects = Array.isArray(sideEffects) ? sideEffects : [];
    expect(sideEffects === false || withEffects.length > 0).toBe(true);
    for (const path of withEffects.filter((each) => !each.includes('*'))) {
      expect(existsSync(join(root, folder, sourceFor(path)))).toBe(true);
    }
  });

  it.each(PUBLISHED)('declares every package that %s imports', (folder) => {
    const { name, dependencies, peerDependencies } = manifestOf(folder);
    const declared = new Set([name, ...Object.keys({ ...dependencies, ...peerDependencies })]);
    const imports = sourcesOf(folder).flatMap(({ text }) =>
      [...text.matchAll(/^(?:import '|(?:import|export|\}) .*?from '|.*\bimport\(')([^'.][^']*)'/gm)].map(
        ([, specifier = '']) => specifier,
      ),
    );
    expect(imports.length).toBeGreaterThan(0);
    const foreign = imports.filter((each) => !each.startsWith('node:') && !builtinModules.includes(each));
    expect([...new Set(foreign.map(packageOf))].filter((each) => !declared.has(each))).toEqual([]);
  });

  it.each(PUBLISHED)('links from the README of %s to what is packed with it, or to the network', (folder) => {
    const packed = manifestOf(folder).files.filter((each) => !each.startsWith('!'));
    const outside = localLinks(read(folder, 'README.md')).filter(
      (target) => !packed.includes(posix.normalize(target).split('/')[0] ?? ''),
    );
    expect(outside).toEqual([]);
  });
});

describe('the pages in @drakkar/framework', () => {
  it.each(PAGES)('have %s with links that lead somewhere', (page) => {
    const text = packedPage(read('docs', page));
    expect(localLinks(text).filter((target) => !PAGES.includes(target))).toEqual([]);
    const names = [...text.matchAll(/npmjs\.com\/package\/@drakkar\/([a-z-]+)/g)].map(([, name]) => name);
    expect(names.filter((name) => !PUBLISHED.includes(name ?? ''))).toEqual([]);
  });

  it('include every page that errors, help, declarations and READMEs name', () => {
    const own = PUBLISHED.flatMap((folder) => {
      const docs = join(root, folder, 'docs');
      return folder !== 'framework' && existsSync(docs) ? readdirSync(docs) : [];
    });
    const texts = PUBLISHED.flatMap((folder) => [
      ...sourcesOf(folder)
        .filter(({ path }) => !path.includes('/docgen/'))
        .map(({ path, text }) => ({ path, text: text.replaceAll(/^\s*(\*|\/\*\*|\/\/) .*$/gm, '') })),
      { path: `${folder}/README.md`, text: read(folder, 'README.md') },
    ]);
    const named = texts.flatMap(({ path, text }) =>
      [...text.matchAll(/\bdocs\/([\w-]+\.md)/g)].map(([, page = '']) => ({ path, page })),
    );
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter(({ page }) => !PAGES.includes(page) && !own.includes(page))).toEqual([]);
  });
});
