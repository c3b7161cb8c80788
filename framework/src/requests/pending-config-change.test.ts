import { describe, expect, it } from '@jest/globals';
import { makeEntry } from '@drakkar/raftio';
import { PendingConfigChange } from './pending-config-change.js';

const CLUSTER = 7;

describe('PendingConfigChange', () => {
  it('completes the change that was asked for', () => {
    const pending = new PendingConfigChange(CLUSTER, 5);
    const request = pending.add(10);
    expect(pending.isPending).toBe(true);
    pending.applied(makeEntry({ key: request.key }), undefined);
    expect(request.outcome).toBe('completed');
    expect(pending.isPending).toBe(false);
  });

  it('takes one at a time', () => {
    const pending = new PendingConfigChange(CLUSTER, 5);
    const first = pending.add(10);
    expect(() => pending.add(10)).toThrow('pending');
    pending.applied(makeEntry({ key: first.key }), undefined);
    expect(pending.add(10).key).not.toBe(first.key);
  });

  it('reports why a change was rejected or dropped', async () => {
    const pending = new PendingConfigChange(CLUSTER, 5);
    const rejected = pending.add(10);
    pending.applied(makeEntry({ key: rejected.key }), 'it is a member');
    expect(await rejected.result).toMatchObject({ outcome: 'rejected', reason: 'it is a member' });
    const dropped = pending.add(10);
    pending.dropped(dropped.key, 'no leader');
    expect(await dropped.result).toMatchObject({ outcome: 'dropped', reason: 'no leader' });
  });

  it('is not ended by the change of another replica, of another run, or of the first members', () => {
    const pending = new PendingConfigChange(CLUSTER, 0);
    const request = pending.add(10);
    for (const key of [0, 4 * 0x1_0000_0000 + 1, 0xffff_ffff_ffff_ffffn]) {
      pending.applied(makeEntry({ key }), undefined);
      pending.dropped(key, 'no leader');
    }
    expect(request.outcome).toBeUndefined();
  });

  it('times out, and takes another then; the entry of the first ends nothing any more', () => {
    const pending = new PendingConfigChange(CLUSTER, 5);
    const first = pending.add(10);
    pending.expire(9);
    expect(first.outcome).toBeUndefined();
    pending.expire(10);
    expect(first.outcome).toBe('timeout');
    const second = pending.add(20);
    pending.applied(makeEntry({ key: first.key }), undefined);
    expect(second.outcome).toBeUndefined();
    pending.terminate();
    expect(second.outcome).toBe('terminated');
  });
});
