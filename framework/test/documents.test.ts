import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { runCli } from '@drakkar/cli';
import { parse } from 'yaml';
import { nodeHostSchema } from '../src/config/node-host-schema.js';

const ROOT = join(import.meta.dirname, '../..');
const NO_DOCUMENTS = new Set(['node_modules', 'dist', '.git']);
/** What packing copies there, which it leaves when it is interrupted. */
const PACKED = join(ROOT, 'framework/docs');

interface Page {
  /** Relative to the root of the project. */
  path: string;
  text: string;
}

function pagesIn(folder: string): Page[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry): Page[] => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return NO_DOCUMENTS.has(entry.name) || path === PACKED ? [] : pagesIn(path);
    return entry.name.endsWith('.md') ? [readPage(path)] : [];
  });
}

/** Command lines that go on in the next line are made into one. */
function readPage(path: string): Page {
  return { path: relative(ROOT, path), text: readFileSync(path, 'utf8').replaceAll(/\\\n\s*/g, ' ') };
}

const PAGES = pagesIn(ROOT);

/** What `pattern` finds in all documents, each with where it stands. */
function findAll(pattern: RegExp): { path: string; found: string }[] {
  return PAGES.flatMap(({ path, text }) =>
    [...text.matchAll(pattern)].map((match) => ({ path, found: match[1] ?? '' })),
  );
}

/** The anchors of a document's headings, as the usual hosts of repositories make them. */
function anchorsOf(path: string): string[] {
  return [...readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );
}

/** The words and the options of a command line, and what `--help` says of its command. */
async function helpFor(line: string): Promise<{ options: string[]; help: string; exitCode: number }> {
  const words = line.split(/\s+/).slice(1);
  const firstOption = words.findIndex((word) => word.startsWith('-'));
  const command = firstOption < 0 ? words : words.slice(0, firstOption);
  let help = '';
  const say = (text: string): void => void (help += text);
  const exitCode = await runCli([...command, '--help'], { stdout: say, stderr: say, isTerminal: false });
  const options = [...line.matchAll(/(?<=\s)--[a-z][a-z-]*/g)].map(([option]) => option);
  return { options, help, exitCode };
}

describe('the documents', () => {
  it('are all of them looked at', () => {
    const paths = PAGES.map(({ path }) => path);
    expect(paths).toEqual(expect.arrayContaining(['README.md', 'docs/operations.md', 'raftio/README.md']));
    expect(paths.length).toBeGreaterThan(30);
  });

  it('link to files and headings that exist', () => {
    const links = findAll(/\]\((?!https?:)([^)\s]+)\)/g);
    const broken = links.filter(({ path, found }) => {
      const [file = '', anchor] = found.split('#');
      const target = file === '' ? join(ROOT, path) : join(ROOT, dirname(path), file);
      if (!existsSync(target)) return true;
      return anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).includes(anchor);
    });
    expect(links.length).toBeGreaterThan(80);
    expect(broken).toEqual([]);
  });

  it('lead from the README to docs/index.md, and from there to every page in one step', () => {
    const targets = (from: string): string[] =>
      (PAGES.find(({ path }) => path === from)?.text ?? '')
        .split('](')
        .slice(1)
        .map((text) => join(dirname(from), text.split(/[#)]/)[0] ?? ''));
    const index = join('docs', 'index.md');
    expect(targets('README.md')).toContain(index);
    const reached = new Set([index, ...targets(index)]);
    expect(PAGES.map(({ path }) => path).filter((path) => !reached.has(path))).toEqual([]);
  });

  it('name scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = findAll(/npm run ([a-z][a-z-]*)/g);
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter(({ found }) => scripts[found] === undefined)).toEqual([]);
  });

  it('name every script of longer runs', () => {
    const testing = PAGES.find(({ path }) => path === 'docs/testing.md')?.text ?? '';
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const runs = Object.keys(scripts).filter((name) => scripts[name]?.startsWith('node scripts/'));
    const other = ['start', 'test', 'docs'];
    expect(runs.length).toBeGreaterThan(other.length + 5);
    expect(runs.filter((name) => !other.includes(name) && !testing.includes(name))).toEqual([]);
  });

  it('give the command drakkar words and options that it has', async () => {
    const lines = findAll(/(?:^\$ |`)(drakkar (?:inspect|check|logdb|certs|snapshot|serve)[^`\n]*)/gm);
    expect(lines.length).toBeGreaterThan(15);
    const wrong: unknown[] = [];
    for (const { path, found } of lines) {
      const { options, help, exitCode } = await helpFor(found);
      const unknown = options.filter((option) => !new RegExp(`${option}(?![a-z-])`).test(help));
      if (exitCode !== 0 || unknown.length > 0) wrong.push({ path, found, unknown });
    }
    expect(wrong).toEqual([]);
  });

  it('show configurations of keys that exist', () => {
    const samples = findAll(/```yaml\n([\s\S]*?)```/g);
    expect(samples.length).toBeGreaterThan(8);
    const known = Object.keys(nodeHostSchema.properties ?? {});
    for (const { path, found } of samples) {
      const keys = Object.keys(parse(found) as Record<string, unknown>);
      expect({ path, unknown: keys.filter((key) => !known.includes(key)) }).toEqual({ path, unknown: [] });
    }
  });

  it('describe each folder of the framework', () => {
    const architecture = readFileSync(join(ROOT, 'docs/architecture.md'), 'utf8');
    const folders = readdirSync(join(ROOT, 'framework/src'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    expect(folders.length).toBeGreaterThan(15);
    const rows = architecture.split('\n').filter((line) => line.startsWith('| `'));
    expect(folders.filter((name) => !rows.some((row) => row.split('|')[1]?.includes(`\`${name}\``)))).toEqual(
      [],
    );
  });

  it('are there for every package', () => {
    const { workspaces } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      workspaces: string[];
    };
    const without = workspaces.filter((name) => !existsSync(join(ROOT, name, 'README.md')));
    expect(without).toEqual([]);
  });
});
