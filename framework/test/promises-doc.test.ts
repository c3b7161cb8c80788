import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readTables } from './api-tables.js';
import { titlesIn } from './test-titles.js';

const root = join(import.meta.dirname, '..', '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

interface Section {
  section: string;
  promises: { go: string; promise: string; tests: string[]; remark?: string }[];
}

const { readPromises, promisesDocs } = (await import(join(root, 'scripts/lib/promises.mjs'))) as {
  readPromises: () => Section[];
  promisesDocs: () => string;
};

interface Promised {
  section: string;
  go: string[];
  promise: string;
  tests: { path: string; title: string }[];
}

const rows: Promised[] = readPromises().flatMap(({ section, promises }) =>
  promises.map(({ go, promise, tests }) => ({
    section,
    go: go.split(', '),
    promise,
    tests: tests.map(reference),
  })),
);

function reference(text: string): { path: string; title: string } {
  const [, path, title] = /^(\S+) › (.+)$/.exec(text) ?? [];
  if (path === undefined || title === undefined) throw new Error(`not a reference to a test: ${text}`);
  return { path, title };
}

/** Names that are documented and promise nothing yet: master servers are not built. */
const UNBUILT = new Set(['NodeHostConfig.MasterServers']);

describe('docs/dragonboat-promises.md', () => {
  const { mapped } = readTables(read('docs/api.md'));
  const known = new Set(mapped.map(({ go }) => go));
  const ours = mapped.filter((row) => row.ours.length > 0).map(({ go }) => go);

  it('is what `npm run docs` makes of the list of promises', () => {
    expect(read('docs/dragonboat-promises.md')).toBe(promisesDocs());
  });

  it('has the promises that it is known for', () => {
    expect(rows.length).toBeGreaterThan(130);
    expect(rows.filter(({ promise, tests }) => promise === '' || tests.length === 0)).toEqual([]);
    const keys = rows.map(({ section, go, promise }) => `${section}: ${go.join()}: ${promise}`);
    expect(keys.filter((key, i) => keys.indexOf(key) !== i)).toEqual([]);
  });

  it('names tests that exist and are run', () => {
    const titles = new Map<string, Set<string>>();
    const missing = rows
      .flatMap(({ tests }) => tests)
      .filter(({ path, title }) => {
        if (!existsSync(join(root, path))) return true;
        const found = titles.get(path) ?? titlesIn(path, read(path));
        titles.set(path, found);
        return !found.has(title);
      });
    expect(missing).toEqual([]);
  });

  it('names nothing that docs/api.md does not know, and leaves out nothing of it that is here', () => {
    const named = new Set(rows.flatMap(({ go }) => go));
    expect([...named].filter((name) => !known.has(name))).toEqual([]);
    expect(ours.filter((name) => !named.has(name) && !UNBUILT.has(name))).toEqual([]);
  });
});

describe('the titles of a test file', () => {
  it('are those of tests that are run, whichever way they are written', () => {
    const source = `
      describe('a group', () => {
        it('plain', () => {});
        it.each([1])('each %d', () => {});
        it.each\`a\`('table $a', () => {});
        it(\`template \${N} end\`, () => {});
      });
      describe.each([1])('groups', () => it('inner', () => {}));
      it.skip('skipped', () => {});
      it.todo('to be done');
      xit('skipped too', () => {});
      describe.skip('none of these', () => it('hidden', () => {}));
      const cases = [{ id: 'LDB-SAVE-1', title: 'saves' }, { id: 'no case' }];
    `;
    expect([...titlesIn('x.ts', source)].sort()).toEqual(
      ['LDB-SAVE-1', 'each %d', 'inner', 'plain', 'table $a', 'template … end'].sort(),
    );
  });
});
