import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { makeDirDurable, writeFileDurable } from '../../fs/durable.js';
import { SeededRandom } from '../../runtime/random.js';
import { MemoryDisk, type Survival } from '../../snapshot/testing/memory-disk.js';
import { BLOCK_BYTES } from './digest.js';
import type { Roots } from '../layout.js';
import { makeSeal } from './make-seal.js';
import { SEAL_FILE_NAME, type Seal, dropSeal, readSeal } from './seal-file.js';
import { verifySeal } from './verify-seal.js';

const ROOTS: Roots = { nodeHostDir: '/host', walDir: '/wal' };
const SEAL_PATH = join('/host', SEAL_FILE_NAME);
const BIG = '/host/logdb/log.mdb';
const BIG_BYTES = 3 * BLOCK_BYTES + 100;
const SNAPSHOT = '/host/snapshots/1-1/snapshot-7/snapshot.data';
const SMALL = ['/host/drakkar.json', '/host/logdb/lock/LOG', '/wal/drakkar.json', '/wal/wal/000001.log'];
const NEW = '/host/logdb/000002.log';
const FOREIGN = '/host/application.conf';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** Written, and not synced. */
async function put(disk: MemoryDisk, path: string, data: Uint8Array): Promise<void> {
  await makeDirDurable(disk, dirname(path));
  const file = await disk.open(path, 'overwrite');
  await file.write(data, 0);
  await file.close();
}

let disk: MemoryDisk;
beforeEach(async () => {
  disk = new MemoryDisk();
  await put(disk, BIG, new Uint8Array(BIG_BYTES).fill(7));
  for (const path of SMALL) await put(disk, path, text(`content of ${path}`));
  await makeDirDurable(disk, dirname(SNAPSHOT));
  await writeFileDurable(disk, SNAPSHOT, text('a snapshot'));
  await put(disk, '/host/logdb/empty', new Uint8Array(0));
  await put(disk, FOREIGN, text('none of ours'));
});

async function sealOf(from: MemoryDisk): Promise<Seal> {
  const reading = await readSeal(from, ROOTS);
  if (reading.kind !== 'sealed') throw new Error(`it is ${reading.kind}`);
  return reading.seal;
}

async function findings(from: MemoryDisk, roots = ROOTS): Promise<string[]> {
  return verifySeal(from, roots, await sealOf(from));
}

function flip(from: MemoryDisk, path: string, bit: number): void {
  from.damage(path, (data) => {
    const at = Math.floor(bit / 8);
    data[at] = (data[at] ?? 0) ^ (1 << (bit % 8));
    return data;
  });
}

const sizeOf = (path: string): number => disk.tree().get(path) ?? 0;

describe('a seal', () => {
  it('fits what was sealed, time and again', async () => {
    expect(await makeSeal(disk, ROOTS)).toEqual({
      files: SMALL.length + 2,
      sizeBytes: SMALL.reduce((sum, path) => sum + sizeOf(path), BIG_BYTES),
    });
    const operations = disk.operations.length;
    expect(await findings(disk)).toEqual([]);
    expect(await findings(disk)).toEqual([]);
    const changes = disk.operations
      .slice(operations)
      .filter((each) => !/^(stat|readDir|readFile|read|open read) /.test(each));
    expect(changes).toEqual([]);
  });

  it('reports each bit that flips, in which file and where', async () => {
    await makeSeal(disk, ROOTS);
    for (const path of SMALL) {
      for (let bit = 0; bit < sizeOf(path) * 8; bit++) {
        flip(disk, path, bit);
        const range = `in bytes 0 to ${sizeOf(path) - 1}`;
        expect(await findings(disk)).toEqual([`${path} has changed since the host was stopped, ${range}`]);
        flip(disk, path, bit);
      }
    }
    expect(await findings(disk)).toEqual([]);
  });

  it('reports ranges of a large file', async () => {
    await makeSeal(disk, ROOTS);
    for (const at of [BLOCK_BYTES - 1, BLOCK_BYTES, BIG_BYTES - 1]) flip(disk, BIG, at * 8);
    expect(await findings(disk)).toEqual([
      `${BIG} has changed since the host was stopped, in bytes 0 to ${2 * BLOCK_BYTES - 1}, ${3 * BLOCK_BYTES} to ${BIG_BYTES - 1}`,
    ]);
  });

  it('reports files that are missing, new, or of another size', async () => {
    await makeSeal(disk, ROOTS);
    await disk.remove('/wal/wal/000001.log');
    await disk.remove('/host/logdb/empty');
    await put(disk, '/host/logdb/extra', text('extra'));
    disk.damage('/wal/drakkar.json', (data) => data.subarray(1));
    expect(await findings(disk)).toEqual([
      '/host/logdb/empty is missing',
      '/host/logdb/extra was not there when the host was stopped',
      '/wal/wal/000001.log is missing',
      '/wal/drakkar.json has 27 bytes; it had 28 when the host was stopped',
    ]);
  });

  it('leaves aside what is not of the host, and what has checksums of its own', async () => {
    await makeSeal(disk, ROOTS);
    flip(disk, FOREIGN, 0);
    flip(disk, SNAPSHOT, 0);
    await put(disk, '/host/LOCK/g2', text('the lock'));
    expect(await findings(disk)).toEqual([]);
  });

  it('is of one folder where there is no walDir', async () => {
    const roots = { nodeHostDir: '/host', walDir: '/host' };
    await makeSeal(disk, roots);
    flip(disk, '/wal/drakkar.json', 0);
    expect(await findings(disk, roots)).toEqual([]);
    expect((await sealOf(disk)).wal.size).toBe(0);
  });

  it('shows every bit of its own that flips', async () => {
    await makeSeal(disk, ROOTS);
    const bits = sizeOf(SEAL_PATH) * 8;
    for (let bit = 0; bit < bits; bit++) {
      flip(disk, SEAL_PATH, bit);
      expect({ bit, kind: (await readSeal(disk, ROOTS)).kind }).toEqual({ bit, kind: 'damaged' });
      flip(disk, SEAL_PATH, bit);
    }
    expect((await readSeal(disk, ROOTS)).kind).toBe('sealed');
    disk.damage(SEAL_PATH, (data) => Buffer.concat([data, text(' ')]));
    expect((await readSeal(disk, ROOTS)).kind).toBe('damaged');
  });

  it('is damaged when it can not be read, and can be dropped', async () => {
    await makeSeal(disk, ROOTS);
    disk.failure = { at: disk.operations.length + 2, code: 'EIO' };
    const message = expect.stringContaining(`${SEAL_PATH} can't be read: EIO`) as unknown;
    expect(await readSeal(disk, ROOTS)).toMatchObject({ kind: 'damaged', message });
    flip(disk, SEAL_PATH, 0);
    await dropSeal(disk, ROOTS);
    expect(await readSeal(disk, ROOTS)).toEqual({ kind: 'none' });
    await dropSeal(disk, ROOTS);
  });

  it('reports a file that can not be read', async () => {
    await makeSeal(disk, ROOTS);
    const seal = await sealOf(disk);
    const firstRead = disk.operations.length + 1;
    await verifySeal(disk, ROOTS, seal);
    const at = disk.operations.findIndex((each, i) => i >= firstRead && each === `read ${BIG}`) + 1;
    disk.failure = { at: at - firstRead + disk.operations.length + 1, code: 'EIO' };
    const [finding] = await verifySeal(disk, ROOTS, seal);
    expect(finding).toMatch(/can't be read: EIO/);
  });

  it('is not made when it is late, at whatever block that is', async () => {
    const askedTimes = SMALL.length + 4 + 1; // after each block, and at the end
    for (let blocks = 0; blocks < askedTimes; blocks++) {
      let left = blocks;
      expect(await makeSeal(disk, ROOTS, () => left-- <= 0)).toBeUndefined();
      expect(await readSeal(disk, ROOTS)).toEqual({ kind: 'none' });
    }
    let left = askedTimes;
    expect(await makeSeal(disk, ROOTS, () => left-- <= 0)).toBeDefined();
  });
});

describe('when the power fails', () => {
  const survivals = (seed: number): Survival[] => [
    'all',
    'synced',
    new SeededRandom(seed),
    new SeededRandom(seed + 1),
  ];

  it('leaves no seal or one that fits, while the directory is sealed', async () => {
    const all = disk.restart('all');
    await put(all, NEW, text('new'));
    await makeSeal(all, ROOTS);
    const steps = all.operations.length;
    const kinds = new Set<string>();
    for (let step = 1; step <= steps + 1; step++) {
      for (const survival of survivals(step)) {
        const failing = disk.restart('all');
        // What the LogDB has written is synced as a rule; that nothing is makes it harder.
        for (const path of SMALL) await put(failing, path, text(`newer content of ${path}`));
        await put(failing, NEW, text('new'));
        const before = failing.operations.length;
        failing.crashAt = before + step;
        const isMade = await makeSeal(failing, ROOTS).then(
          () => true,
          () => false,
        );
        const after = failing.restart(survival);
        const { kind } = await readSeal(after, ROOTS);
        kinds.add(kind);
        if (isMade) expect(kind).toBe('sealed');
        if (kind === 'sealed') expect(await findings(after)).toEqual([]);
        else expect({ step, kind }).toEqual({ step, kind: 'none' });
      }
    }
    expect(kinds).toEqual(new Set(['none', 'sealed']));
  });

  it('leaves nothing changed under a seal, while that is dropped', async () => {
    await makeSeal(disk, ROOTS);
    const open = async (on: MemoryDisk): Promise<void> => {
      await dropSeal(on, ROOTS);
      await put(on, BIG, text('written'));
      const file = await on.open(BIG, 'update');
      await file.sync();
      await file.close();
    };
    const whole = disk.restart('all');
    await open(whole);
    for (let step = 1; step <= whole.operations.length + 1; step++) {
      for (const survival of survivals(step)) {
        const failing = disk.restart('all');
        failing.crashAt = step;
        await open(failing).catch(() => undefined);
        const after = failing.restart(survival);
        const { kind } = await readSeal(after, ROOTS);
        if (kind === 'sealed') expect(await findings(after)).toEqual([]);
        else expect({ step, kind }).toEqual({ step, kind: 'none' });
      }
    }
  });
});
