import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { figuresOf, outageMs, quantile } from './figures.js';
import { CallKind, Journal, type JournaledCall, readJournal } from './journal.js';

describe('Journal', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'drakkar-journal-'));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  it('gives back what was recorded, answered or not, and leaves out a record cut short', () => {
    const path = join(dir, 'journal');
    const journal = new Journal(path);
    const put = journal.invoked(CallKind.put, 7, 4_000_000_000, 2 ** 40 + 1);
    const get = journal.invoked(CallKind.get, 8, 2, NaN);
    const miss = journal.invoked(CallKind.get, 8, 2, NaN);
    journal.invoked(CallKind.delete, 9, 3, 0);
    journal.returned(get, 0, 12);
    journal.returned(put, 5, 2 ** 40 + 1);
    journal.returned(miss, 0, NaN);
    journal.close();
    appendFileSync(path, new Uint8Array(31));
    const calls = readJournal(path);
    expect(calls).toMatchObject([
      { kind: CallKind.put, client: 7, keyID: 4_000_000_000, value: 2 ** 40 + 1, version: 5 },
      { kind: CallKind.get, client: 8, keyID: 2, value: 12 },
      { kind: CallKind.get, value: undefined },
      { kind: CallKind.delete, client: 9, keyID: 3, returnedAt: undefined },
    ]);
    const [first, second] = calls as [JournaledCall, JournaledCall];
    expect(first.returnedAt).toBeGreaterThanOrEqual(second.returnedAt as number);
    expect(first.invokedAt).toBeLessThanOrEqual(second.invokedAt);
  });

  it('refuses a file that is none', () => {
    const path = join(dir, 'other');
    writeFileSync(path, new Uint8Array(64).fill(9));
    expect(() => readJournal(path)).toThrow('not a journal, at byte 0');
  });
});

describe('figures', () => {
  const answered = (kind: CallKind, invokedAt: number, returnedAt: number | undefined): JournaledCall => ({
    kind,
    client: 0,
    keyID: 0,
    value: 0,
    version: 0,
    invokedAt,
    returnedAt,
  });

  it('takes quantiles', () => {
    expect(quantile([], 0.5)).toBe(0);
    expect(quantile([1, 2, 3, 4], 0.5)).toBe(2);
    expect(quantile([1, 2, 3, 4], 0.99)).toBe(4);
  });

  it('counts calls and measures latencies', () => {
    const figures = figuresOf([
      answered(CallKind.put, 0, 1_000),
      answered(CallKind.delete, 0, 3_000),
      answered(CallKind.get, 1_000_000, 2_000_000),
      answered(CallKind.put, 5, undefined),
    ]);
    expect(figures).toEqual({
      seconds: 2,
      acknowledgedWrites: 2,
      reads: 1,
      unknownOutcomes: 1,
      writesPerSecond: 1,
      readsPerSecond: 0.5,
      writeLatency: { p50Ms: 1, p99Ms: 3 },
      readLatency: { p50Ms: 1_000, p99Ms: 1_000 },
    });
  });

  it('finds the longest time without a write after a kill', () => {
    const writes = [1_000, 2_000, 500_000, 501_000, 2_000_000].map((at) => answered(CallKind.put, 0, at));
    expect(outageMs(writes, 1_500, 600_000)).toBe(498);
    expect(outageMs(writes, 600_000, 1_000_000)).toBe(400);
  });
});
