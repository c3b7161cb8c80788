import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';

interface Mutant {
  id: string;
  file: string;
  operator: string;
  from: string;
  to: string;
  start: number;
  end: number;
  text: string;
}

interface Result {
  verdict: string;
  id?: string;
}

const root = new URL('../../', import.meta.url);

async function load<T>(name: string): Promise<T> {
  return (await import(new URL(`proving/adapter-mutants/${name}.mjs`, root).href)) as T;
}

const { mutantsOf, applyTo } = await load<{
  mutantsOf: (file: string, text: string) => Mutant[];
  applyTo: (text: string, mutant: Mutant) => string;
}>('generate');
const { instrument } = await load<{
  instrument: (
    text: string,
    mutants: Mutant[],
    from: number,
  ) => { text: string; places: (number | undefined)[]; next: number };
}>('reach');
const { drawOrder } = await load<{ drawOrder: (mutants: Mutant[], seed: number) => Mutant[] }>('draw');
const { EQUIVALENTS } = await load<{ EQUIVALENTS: Record<string, string> }>('equivalents');
const { countsOf } = await load<{ countsOf: (results: Result[]) => { percent?: number } }>('report');
const { casesFor } = await load<{ casesFor: (mutant: object, baseline: object) => string[] }>('plan');
const { RunRecord } = await load<{
  RunRecord: new (file: string) => {
    add: (line: object) => void;
    results: (key: object) => Map<string, Result>;
  };
}>('record');

/** What an operator makes of some code, each mutant as the whole code. */
function made(operator: string, code: string): string[] {
  return mutantsOf('a.js', code)
    .filter((mutant) => mutant.operator === operator)
    .map((mutant) => applyTo(code, mutant));
}

describe('mutants made by machine', () => {
  it.each([
    [
      'off-by-one',
      'if (a < b) f(n + 1);',
      ['if (a <= b) f(n + 1);', 'if (a < b) f(n);', 'if (a < b) f(n + 2);'],
    ],
    ['changed-limit', 'x = 64;', ['x = 32;', 'x = 128;']],
    ['opposite-operator', 'x = a - b;', ['x = a + b;']],
    ['flipped-flag', 'x = true;', ['x = false;']],
    ['reused-buffer', 'x = a.slice();', ['x = a;', 'x = a.subarray();']],
    ['reused-buffer', 'x = new Uint8Array(a);', ['x = a;']],
    ['wrong-width', 'a.writeUInt32LE(1);', ['a.writeUInt32BE(1);', 'a.writeUInt16LE(1);']],
    ['wrong-method', 'a.push(b);', ['a.unshift(b);']],
    ['swapped-arguments', 'f(a, b);', ['f(b, a);']],
    ['dropped-await', 'await f();', ['f();']],
    ['swapped-statements', '{ f(); g(); }', ['{ g(); f(); }']],
    ['removed-condition', 'if (a) f();', ['if (true) f();', 'if (false) f();']],
    ['removed-condition', 'x = a && b;', ['x = a;', 'x = b;']],
    ['dropped-jump', 'for (;;) if (a) break;', ['for (;;) if (a) ;']],
    ['swallowed-error', 'if (a) throw b;', ['if (a) ;']],
    ['dropped-clean-up', 'try { f(); } finally { g(); }', ['try { f(); } finally {}']],
    ['dropped-sync', 'await file.datasync();', [';']],
    ['dropped-sync', 'open({ noSync: false });', ['open({ noSync: true });']],
    ['dropped-call', 'f();', [';']],
    ['dropped-assignment', 'this.a = b;', [';']],
    ['dropped-argument', 'f(a, b);', ['f(a);']],
  ])('change, of %s, %s', (operator, code, expected) => {
    expect(made(operator, code)).toEqual(expected);
  });

  it('leave types, texts of errors and warnings as they are', () => {
    const code = "type A = 5; throw new ErrOpen('a' + 1); warn(f(1, 2)); throw new RangeError(`${n + 1}`);";
    const found = mutantsOf('a.ts', code).filter(({ from }) => !from.startsWith('throw'));
    expect(found.map(({ id }) => id)).toEqual([]);
  });

  it('have ids that stay the same when other lines change', () => {
    const code = 'class Log { #write() { f(1); f(1); } }';
    const ids = (text: string): string[] => mutantsOf('a.ts', text).map(({ id }) => id);
    expect(ids(code)).toEqual(ids(`const other = g;\n\n${code}`));
    expect(ids(code)).toContain('a.ts Log.#write off-by-one: 1 => 2 (2)');
    expect(new Set(ids(code)).size).toBe(ids(code).length);
  });

  it('report which of them run', () => {
    const code =
      'const f = (a) => a + 1; class C { b = 2; g(x) { if (x) return 3; else { x = 4; } return f(x); } } out(new C().g(0));';
    const { text, places } = instrument(code, mutantsOf('a.js', code), 1);
    const reached = new Set<number | undefined>();
    const context = { drakkarReached: (number: number) => reached.add(number) };
    const results: number[] = [];
    runInNewContext(text, { ...context, out: (result: number) => results.push(result) });
    expect(results).toEqual([5]);
    const ran = mutantsOf('a.js', code).filter((_, at) => reached.has(places[at]));
    expect(ran.map(({ from }) => from)).toEqual(expect.arrayContaining(['a + 1', '2', 'x = 4;']));
    expect(ran.map(({ from }) => from)).not.toContain('3');
  });

  it('are drawn by a seed, each operator in turn', () => {
    const all = mutantsOf('a.js', `${'f(1); '.repeat(30)} await g(); x = true;`);
    const first = drawOrder(all, 3);
    expect(first).toEqual(drawOrder(all, 3));
    expect(first).not.toEqual(drawOrder(all, 4));
    expect(first.map(({ id }) => id).sort()).toEqual(all.map(({ id }) => id).sort());
    const operators = new Set(all.map(({ operator }) => operator));
    expect(new Set(first.slice(0, operators.size).map(({ operator }) => operator))).toEqual(operators);
  });

  it('are asked the cases that come by them, the quickest first', () => {
    const cases = {
      slow: { durationMs: 900, reached: [1, 2] },
      quick: { durationMs: 5, reached: [2] },
      other: { durationMs: 1, reached: [] },
    };
    expect(casesFor({ place: 2 }, { always: [], cases })).toEqual(['quick', 'slow']);
    expect(casesFor({ place: 3 }, { always: [3], cases })).toEqual(['other', 'quick', 'slow']);
    expect(casesFor({ place: 4 }, { always: [], cases })).toEqual([]);
  });

  it('do not count when they are equivalent or never run', () => {
    const verdicts = ['caught', 'caught', 'caught', 'survived', 'equivalent', 'not run'];
    expect(countsOf(verdicts.map((verdict) => ({ verdict })))).toMatchObject({ percent: 75 });
  });

  it('are not asked again where an interrupted run has left its record', () => {
    const dir = mkdtempSync(join(tmpdir(), 'drakkar-adapter-mutants-'));
    try {
      const file = join(dir, 'record');
      const key = { target: 'a', print: 'sources', share: 100 };
      new RunRecord(file).add({ ...key, result: { id: 'one', verdict: 'caught' } });
      writeFileSync(file, '{"target":"a","resu', { flag: 'a' });
      expect([...new RunRecord(file).results(key).keys()]).toEqual(['one']);
      expect([...new RunRecord(file).results({ ...key, print: 'changed' })]).toEqual([]);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });
});

describe('the list of equivalent mutants', () => {
  it('has mutants of the sources only, each with a reason', () => {
    const ids = new Map<string, Set<string>>();
    for (const [id, why] of Object.entries(EQUIVALENTS)) {
      const [file = ''] = id.split(' ');
      const path = fileURLToPath(new URL(file, root));
      expect({ id, exists: existsSync(path) }).toEqual({ id, exists: true });
      if (!ids.has(file)) {
        ids.set(file, new Set(mutantsOf(file, readFileSync(path, 'utf8')).map((mutant) => mutant.id)));
      }
      expect({ id, isMutant: ids.get(file)?.has(id) }).toEqual({ id, isMutant: true });
      expect(why.length).toBeGreaterThan(20);
    }
  });
});
