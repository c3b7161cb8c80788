import { describe, expect, it } from '@jest/globals';
import { Patience, PeerKindFinder } from './peer-kind.js';

describe('PeerKindFinder', () => {
  it('takes no host for one of Dragonboat whose answer came while this process paused', async () => {
    const finder = new PeerKindFinder(new Patience(1, 60_000));
    const next = new Promise((resolve) => setTimeout(resolve, 1));
    // Both timers are due once the pause ends, so that the event loop reads nothing between them.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
    await next;
    expect(finder.spoke()).toBe(false);
    expect(await finder.found).toBe('drakkar');
  });

  it('waits as long as it took to connect where the way is slow', async () => {
    const slow = new PeerKindFinder(new Patience(1, 60_000), 60_000);
    await new PeerKindFinder(new Patience(1, 60_000), 2).found;
    expect(slow.kind).toBeUndefined();
    slow.end();
  });

  it('takes a host that says nothing for one of Dragonboat, and is more patient once that was wrong', async () => {
    const patience = new Patience(1, 60_000);
    const finder = new PeerKindFinder(patience);
    expect(await finder.found).toBe('dragonboat');
    expect([finder.spoke(), patience.ms]).toEqual([true, 2]);
  });
});
