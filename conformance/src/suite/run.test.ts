import { describe, expect, it } from '@jest/globals';
import { same } from './assert.js';
import type { CaseResult, ConformanceCase } from './case.js';
import { type Suite, registerSuite, runSuite } from './run.js';

interface Can {
  fly: boolean;
}

interface Bench {
  notes: string[];
  cleaned: boolean;
}

const benches: Bench[] = [];
const pass = (): Promise<void> => Promise.resolve();
const failing = (): Promise<void> => Promise.reject(new Error('it does not'));

function suiteOf(
  cases: readonly ConformanceCase<Bench, Can>[],
  more: Partial<Suite<Bench, Can>> = {},
): Suite<Bench, Can> {
  return {
    contract: 'logdb',
    adapter: 'bird',
    capabilities: { fly: false },
    cases,
    knownGaps: {},
    makeBench: () => {
      const bench = { notes: [], cleaned: false };
      benches.push(bench);
      return Promise.resolve(bench);
    },
    notesOf: ({ notes }) => notes,
    cleanUp: (bench) => {
      bench.cleaned = true;
      return Promise.resolve();
    },
    ...more,
  };
}

async function resultOf(
  test: Omit<ConformanceCase<Bench, Can>, 'id' | 'title'>,
  more: Partial<Suite<Bench, Can>> = {},
): Promise<CaseResult> {
  const { cases } = await runSuite(suiteOf([{ id: 'A-B-1', title: 'flies', ...test }], more));
  const [result] = cases;
  if (result === undefined) throw new Error('no result');
  return result;
}

describe('a suite', () => {
  it('passes, and fails with the reason, and cleans up either way', async () => {
    expect(await resultOf({ run: pass })).toMatchObject({ status: 'passed', group: 'A-B' });
    expect(await resultOf({ run: failing })).toMatchObject({ status: 'failed', error: 'it does not' });
    expect(benches.every(({ cleaned }) => cleaned)).toBe(true);
    const report = await runSuite(suiteOf([{ id: 'A-B-1', title: 'flies', run: failing }]));
    expect(report.ok).toBe(false);
  });

  it('asks of a capability both ways', async () => {
    const test = { requires: 'fly', run: failing, otherwise: pass } as const;
    expect(await resultOf(test)).toMatchObject({ status: 'passed' });
    expect(await resultOf(test, { capabilities: { fly: true } })).toMatchObject({ status: 'failed' });
    expect(await resultOf({ requires: 'fly', run: failing })).toMatchObject({
      status: 'not-applicable',
      reason: 'fly is not declared',
    });
  });

  it('takes a known gap for what it is, and for a failure when it is none any more', async () => {
    const knownGaps = { 'A-B-1': 'young birds' };
    expect(await resultOf({ run: failing }, { knownGaps })).toMatchObject({
      status: 'known-gap',
      reason: 'young birds',
      error: 'it does not',
    });
    const gone = await resultOf({ run: pass }, { knownGaps });
    expect(gone.status).toBe('failed');
    expect(gone.error).toMatch(/no longer a gap: remove it/);
    await expect(resultOf({ run: pass }, { knownGaps: { 'A-B-2': '?' } })).rejects.toThrow(
      /name no case: A-B-2/,
    );
  });

  it('bounds a case that hangs', async () => {
    const hangs = (): Promise<void> => new Promise(() => undefined);
    const result = await resultOf({ run: hangs, deadlineMs: 20 });
    expect(result).toMatchObject({
      status: 'failed',
      error: expect.stringMatching(/^the case: not within \d+ ms$/),
    });
  });

  it('reports nothing as passed of an adapter that can not run', async () => {
    const suite = suiteOf([{ id: 'A-B-1', title: 'flies', run: pass }], { unavailable: 'no wings' });
    expect(await runSuite(suite)).toEqual({
      adapter: 'bird',
      contract: 'logdb',
      ok: false,
      notInstalled: 'no wings',
      cases: [],
    });
    const bodies: (() => Promise<void>)[] = [];
    registerSuite({ describe: (_name, body) => body(), it: (_name, body) => bodies.push(body) }, suite);
    expect(bodies).toHaveLength(1);
    await expect(bodies[0]?.()).rejects.toThrow('not installed: no wings');
  });

  it('shows the figures of a case, also of one that failed', async () => {
    const run = async ({ notes }: Bench): Promise<void> => {
      notes.push('wing span 2 m');
      same(1, 2, 'wings');
    };
    expect(await resultOf({ run })).toMatchObject({ status: 'failed', notes: ['wing span 2 m'] });
  });

  it('runs only what is chosen', async () => {
    const cases = ['A-B-1', 'A-C-1'].map((id) => ({ id, title: id, run: pass }));
    const { cases: ran } = await runSuite(suiteOf(cases), { only: ['A-C-1'] });
    expect(ran.map(({ id }) => id)).toEqual(['A-C-1']);
  });
});
