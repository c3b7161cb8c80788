import { describe, expect, it } from '@jest/globals';
import { type ClientAccount, type Ledger, addToLedger, auditLedger } from './ledger.js';

function ledgerOf(...seqs: number[]): Ledger {
  const ledger: Ledger = new Map();
  for (const seq of seqs) addToLedger(ledger, 7, seq);
  return ledger;
}

function account(acknowledged: number[], unknown: number[] = []): Map<number, ClientAccount> {
  return new Map([[7, { acknowledged: new Set(acknowledged), unknown: new Set(unknown) }]]);
}

function audit(ledger: Ledger, accounts: Map<number, ClientAccount>): string[] {
  return auditLedger(
    [...ledger].map(([client, record]) => ({ client, ...record })),
    accounts,
  );
}

describe('ledger', () => {
  it('keeps numbers in any order as ranges', () => {
    expect(ledgerOf(1, 2, 5, 4, 9).get(7)).toEqual({
      ranges: [
        [1, 2],
        [4, 5],
        [9, 9],
      ],
      duplicates: 0,
    });
    expect(ledgerOf(1, 2, 5, 4, 9, 3).get(7)?.ranges).toEqual([
      [1, 5],
      [9, 9],
    ]);
  });

  it('counts what comes again, also in the middle of a range', () => {
    expect(ledgerOf(1, 2, 3, 2, 3, 9, 9).get(7)?.duplicates).toBe(3);
  });

  it('is good when each acknowledged write is there, and unknown ones are or are not', () => {
    expect(audit(ledgerOf(1, 2, 4), account([1, 2], [3, 4]))).toEqual([]);
  });

  it('reports an acknowledged write that is not there', () => {
    expect(audit(ledgerOf(1, 3), account([1, 2, 3]))).toEqual(['client 7: acknowledged writes are lost: 2']);
    expect(audit(new Map(), account([1]))).toHaveLength(1);
  });

  it('reports a write that was claimed to have had no effect', () => {
    expect(audit(ledgerOf(1, 2), account([1]))).toEqual([
      'client 7: writes that were said to have no effect had one: 2',
    ]);
  });

  it('reports a write that was applied twice', () => {
    expect(audit(ledgerOf(1, 2, 2), account([1, 2]))).toEqual(['client 7: 1 writes were applied again']);
  });
});
