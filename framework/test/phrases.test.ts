import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../..');
const SELF = relative(ROOT, import.meta.filename);
const NO_TEXTS = new Set(['node_modules', 'dist', '.git', 'coverage']);
/** What packing copies there, which it leaves when it is interrupted. */
const PACKED = join(ROOT, 'framework/docs');

interface Text {
  /** Relative to the root of the project. */
  path: string;
  text: string;
}

function textsIn(folder: string): Text[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry): Text[] => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return NO_TEXTS.has(entry.name) || path === PACKED ? [] : textsIn(path);
    if (!/\.(ts|mjs|md)$/.test(entry.name)) return [];
    return [{ path: relative(ROOT, path), text: readFileSync(path, 'utf8') }];
  });
}

const TEXTS = textsIn(ROOT).filter(({ path }) => path !== SELF);
const isTest = ({ path }: Text): boolean => /\.test\.ts$|\/testing\//.test(path);
const isPage = ({ path }: Text): boolean => path.endsWith('.md') && !path.endsWith('internals/mutants.md');

/** Phrases that no comment, page, log line, error message, help text or title has, and what takes their place. */
const NOWHERE: Record<string, string> = {
  anew: 'again, re-created',
  'for ever': 'permanently, indefinitely',
  'for good': 'permanently',
  'lets? go of': 'releases, closes, drops',
  'letting go of': 'releasing',
  tidings: 'event',
  'dawdl(?:e|es|ed|ing)': 'is slow, stalls',
  'nobody knows': 'is unknown',
  'told at once': 'reported together',
  'may be made again': 'may be repeated, is retryable',
  'once for all': 'once',
  'so to speak': 'nothing',
  whoever: 'whichever, any; the caller, the reader',
};

/** Phrases that no page has. */
const NOT_IN_PAGES: Record<string, string> = {
  'tells?': 'logs, reports, emits, returns',
  '(?:is|are) told': 'gets, learns',
  'strangers?(?!\\.test)': 'unknown hosts, unauthenticated connections',
};

/** Phrases that no title of a test has. */
const NOT_IN_TITLES: Record<string, string> = {
  'tells?': 'reports, notifies, distinguishes',
  told: 'reported, asked, configured',
  'strangers?': 'unknown hosts, clients',
  'newcomers?': 'pending handshakes',
  'says? so': 'reports it',
};

/** Words that begin a title which is no sentence without the title of its group. */
const FRAGMENT =
  /^(?:after|and|as|at|before|by|for|from|if|in|of|on|that|to|under|what|when|which|while|who|whose|with|without)\b(?!:)/;

/** A longer one is a paragraph in disguise. */
const MAX_CELL_LENGTH = 120;

const TITLE = /\bit(?:\.each\b[^]*?[)`])?\(\s*(['"`])((?:\\.|(?!\1)[^\\])*)\1/g;

/** Titles of the tests in a source. */
function titlesIn(text: string): string[] {
  return [...text.matchAll(TITLE)].map(([, , title = '']) => title);
}

/** Where `texts` have one of the phrases, with what takes its place. */
function findAll(texts: readonly Text[], phrases: Record<string, string>): string[] {
  const any = new RegExp(`\\b(?:${Object.keys(phrases).join('|')})\\b`, 'gi');
  const insteadOf = (found: string): string =>
    Object.entries(phrases).find(([phrase]) => new RegExp(`^${phrase}$`, 'i').test(found))?.[1] ?? '';
  return texts.flatMap(({ path, text }) =>
    [...text.matchAll(any)].map(({ 0: found, index }) => {
      const line = text.slice(0, index).split('\n').length;
      return `${path}:${line}: "${found}": ${insteadOf(found)}`;
    }),
  );
}

/** What a reader sees of the cells of a page's tables, but for lists of names. */
function cellsIn(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .flatMap((line) => line.split(/(?<!\\)\|/))
    .map((cell) => cell.trim().replaceAll(/\]\([^)]*\)/g, ']'))
    .filter((cell) => !/^(?:-+|`[^`]+`(?:, `[^`]+`)*)$/.test(cell));
}

describe('the words of this project', () => {
  const titles = TEXTS.filter(isTest).flatMap(({ path, text }) =>
    titlesIn(text).map((title) => ({ path, text: title })),
  );

  it('are read from all texts', () => {
    expect(TEXTS.filter(isPage).length).toBeGreaterThan(30);
    expect(TEXTS.length).toBeGreaterThan(800);
    expect(titles.length).toBeGreaterThan(2000);
  });

  it('have none of the phrases for which there is a plain word', () => {
    expect(findAll(TEXTS, NOWHERE)).toEqual([]);
  });

  it('are plain in pages', () => {
    expect(findAll(TEXTS.filter(isPage), NOT_IN_PAGES)).toEqual([]);
  });

  it('are plain in titles of tests', () => {
    const found = titles.flatMap((title) =>
      findAll([title], NOT_IN_TITLES).map((each) => `${each} (${title.text})`),
    );
    expect(found).toEqual([]);
  });

  it('make a title state behaviour with a verb, not continue the title of its group', () => {
    const fragments = titles.filter(({ text }) => FRAGMENT.test(text));
    expect(fragments.map(({ path, text }) => `${path}: ${text}`)).toEqual([]);
  });

  it('keep cells of tables short, where pages are not made from the sources', () => {
    const written = TEXTS.filter((each) => isPage(each) && !each.text.includes('<!-- Made '));
    const cells = written.flatMap(({ path, text }) => cellsIn(text).map((cell) => `${path}: ${cell}`));
    expect(cells.length).toBeGreaterThan(500);
    expect(cells.filter((cell) => cell.length - cell.indexOf(': ') - 2 > MAX_CELL_LENGTH)).toEqual([]);
  });

  it('fit the README on two screens', () => {
    const [readme] = TEXTS.filter(({ path }) => path === 'README.md');
    expect(readme?.text.split('\n').length).toBeLessThan(140);
  });

  it('are found where they stand, in any case', () => {
    const text = 'Fine.\nMade Anew.';
    expect(findAll([{ path: 'x.md', text }], NOWHERE)).toEqual(['x.md:2: "Anew": again, re-created']);
    const source =
      "it('stops', () => {});\nit.each([['a', f('b')]])(\n  'with %s', () => {});\nit.each`a`(`of ${b}`)";
    expect(titlesIn(source)).toEqual(['stops', 'with %s', 'of ${b}']);
  });
});
