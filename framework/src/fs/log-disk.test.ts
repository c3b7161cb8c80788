import { describe, expect, it } from '@jest/globals';
import { ManualClock } from '../runtime/testing/manual-clock.js';
import type { DiskSpace, IFileSystem } from './file-system.js';
import { LogDisk } from './log-disk.js';

const MIB = 1024 * 1024;

function setUp(reserveBytes = 10 * MIB): {
  disk: LogDisk;
  spaces: Map<string, DiskSpace | Error>;
  looks: () => number;
  look: (afterMs: number) => Promise<void>;
} {
  const clock = new ManualClock();
  const spaces = new Map<string, DiskSpace | Error>();
  let looks = 0;
  const space = (dir: string): Promise<DiskSpace | undefined> => {
    looks++;
    const found = spaces.get(dir);
    return found instanceof Error ? Promise.reject(found) : Promise.resolve(found);
  };
  const fileSystem = { space } as unknown as IFileSystem;
  const disk = new LogDisk({ fileSystem, dirs: ['/log', '/wal'], reserveBytes, clock });
  const look = async (afterMs: number): Promise<void> => {
    clock.advance(afterMs);
    disk.tick();
    for (let i = 0; i < 20; i++) await Promise.resolve();
  };
  return { disk, spaces, looks: () => looks, look };
}

const free = (mib: number, totalMib = 1_000): DiskSpace => ({
  freeBytes: mib * MIB,
  totalBytes: totalMib * MIB,
});

describe('LogDisk', () => {
  it('is low when there is no room beside the reserve, then short, and ample again', async () => {
    const { disk, spaces, look } = setUp();
    const levels: string[] = [];
    for (const mib of [500, 10, 9.9, 7.4, 7.6, 30]) {
      spaces.set('/log', free(mib));
      await look(1_000);
      levels.push(disk.level);
    }
    expect(levels).toEqual(['ample', 'ample', 'low', 'short', 'low', 'ample']);
  });

  it('goes by the folder with the least room, and by a tenth of a small disk', async () => {
    const { disk, spaces, look } = setUp();
    spaces.set('/log', free(500));
    spaces.set('/wal', free(4, 50));
    await look(0);
    expect(disk.level).toBe('low');
    expect(disk.description).toMatch(/^4194304 bytes are free on the disk of \/wal$/);
  });

  it('is looked at more often when it is nearly full', async () => {
    const { spaces, looks, look } = setUp();
    spaces.set('/log', free(500));
    for (let i = 0; i < 10; i++) await look(100);
    expect(looks()).toBe(2);
    spaces.set('/log', free(30));
    await look(1_000);
    const before = looks();
    for (let i = 0; i < 10; i++) await look(100);
    expect(looks() - before).toBe(20);
  });

  it('refuses nothing where the disk can not be asked, or nothing is reserved', async () => {
    const { disk, spaces, look } = setUp();
    spaces.set('/log', new Error('EIO'));
    await look(0);
    expect(disk.level).toBe('ample');
    const off = setUp(0);
    off.spaces.set('/log', free(0));
    await off.look(0);
    expect([off.disk.level, off.looks()]).toEqual(['ample', 0]);
  });
});
