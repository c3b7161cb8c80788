import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { TestLogs, entries, failureOf, indexesOf, updateOf } from '@drakkar/raftio/kv/testing';
import { FreeSpace } from './free-space.js';
import { openLmdbLogDB } from './index.js';

const MIB = 1024 * 1024;
const GIB = 1024 * MIB;
const MORE_THAN_THERE_IS = 2 ** 60;
const path = join(tmpdir(), 'log.mdb');
const logs = new TestLogs(openLmdbLogDB);

afterEach(() => {
  jest.useRealTimers();
});

describe('FreeSpace', () => {
  it('lets a write through that fits', () => {
    const put = { type: 'put', key: Buffer.alloc(8), value: Buffer.alloc(1000) } as const;
    expect(() => new FreeSpace(path, 4096).check([put])).not.toThrow();
    expect(() => new FreeSpace(path, 0).check([put])).not.toThrow();
  });

  it('refuses one that may not, and reports what is missing', () => {
    const refused = (): void => new FreeSpace(path, MORE_THAN_THERE_IS).check([]);
    expect(refused).toThrow(/no space left on device: \d+\.\d MiB are free in .* asks for \d+\.\d MiB/);
    expect(refused).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
  });

  it('counts the size of the write', () => {
    const huge = { length: MORE_THAN_THERE_IS } as Uint8Array;
    const put = { type: 'put', key: Buffer.alloc(8), value: huge } as const;
    expect(() => new FreeSpace(path, 1).check([put])).toThrow('no space left on device');
  });
});

describe('a disk with ample room', () => {
  const putOf = (length: number) =>
    ({ type: 'put', key: Buffer.alloc(8), value: { length } as Uint8Array }) as const;

  it('is looked at again for a write that would take what was ample', () => {
    const freeSpace = new FreeSpace(path, 1);
    freeSpace.check([putOf(1)]);
    expect(() => {
      freeSpace.check([putOf(MORE_THAN_THERE_IS)]);
    }).toThrow('no space left on device');
  });

  /** A disk that holds what is written, with others on it; `looks` counts how often it is looked at. */
  class Disk {
    freeBytes = 4 * GIB;
    looks = 0;
    readonly freeSpace = new FreeSpace('/log/log.mdb', MIB, () => {
      this.looks += 1;
      return this.freeBytes;
    });

    /** Twice as much as is asked for, since pages are copied. */
    write(sizeBytes: number): void {
      const put = { ...putOf(sizeBytes / 2), key: { length: sizeBytes / 2 } as Uint8Array };
      this.freeSpace.check([put, { type: 'delete', key: Buffer.alloc(8) }]);
      this.freeBytes -= 2 * sizeBytes;
    }
  }

  it('is not looked at for each write, and again after 10 ms', () => {
    jest.useFakeTimers();
    const disk = new Disk();
    for (let i = 0; i < 100; i++) disk.write(1_000);
    expect(disk.looks).toBe(1);
    jest.advanceTimersByTime(9);
    disk.write(1_000);
    expect(disk.looks).toBe(1);
    jest.advanceTimersByTime(1);
    disk.write(1_000);
    expect(disk.looks).toBe(2);
  });

  it('keeps its reserve, however much is written within 10 ms', () => {
    jest.useFakeTimers();
    for (const sizeBytes of [MIB / 4, 7 * MIB, 250 * MIB, GIB / 2, GIB]) {
      const disk = new Disk();
      expect(() => {
        for (let i = 0; i < 100_000; i++) disk.write(sizeBytes);
      }).toThrow('no space left on device');
      expect(disk.freeBytes).toBeGreaterThanOrEqual(MIB);
      // No more is refused than has no room.
      expect(disk.freeBytes).toBeLessThan(MIB + 2 * sizeBytes);
    }
  });

  it('is looked at for each write when there is less room', () => {
    jest.useFakeTimers();
    const disk = new Disk();
    disk.freeBytes = GIB;
    for (let i = 0; i < 10; i++) disk.write(1_000);
    expect(disk.looks).toBe(10);
  });
});

describe('a log whose reserve is touched', () => {
  it('is not written, and holds what it held', async () => {
    const before = await logs.open();
    await before.saveRaftState([updateOf(entries(1, 5))]);
    await before.close();
    const config = { dir: logs.dir, walDir: logs.dir };
    const attempt = openLmdbLogDB(config, { reserveBytes: MORE_THAN_THERE_IS }).then(async (db) => {
      logs.keep(db);
      await db.saveRaftState([updateOf(entries(6, 9))]);
    });
    const failure = await failureOf(attempt);
    expect(`${String(failure.code)} ${failure.message}`).toMatch(/ENOSPC|no space left on device/);
    const after = await logs.open();
    expect(await indexesOf(after)).toEqual([1, 2, 3, 4, 5]);
  });
});
