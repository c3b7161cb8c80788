import { describe, expect, it } from '@jest/globals';
import { memoryLogDBHarness } from '../reference/memory-logdb-harness.js';
import { PendingCalls } from './pending-calls.js';

const never = (): Promise<never> => new Promise(() => undefined);

describe('PendingCalls', () => {
  it('names the oldest call that has not settled, and how many came after it', async () => {
    const place = await memoryLogDBHarness().setup();
    const pending = new PendingCalls();
    const db = pending.follow(await place.open());
    await db.listNodeInfo();
    expect(pending.describe()).toBeUndefined();
    const hung = pending.follow(Object.assign(db, { removeNodeData: never, compactEntriesTo: never }));
    void hung.removeNodeData(1, 1);
    void hung.compactEntriesTo(1, 1, 1);
    await db.listNodeInfo();
    expect(pending.describe()).toMatch(
      /^removeNodeData \(call 2 of \d+\), which has not settled for [\d.]+ s, and \d calls after it$/,
    );
    await place.teardown();
  });
});
