import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CrashRounds, type RoundReport } from '../src/crash-rounds/rounds.js';
import { compiled } from './dist.js';

const ROUNDS = 4;

describe('processes killed with kill -9 under load', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'drakkar-crash-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it(`lose no acknowledged write, in ${ROUNDS} rounds`, async () => {
    const reports: RoundReport[] = [];
    const crashRounds = new CrashRounds({
      rounds: ROUNDS,
      seed: 7,
      nodes: 3,
      clients: 9,
      payloadBytes: 16,
      logdb: 'lmdb',
      transport: 'ws',
      dir,
      nodeScript: compiled('harness/cluster-node.js'),
    });
    const isGood = await crashRounds.play((report) => reports.push(report));
    const failed = reports.flatMap(({ round, checks }) =>
      checks.filter((check) => !check.isGood).map(({ name, detail }) => `round ${round}: ${name}: ${detail}`),
    );
    expect(failed).toEqual([]);
    expect(isGood).toBe(true);
    expect(reports).toHaveLength(ROUNDS);
    for (const report of reports) expect(report.acknowledgedWrites).toBeGreaterThan(0);
  }, 180_000);
});
