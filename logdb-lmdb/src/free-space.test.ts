import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { TestLogs, entries, failureOf, indexesOf, updateOf } from '@drakkar/raftio/kv/testing';
import { FreeSpace } from './free-space.js';
import { openLmdbLogDB } from './index.js';

const MORE_THAN_THERE_IS = 2 ** 60;
const path = join(tmpdir(), 'log.mdb');
const logs = new TestLogs(openLmdbLogDB);

describe('FreeSpace', () => {
  it('lets a write through that fits', () => {
    const put = { type: 'put', key: Buffer.alloc(8), value: Buffer.alloc(1000) } as const;
    expect(() => new FreeSpace(path, 4096).check([put])).not.toThrow();
    expect(() => new FreeSpace(path, 0).check([put])).not.toThrow();
  });

  it('refuses one that may not, and says what is missing', () => {
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
