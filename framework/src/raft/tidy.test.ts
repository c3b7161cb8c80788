import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const FOLDER = import.meta.dirname;
const ERRORS = '../errors/index.js';
const sources = readdirSync(FOLDER).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));

/** What would make the core depend on anything but its inputs. */
const FORBIDDEN: [string, RegExp][] = [
  ['the clock', /\bDate\b|\bperformance\b|\bhrtime\b/],
  ['its own randomness', /Math\s*\.\s*random|\bcrypto\b/],
  ['timers', /\b(setTimeout|setInterval|setImmediate|queueMicrotask)\b/],
  ['promises', /\bPromise\b|\basync\b|\bawait\b/],
  ['the process', /\bprocess\b|\bglobalThis\b|\bconsole\b/],
];

/** Comments may speak of anything. */
function codeOf(name: string): string {
  return readFileSync(join(FOLDER, name), 'utf8')
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/^\s*\/\/.*$/gm, '');
}

describe('the core is pure', () => {
  it('has sources to look at', () => {
    expect(sources).toContain('raft.ts');
    expect(sources.length).toBeGreaterThan(15);
  });

  for (const name of sources) {
    it(`${name} uses neither clock, randomness, timers, promises nor the process`, () => {
      const code = codeOf(name);
      expect(FORBIDDEN.filter(([, pattern]) => pattern.test(code)).map(([what]) => what)).toEqual([]);
    });

    it(`${name} imports only the contracts, errors and its neighbours`, () => {
      const imported = [...codeOf(name).matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map(
        ([, path]) => path,
      );
      const foreign = imported.filter(
        (path) => path !== '@drakkar/raftio' && path !== ERRORS && !/^\.\/[a-z-]+\.js$/.test(path ?? ''),
      );
      expect(foreign).toEqual([]);
    });

    it(`${name} is of a size that one can read`, () => {
      expect(readFileSync(join(FOLDER, name), 'utf8').split('\n').length).toBeLessThan(500);
    });
  }

  it('sees what it looks for', () => {
    const bad =
      'const now = Date.now(); setTimeout(f, Math.random()); process.exit(); await Promise.resolve();';
    expect(FORBIDDEN.filter(([, pattern]) => pattern.test(bad))).toHaveLength(FORBIDDEN.length);
  });
});
