import { describe, expect, it } from '@jest/globals';
import type { CaseResult } from '../suite/case.js';
import type { AdapterOutcome } from './adapters.js';
import type { Job } from './jobs.js';
import { type ThoroughFailure, type ThoroughPlan, runThorough } from './thorough.js';

const job = (name: string): Job => ({ kind: 'adapter', adapter: { name } });

function result(id: string, hasDrawn: boolean, status: CaseResult['status'] = 'passed'): CaseResult {
  const error = status === 'failed' ? 'lost an entry' : undefined;
  return { id, group: 'LDB-SAVE', title: '', status, error, reason: undefined, durationMs: 1, hasDrawn };
}

const report = (cases: CaseResult[]): AdapterOutcome => ({
  name: 'mine',
  report: { adapter: 'mine', contract: 'logdb', ok: true, cases },
});

/** Runs for three rounds of each job: each call takes a minute. */
async function rounds(
  jobs: readonly Job[],
  answer: (...args: Parameters<ThoroughPlan['ask']>) => AdapterOutcome,
): Promise<{ calls: unknown[][]; failures: ThoroughFailure[] }> {
  let nowMs = 0;
  const calls: unknown[][] = [];
  const { failures } = await runThorough({
    jobs,
    seed: 7,
    minutes: 3 * jobs.length,
    nowMs: () => nowMs,
    onFailure: () => undefined,
    ask: async (asked, cases, seed) => {
      calls.push([asked.kind === 'adapter' ? asked.adapter.name : '', cases, seed]);
      await Promise.resolve();
      nowMs += 60_000;
      return answer(asked, cases, seed);
    },
  });
  return { calls, failures };
}

describe('thorough runs', () => {
  it('ask each adapter with seed after seed until the time is over', async () => {
    const { calls } = await rounds([job('a'), job('b')], () => report([result('LDB-SAVE-1', true)]));
    expect(calls.slice(0, 5).map(([name, , seed]) => [name, seed])).toEqual([
      ['a', 7],
      ['b', 7],
      ['a', 8],
      ['b', 8],
      ['a', 9],
    ]);
    expect(calls.length).toBeLessThanOrEqual(7);
  });

  it('ask only cases that draw from the seed, once these are known', async () => {
    const { calls } = await rounds([job('a')], () =>
      report([result('LDB-SAVE-1', false), result('LDB-MODEL-1', true)]),
    );
    expect(calls.map(([, cases]) => cases)).toEqual([undefined, undefined, ['LDB-MODEL-1'], ['LDB-MODEL-1']]);
  });

  it('report a failed case once, with its seed', async () => {
    const { failures } = await rounds([job('a')], (_job, _cases, seed) =>
      report([result('LDB-MODEL-1', true, seed > 7 ? 'failed' : 'passed')]),
    );
    expect(failures).toEqual([
      { job: expect.anything() as unknown, id: 'LDB-MODEL-1', seed: 8, error: 'lost an entry' },
    ]);
  });

  it('end where nobody can be asked', async () => {
    const { calls, failures } = await rounds([job('a')], () => ({ name: 'a', broken: 'no such file' }));
    expect(calls.length).toBeLessThanOrEqual(2);
    expect(failures).toMatchObject([{ seed: 7, error: 'no such file' }]);
  });
});
