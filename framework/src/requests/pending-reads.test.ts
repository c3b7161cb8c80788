import { describe, expect, it } from '@jest/globals';
import { PendingReads } from './pending-reads.js';

const CLUSTER = 7;
const HIGH = 99;

describe('PendingReads', () => {
  it('asks once, for every read that has gathered', () => {
    const reads = new PendingReads(CLUSTER, HIGH);
    expect(reads.takeContext()).toBeUndefined();
    const first = reads.add(10);
    const second = reads.add(10);
    const context = reads.takeContext();
    expect(context).toEqual({ low: 1, high: HIGH });
    expect(reads.takeContext()).toBeUndefined();
    reads.confirmed({ low: 1, high: HIGH }, 5, 5);
    expect([first.outcome, second.outcome]).toEqual(['completed', 'completed']);
  });

  it('holds a read back until its index is applied', () => {
    const reads = new PendingReads(CLUSTER, HIGH);
    const request = reads.add(10);
    reads.takeContext();
    reads.confirmed({ low: 1, high: HIGH }, 8, 7);
    reads.applied(7);
    expect(request.outcome).toBeUndefined();
    reads.applied(8);
    expect(request.outcome).toBe('completed');
    expect(reads.size).toBe(0);
  });

  it('does not complete reads that came after the context was taken', () => {
    const reads = new PendingReads(CLUSTER, HIGH);
    reads.add(10);
    reads.takeContext();
    const later = reads.add(10);
    reads.confirmed({ low: 1, high: HIGH }, 1, 1);
    expect(later.outcome).toBeUndefined();
  });

  it('ignores a context of another run, and one that was answered before', () => {
    const reads = new PendingReads(CLUSTER, HIGH);
    const request = reads.add(10);
    reads.takeContext();
    reads.confirmed({ low: 1, high: HIGH + 1 }, 1, 1);
    reads.confirmed({ low: 1n, high: HIGH }, 1, 1);
    expect(request.outcome).toBeUndefined();
    reads.dropped({ low: 1, high: HIGH });
    reads.confirmed({ low: 1, high: HIGH }, 1, 1);
    expect(request.outcome).toBe('dropped');
  });

  it('ends overdue reads wherever they wait', () => {
    const reads = new PendingReads(CLUSTER, HIGH);
    const confirmed = reads.add(3);
    reads.takeContext();
    reads.confirmed({ low: 1, high: HIGH }, 50, 1);
    const asked = reads.add(3);
    reads.takeContext();
    const gathering = reads.add(3);
    const patient = reads.add(4);
    reads.expire(2);
    expect([confirmed, asked, gathering].map((request) => request.outcome)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    reads.expire(3);
    expect([confirmed, asked, gathering].map((request) => request.outcome)).toEqual([
      'timeout',
      'timeout',
      'timeout',
    ]);
    expect(patient.outcome).toBeUndefined();
    expect(reads.size).toBe(1);
    reads.terminate();
    expect(patient.outcome).toBe('terminated');
  });
});
