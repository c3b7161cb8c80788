import { describe, expect, it } from '@jest/globals';
import { SnapshotSchedule } from './snapshot-schedule.js';

/** Indexes at which it takes a snapshot, of `count` entries that are applied one by one. */
function indexes(schedule: SnapshotSchedule, count: number, fails = false): number[] {
  const taken: number[] = [];
  for (let index = 1; index <= count; index++) {
    if (!schedule.isDue(index, fails ? 0 : (taken.at(-1) ?? 0))) continue;
    taken.push(index);
    if (fails) schedule.failed(index);
    else schedule.succeeded();
  }
  return taken;
}

describe('the schedule of snapshots', () => {
  it('takes none when none is configured', () => {
    expect(indexes(new SnapshotSchedule(0, 1), 1000)).toEqual([]);
  });

  it('differs between members, and is never longer than configured', () => {
    const members = [1, 2, 3, 4, 5].map((nodeID) => indexes(new SnapshotSchedule(100, nodeID), 400));
    expect(members.map((taken) => taken[0])).toEqual([100, 85, 95, 79, 89]);
    for (const taken of members) expect(taken.length).toBeGreaterThanOrEqual(4);
    for (const nodeID of [1, 2, 7, 2 ** 53 - 1]) {
      const [first = 0] = indexes(new SnapshotSchedule(1, nodeID), 10);
      expect(first).toBe(1);
    }
  });

  it('waits longer after each failure in a row, up to a bound', () => {
    const schedule = new SnapshotSchedule(10, 1);
    expect(indexes(schedule, 700, true)).toEqual([10, 20, 40, 80, 160, 320, 480, 640]);
    schedule.succeeded();
    expect(schedule.isDue(650, 640)).toBe(true);
  });
});
