import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import * as framework from '@drakkar/framework';

const ROOT = join(import.meta.dirname, '../..');
const read = (...path: string[]): string => readFileSync(join(ROOT, ...path), 'utf8');

const { workspaces } = JSON.parse(read('package.json')) as { workspaces: string[] };
const PAGES = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs')).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
  ...workspaces.map((name) => `${name}/README.md`),
].map((path) => ({ path, text: read(path) }));

/** Names that a module's entry point exports, types too; those that come from a module that begins with `from` alone. */
function exportsOf(source: string, from = ''): string[] {
  const listed = [...source.matchAll(/^export (?:type )?\{([^}]*)\} from '([^']+)';/gm)]
    .filter(([, , module = '']) => module.startsWith(from))
    .flatMap(([, list = '']) => namesIn(list));
  const declared = source.matchAll(
    /^export (?:async )?(?:const|function|class|interface|type) ([A-Za-z]\w*)/gm,
  );
  return from === '' ? [...listed, ...[...declared].map(([, name = '']) => name)] : listed;
}

/** The names of an import or export list. */
function namesIn(list: string): string[] {
  return list
    .split(',')
    .map((name) => name.trim().replace(/^type /, ''))
    .flatMap((name) => (name === '' ? [] : [name.replace(/^.* as /, '')]));
}

/** The source of what is imported as `@drakkar/…`. */
function entryOf(specifier: string): string {
  const [, folder = '', part] = /^@drakkar\/([a-z-]+)(?:\/([a-z/]+))?$/.exec(specifier) ?? [];
  return read(folder, 'src', part ?? '', 'index.ts');
}

interface Claim {
  path: string;
  name: string;
  specifier: string;
}

/** What pages import from our packages, in blocks of code and in lines. */
function imported(): Claim[] {
  return PAGES.flatMap(({ path, text }) =>
    [...text.matchAll(/\bimport (?:type )?\{([^}]*)\} from '(@drakkar\/[^']+)'/g)].flatMap(
      ([, list = '', specifier = '']) => {
        const originals = list.replaceAll(/ as \w+/g, '');
        return namesIn(originals).map((name) => ({ path, name, specifier }));
      },
    ),
  );
}

/** "`name` of `@drakkar/…`", as pages say it of one name or of several. */
function attributed(): Claim[] {
  const name = '`[A-Za-z]\\w*(?:\\([^`]*\\))?`';
  const pattern = new RegExp(
    `((?:${name}(?:, | and ))*${name}) (?:of|in|from)\\s\`(@drakkar/[a-z/-]+)\``,
    'g',
  );
  return PAGES.flatMap(({ path, text }) =>
    [...text.matchAll(pattern)].flatMap(([, list = '', specifier = '']) =>
      [...list.matchAll(/`(\w+)/g)].map(([, each = '']) => ({ path, name: each, specifier })),
    ),
  );
}

const isMissing = ({ name, specifier }: Claim): boolean => !exportsOf(entryOf(specifier)).includes(name);

/** Whether `name` is a command that the package brings. */
function isCommand({ name, specifier }: Claim): boolean {
  const manifest = read(specifier.replace('@drakkar/', ''), 'package.json');
  return name in ((JSON.parse(manifest) as { bin?: object }).bin ?? {});
}

describe('the documents', () => {
  it('import in code blocks only what the package exports', () => {
    const claims = imported();
    expect(claims.length).toBeGreaterThan(12);
    expect(claims.filter(isMissing)).toEqual([]);
  });

  it('name beside a package only what it exports, or its commands', () => {
    const claims = attributed();
    expect(claims.map(({ name }) => name)).toContain('hasErrorCode');
    expect(claims.filter((claim) => isMissing(claim) && !isCommand(claim))).toEqual([]);
  });

  it('name for readers of the framework only calls that it exports', () => {
    const rows = read('framework/README.md')
      .split('\n')
      .filter((line) => line.startsWith('| '));
    const calls = rows.flatMap((row) => [...(row.split('|')[2] ?? '').matchAll(/`([a-zA-Z.]+)[^`]*`/g)]);
    const names = calls.map(([, name = '']) => name).filter((name) => name !== 'npx');
    const { DrakkarError, NodeHost, Session } = framework;
    const error = new DrakkarError('ERR_EXAMPLE', 'fix', 'an example');
    const exported = exportsOf(read('framework/src/index.ts'));
    const isThere = (name: string): boolean => {
      const [first = '', member = ''] = name.split('.');
      if (first === 'error') return member in error;
      if (first === 'session') return member in Session.prototype;
      if (first === 'NodeHost') return member in NodeHost;
      return exported.includes(name) || name in NodeHost.prototype;
    };
    expect(names.length).toBeGreaterThan(12);
    expect(names.filter((name) => !isThere(name))).toEqual([]);
  });

  it('list in docs/api.md all that the framework exports of raftio', () => {
    const [, list = ''] = /`@drakkar\/framework` exports ([^.]*), too\./.exec(read('docs/api.md')) ?? [];
    const listed = [...list.matchAll(/`(\w+)`/g)].map(([, name = '']) => name);
    const reexported = exportsOf(read('framework/src/index.ts'), '@drakkar/raftio');
    expect(listed).toEqual(reexported);
  });
});
