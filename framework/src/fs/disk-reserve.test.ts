import { describe, expect, it } from '@jest/globals';
import { MemoryDisk } from '../snapshot/testing/memory-disk.js';
import { DiskReserve, ReservingFileSystem } from './disk-reserve.js';
import { NodeFileSystem } from './node-file-system.js';

const MIB = 1024 * 1024;

function setUp(capacityBytes: number, reserveBytes: number): { disk: MemoryDisk; reserve: DiskReserve } {
  const disk = new MemoryDisk();
  disk.capacityBytes = capacityBytes;
  return { disk, reserve: new DiskReserve({ fileSystem: disk, dir: '/data', reserveBytes }) };
}

describe('the reserve of a disk', () => {
  it('refuses what would leave less, and says the numbers', async () => {
    const { reserve } = setUp(1000, 100);
    await reserve.mustFit(900, 'it');
    await expect(reserve.mustFit(901, 'it')).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(reserve.mustFit(901, 'it')).rejects.toThrow(
      'it needs 901 bytes, of which 1000 are free on the disk of /data, and 100 of these stay for the log',
    );
  });

  it('is a tenth of the disk at most, and nothing where that is configured or the disk is not known', async () => {
    await setUp(1000, 500).reserve.mustFit(900, 'it');
    await expect(setUp(1000, 500).reserve.mustFit(901, 'it')).rejects.toThrow();
    await setUp(1000, 0).reserve.mustFit(1001, 'it');
    await setUp(Infinity, 500).reserve.mustFit(1001, 'it');
  });

  it('counts what was claimed and is not written yet', async () => {
    const { reserve } = setUp(1000, 100);
    const claim = await reserve.claim(600, 'a');
    await expect(reserve.claim(301, 'b')).rejects.toThrow('b needs 301 bytes beside 600 for snapshots');
    claim.wrote(100);
    const other = await reserve.claim(301, 'b');
    other.end();
    claim.wrote(10_000);
    claim.end();
    claim.end();
    await reserve.claim(900, 'c');
  });

  it('is left alone by files below its folder', async () => {
    const { disk, reserve } = setUp(20 * MIB, MIB);
    await disk.makeDir('/data');
    const files = new ReservingFileSystem(disk, reserve);
    const inside = await files.open('/data/a', 'create');
    let offset = 0;
    const write = async (): Promise<void> => {
      await inside.write(new Uint8Array(MIB / 4), offset);
      offset += MIB / 4;
    };
    await expect(
      (async () => {
        while (offset <= 20 * MIB) await write();
      })(),
    ).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(20 * MIB - disk.usedBytes).toBeGreaterThanOrEqual(MIB);
    expect(20 * MIB - disk.usedBytes).toBeLessThan(3 * MIB);
    const outside = await files.open('/b', 'create');
    await outside.write(new Uint8Array(MIB), 0);
  });

  it('is measured on a real disk', async () => {
    const space = await new NodeFileSystem().space('/');
    expect(space?.totalBytes).toBeGreaterThan(space?.freeBytes ?? Infinity);
    expect(await new NodeFileSystem().space('/not/there')).toBeUndefined();
  });
});
