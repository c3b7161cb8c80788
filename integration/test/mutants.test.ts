import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

interface Mutant {
  id: string;
  area: string;
  what: string;
  file: string;
  in: string;
  find: string;
  replace: string;
  unseen?: string;
}

const root = new URL('../../', import.meta.url);
const list = (await import(new URL('proving/mutants/list.mjs', root).href)) as {
  MUTANTS: readonly Mutant[];
  testsFor: (mutant: Mutant) => string[];
};

const { mutate } = (await import(new URL('proving/mutants/anchor.mjs', root).href)) as {
  mutate: (mutant: Pick<Mutant, 'id' | 'file' | 'in' | 'find' | 'replace'>, text: string) => string;
};

/** `npm run mutants` takes too long for every test run; that its list fits the sources is seen here. */
describe('the list of mutants', () => {
  it('has at least 40, each of its own name', () => {
    const ids = list.MUTANTS.map(({ id }) => id);
    expect(ids.length).toBeGreaterThanOrEqual(40);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each(list.MUTANTS.map((mutant): [string, Mutant] => [mutant.id, mutant]))(
    '%s fits its file',
    (_id, mutant) => {
      const text = readFileSync(fileURLToPath(new URL(mutant.file, root)), 'utf8');
      expect(mutate(mutant, text)).not.toBe(text);
      expect(mutant.what).not.toBe('');
      expect(mutant.unseen).not.toBe('');
      expect(list.testsFor(mutant).length).toBeGreaterThan(0);
    },
  );

  it('has one for each thing that the simulator checks', async () => {
    const { EVIDENCE } = (await import(new URL('proving/mutants/evidence.mjs', root).href)) as {
      EVIDENCE: Readonly<Record<string, string>>;
    };
    const folder = fileURLToPath(new URL('simulator/src/invariants/', root));
    const names = readdirSync(folder, { withFileTypes: true })
      .filter((each) => each.isFile() && !each.name.endsWith('.test.ts'))
      .flatMap(({ name }) => [
        ...readFileSync(`${folder}${name}`, 'utf8').matchAll(/readonly name = '(.+)';/g),
      ])
      .map(([, name]) => name);
    expect(names.length).toBeGreaterThan(10);
    expect(Object.keys(EVIDENCE).sort()).toEqual([...names, 'linearizability', 'liveness'].sort());
    const ids = list.MUTANTS.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(Object.values(EVIDENCE)));
  });
});

/** A mutant is found again after its surroundings were written again. */
describe('the place of a mutant', () => {
  const TEXT = `
    function other(a: number) { if (a > 1) return; }
    class Queue {
      push(a: number, b: number): void {
        // the bound
        if (
          a > 1 && (b > 2) // both
        ) {
          return;
        }
        for (const each of [a, b]) if (each > a) this.take(each, 'x');
        this.take(a); this.take(b);
      }
    }`;
  const changed = (find: string, replace: string, scope = 'Queue.push'): string =>
    mutate({ id: 'sample', file: 'queue.ts', in: scope, find, replace }, TEXT);

  it('ignores whitespace, comments, parentheses, quotes and braces around one statement', () => {
    expect(changed('if (a>1&&b>2) return;', 'stop();')).toContain('stop();\n        for');
    expect(changed('a > 1', 'a > 3', 'other')).toContain('other(a: number) { if (a > 3) return; }');
    expect(changed('if (each > a) { this.take(each, "x"); }', 'f(); g();')).toContain(
      'for (const each of [a, b]) { f(); g(); }',
    );
  });

  it('fills in what a wildcard stood for', () => {
    expect(changed('$x && b > 2', '$x || b > 2')).toContain('a > 1 || b > 2');
    expect(changed('this.take(a); $next;', '$next;')).toContain('\n        this.take(b);\n');
    expect(changed('this.take(each, $$more)', 'this.drop($$more)')).toContain("this.drop('x')");
  });

  it('must be one, in a function that is one, with a result that can be parsed', () => {
    expect(() => changed('a > 9', 'b')).toThrow(
      /mutant sample does not fit queue.ts: Queue.push has 0 places/,
    );
    expect(() => changed('this.take($x);', '')).toThrow(/Queue.push has 2 places like `this.take\(\$x\);`/);
    expect(() => changed('a > 1', 'b', 'Queue.pop')).toThrow(/0 declarations are named Queue.pop, not one/);
    expect(() => changed('a > 1', 'b >', 'other')).toThrow(/the result can not be parsed/);
    expect(() => changed('a >', 'b')).toThrow(/the pattern `a >` can not be parsed/);
  });
});
