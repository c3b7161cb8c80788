import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

interface Mutant {
  id: string;
  area: string;
  what: string;
  file: string;
  find: string;
  replace: string;
  unseen?: string;
}

const root = new URL('../../', import.meta.url);
const list = (await import(new URL('scripts/mutants/list.mjs', root).href)) as {
  MUTANTS: readonly Mutant[];
  testsFor: (mutant: Mutant) => string[];
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
      expect(text.split(mutant.find).length - 1).toBe(1);
      expect(mutant.replace).not.toBe(mutant.find);
      expect(mutant.what).not.toBe('');
      expect(mutant.unseen).not.toBe('');
      expect(list.testsFor(mutant).length).toBeGreaterThan(0);
    },
  );

  it('has one for each thing that the simulator checks', async () => {
    const { EVIDENCE } = (await import(new URL('scripts/mutants/evidence.mjs', root).href)) as {
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
