import { describe, expect, it } from '@jest/globals';
import { Operations, type SlowOperation, describeOperations } from './operations.js';
import { ManualClock } from './testing/manual-clock.js';

function setUp(): { clock: ManualClock; operations: Operations; reports: SlowOperation[] } {
  const clock = new ManualClock();
  const reports: SlowOperation[] = [];
  return { clock, operations: new Operations(clock, (slow) => reports.push(slow)), reports };
}

const group =
  (...clusterIDs: number[]): (() => number[]) =>
  (): number[] =>
    clusterIDs;

describe('operations', () => {
  it('says nothing of what ends within a second', () => {
    const { clock, operations, reports } = setUp();
    for (let i = 0; i < 10; i++) {
      const end = operations.begin('save', group(1));
      clock.advance(999);
      end();
    }
    clock.advance(10_000);
    expect(reports).toEqual([]);
    expect(clock.timerCount).toBe(0);
  });

  it('reports what takes longer at once, in growing pauses, and at its end', () => {
    const { clock, operations, reports } = setUp();
    clock.advance(7);
    const end = operations.begin('save', group(1, 2));
    clock.advance(9_000);
    end();
    end();
    expect(reports.map(({ elapsedMs, hasEnded }) => [elapsedMs, hasEnded])).toEqual([
      [1000, false],
      [2000, false],
      [4000, false],
      [8000, false],
      [9000, true],
    ]);
    expect(reports[0]).toMatchObject({ name: 'save', clusterIDs: [1, 2], leftOut: 0 });
    operations.begin('save', group(1));
    clock.advance(3_600_000);
    expect(reports.length).toBeLessThan(32);
  });

  it('reports what has blocked everything', () => {
    const { clock, operations, reports } = setUp();
    operations.blocked('update', 7, clock.nowMs());
    clock.advance(1500);
    operations.blocked('update', 7, 0);
    expect(reports).toMatchObject([{ name: 'update', clusterIDs: [7], elapsedMs: 1500, hasEnded: true }]);
  });

  it('bounds the reports, and reports how many it has left out', () => {
    const { clock, operations, reports } = setUp();
    const ends = Array.from({ length: 500 }, (_, i) => operations.begin('save', group(i)));
    clock.advance(1000);
    expect(reports).toHaveLength(100);
    for (const end of ends) end();
    expect(reports).toHaveLength(100);
    clock.advance(10_000);
    operations.begin('save', group(1));
    clock.advance(1000);
    expect(reports).toHaveLength(101);
    expect(reports[100]?.leftOut).toBe(900);
  });

  it('watches promises, passes on what comes of them, and keeps no timer once stopped', async () => {
    const { clock, operations } = setUp();
    expect(await operations.watch('a', group(1), () => Promise.resolve(3))).toBe(3);
    expect(operations.watch('a', group(1), () => 4)).toBe(4);
    await expect(operations.watch('a', group(1), () => Promise.reject(new Error('no')))).rejects.toThrow(
      'no',
    );
    expect(() =>
      operations.watch('a', group(1), () => {
        throw new Error('at once');
      }),
    ).toThrow('at once');
    expect(operations.watchIfAsync('a', group(1), () => 4)).toBe(4);
    expect(operations.list()).toEqual([]);
    void operations.watchIfAsync('update', group(1), () => new Promise(() => undefined));
    operations.begin('transport', group());
    clock.advance(40);
    expect(describeOperations(operations.list())).toBe(
      'update of group 1, for 40 ms now; transport, for 40 ms now',
    );
    operations.stop();
    expect(clock.timerCount).toBe(0);
  });
});
