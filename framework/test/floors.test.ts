import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const SOURCES = join(import.meta.dirname, '..', 'src');

/** From the bottom up: a folder imports those above it in this list only. What shares a line is one floor. */
const FLOORS: readonly (readonly string[])[] = [
  ['errors'],
  ['runtime'],
  ['compression'],
  ['logging'],
  ['fs'],
  ['raft'],
  ['statemachine'],
  ['client'],
  ['config'],
  ['datadir'],
  ['requests'],
  ['rsm'],
  ['snapshot'],
  ['di'],
  ['engine', 'agreement'],
  ['transport'],
  ['events'],
  ['nodehost', 'group', 'typed'],
  ['docgen'],
  ['index.ts', 'internals.ts'],
];

type Arrow = readonly [from: string, to: string];

/** Relative imports between the files, of types too; tests and their helpers may look anywhere. */
function arrowsOf(files: ReadonlyMap<string, string>): Arrow[] {
  const arrows: Arrow[] = [];
  for (const [path, text] of files) {
    for (const [, target = ''] of text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)) {
      arrows.push([path, join(dirname(path), target).replace(/\.js$/, '.ts')]);
    }
  }
  return arrows;
}

function readSources(): Map<string, string> {
  const files = new Map<string, string>();
  for (const entry of readdirSync(SOURCES, { withFileTypes: true, recursive: true })) {
    const path = relative(SOURCES, join(entry.parentPath, entry.name));
    const isSource = path.endsWith('.ts') && !path.endsWith('.test.ts') && !/(^|\/)testing\//.test(path);
    if (isSource) files.set(path, readFileSync(join(SOURCES, path), 'utf8'));
  }
  return files;
}

function floorOf(path: string): number {
  const folder = path.split('/')[0] ?? '';
  return FLOORS.findIndex((floor) => floor.includes(folder));
}

function upward(arrows: readonly Arrow[]): string[] {
  return arrows
    .filter(([from, to]) => floorOf(from) < 0 || floorOf(to) > floorOf(from))
    .map(([from, to]) => `${from} -> ${to}`);
}

/** Files that are left when those that import nothing of what is left are taken away, again and again. */
function filesInCycles(arrows: readonly Arrow[]): string[] {
  let left = arrows;
  for (;;) {
    const importers = new Set(left.map(([from]) => from));
    const rest = left.filter(([, to]) => importers.has(to));
    if (rest.length === left.length) return [...importers].sort();
    left = rest;
  }
}

describe('the folders of framework/src', () => {
  const arrows = arrowsOf(readSources());

  it('import lower floors only', () => {
    expect(arrows.length).toBeGreaterThan(500);
    expect(upward(arrows)).toEqual([]);
  });

  it('hold no cycle of files, types included', () => {
    expect(filesInCycles(arrows)).toEqual([]);
  });

  it('are refused with an arrow up, a folder of no floor, or a cycle', () => {
    const up = arrowsOf(new Map([['raft/log.ts', "import type { A } from '../engine/replica.js';"]]));
    expect(upward(up)).toEqual(['raft/log.ts -> engine/replica.ts']);
    const unknown = arrowsOf(new Map([['attic/a.ts', "import { b } from '../errors/index.js';"]]));
    expect(upward(unknown)).toEqual(['attic/a.ts -> errors/index.ts']);
    const circle = new Map([
      ['raft/a.ts', "import type { B } from './b.js';"],
      ['raft/b.ts', "export { c } from './c.js';"],
      ['raft/c.ts', "const a = await import('./a.js');"],
      ['raft/d.ts', "import './a.js';"],
    ]);
    expect(filesInCycles(arrowsOf(circle))).toEqual(
      expect.arrayContaining(['raft/a.ts', 'raft/b.ts', 'raft/c.ts']),
    );
  });
});
