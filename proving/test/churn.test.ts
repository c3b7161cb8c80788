import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type ChurnReport, ChurnRounds } from '../src/churn/rounds.js';
import { compiled } from './dist.js';

const ROUNDS = 2;

describe('members that come and go under load, with kill -9 in between', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'drakkar-churn-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it(`lose no write and agree on the members, in ${ROUNDS} rounds`, async () => {
    const reports: ChurnReport[] = [];
    const churn = new ChurnRounds({
      rounds: ROUNDS,
      seed: 1,
      nodes: 5,
      writers: 2,
      readers: 1,
      payloadBytes: 16,
      logdb: 'lmdb',
      transport: 'ws',
      dir,
      nodeScript: compiled('churn/node.js'),
    });
    const isGood = await churn.play((report) => reports.push(report));
    const failed = reports.flatMap(({ round, checks }) =>
      checks.filter((check) => !check.isGood).map(({ name, detail }) => `round ${round}: ${name}: ${detail}`),
    );
    expect(failed).toEqual([]);
    expect(isGood).toBe(true);
    expect(reports).toHaveLength(ROUNDS);
    for (const report of reports) {
      expect(report.steps.length).toBeGreaterThan(1);
      expect(report.acknowledgedWrites).toBeGreaterThan(0);
    }
  }, 180_000);
});
