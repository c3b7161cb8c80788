import { describe, expect, it } from '@jest/globals';
import type { Snapshot } from '@drakkar/raftio';
import { SeededRandom } from '../../runtime/random.js';
import {
  collect,
  creation,
  makeStore,
  membershipOf,
  never,
  noise,
  storeOptions,
} from '../testing/fixture.js';
import { MemoryDisk, type Survival } from '../testing/memory-disk.js';
import type { LongWork } from '../progress.js';
import type { SnapshotOrigin } from './export-record.js';
import type { CreateSnapshot } from './snapshot-draft.js';
import { SnapshotStore } from './snapshot-store.js';

const DIR = '/data/7-1';
const DATA = noise(5, 3000);
const ORIGIN: SnapshotOrigin = {
  deploymentID: 1,
  hardHash: 2n ** 63n + 7n,
  nodeID: 1,
  raftAddress: 'host1:1',
};
const work = (): LongWork => ({ signal: never() });

async function putFile(disk: MemoryDisk, path: string, data: Uint8Array): Promise<void> {
  await disk.makeDir('/app');
  const file = await disk.open(path, 'overwrite');
  await file.write(data, 0);
  await file.close();
}

/** A snapshot with two external files. */
async function withFiles(disk: MemoryDisk, fields: Partial<CreateSnapshot> = {}): Promise<CreateSnapshot> {
  await putFile(disk, '/app/a', noise(11, 500));
  await putFile(disk, '/app/b', new Uint8Array(0));
  return creation(1000, DATA, {
    write: async (writer, files) => {
      files.addFile(2, '/app/b', noise(1, 0));
      files.addFile(1, '/app/a', noise(12, 20));
      await writer.write(DATA);
    },
    ...fields,
  });
}

async function expectWhole(store: SnapshotStore, record: Snapshot, disk: MemoryDisk): Promise<void> {
  const open = await store.open(record, never());
  expect(open).toMatchObject({ index: 1000, term: 3, membership: membershipOf(1, 2, 3) });
  expect(Buffer.compare(open.sessions, noise(1000, 100))).toBe(0);
  expect(Buffer.compare(await collect(open.reader), DATA)).toBe(0);
  expect(open.files.map(({ fileID, fileSize }) => [fileID, fileSize])).toEqual([
    [1, 500],
    [2, 0],
  ]);
  expect(Buffer.compare(await disk.readFile(open.files[0]?.filepath ?? ''), noise(11, 500))).toBe(0);
  expect(open.files[0]?.metadata).toEqual(noise(12, 20));
  await open.close();
  await store.verify(record, never());
}

/** Paths below the replica's folder. */
function inStore(disk: MemoryDisk): string[] {
  return [...disk.tree().keys()].filter((path) => path.startsWith(`${DIR}/`)).sort();
}

describe('SnapshotStore', () => {
  it('creates, opens and removes', async () => {
    const disk = new MemoryDisk();
    const store = makeStore(disk);
    const record = await store.create(await withFiles(disk));
    expect(record).toMatchObject({
      filepath: 'snapshot-00000000000003e8/snapshot.data',
      index: 1000,
      term: 3,
      fileSize: disk.tree().get(`${DIR}/snapshot-00000000000003e8/snapshot.data`),
      files: [
        { filepath: 'snapshot-00000000000003e8/external-file-1', fileSize: 500, fileID: 1 },
        { filepath: 'snapshot-00000000000003e8/external-file-2', fileSize: 0, fileID: 2 },
      ],
    });
    await expectWhole(store, record, disk);
    await store.remove(1000);
    await store.remove(1000);
    expect(inStore(disk)).toEqual([]);
    await expect(store.open(record, never())).rejects.toMatchObject({ code: 'ERR_SNAPSHOT_CORRUPT' });
  });

  it('links external files, and copies them where it can not', async () => {
    for (const linkFailure of [undefined, 'EXDEV']) {
      const disk = new MemoryDisk();
      const store = makeStore(disk);
      const options = await withFiles(disk);
      disk.linkFailure = linkFailure;
      const record = await store.create(options);
      const links = disk.operations.filter((operation) => operation.startsWith('link'));
      expect(links).toHaveLength(2);
      await disk.remove('/app');
      await expectWhole(store, record, disk);
    }
  });

  it('lets the state machine go on before the snapshot is complete', async () => {
    const disk = new MemoryDisk();
    const store = makeStore(disk);
    const options = await withFiles(disk);
    const draft = await store.prepare(options);
    await disk.remove('/app');
    options.membership.addresses.set(4, 'joined later');
    expect(disk.operations.some((operation) => operation.startsWith('sync '))).toBe(false);
    await expectWhole(store, await draft.commit(), disk);
    const given = await store.prepare({ ...creation(1001, DATA) });
    await given.abort();
    expect(inStore(disk).some((path) => path.includes('3e9'))).toBe(false);
  });

  it('may be moved', async () => {
    const disk = new MemoryDisk();
    const record = await makeStore(disk).create(await withFiles(disk));
    await disk.makeDir('/elsewhere');
    await disk.rename('/data', '/elsewhere/data');
    const moved = makeStore(disk, '/elsewhere/data/7-1');
    expect(await moved.cleanUp([record])).toEqual({ removed: [], problems: [] });
    await expectWhole(moved, record, disk);
  });

  it('keeps what is being read until the reading is done', async () => {
    const disk = new MemoryDisk();
    const store = makeStore(disk);
    const record = await store.create(await withFiles(disk));
    const open = await store.open(record, never());
    const lease = await store.lease(record);
    await store.remove(1000);
    await open.close();
    await open.close();
    expect(Buffer.compare(await disk.readFile(`${lease.folder}/external-file-1`), noise(11, 500))).toBe(0);
    await lease.release();
    expect(inStore(disk)).toEqual([]);
  });

  it('keeps a whole snapshot that is there already, and replaces a damaged one', async () => {
    const disk = new MemoryDisk();
    const store = makeStore(disk);
    const first = await store.create(await withFiles(disk));
    expect(await store.create(await withFiles(disk))).toEqual(first);
    const file = `${DIR}/snapshot-00000000000003e8/snapshot.data`;
    disk.damage(file, (bytes) => bytes.fill(0, 1500, 1501));
    await expect(store.verify(first, never())).rejects.toMatchObject({ code: 'ERR_SNAPSHOT_CORRUPT' });
    expect(await store.create(await withFiles(disk))).toEqual(first);
    await expectWhole(store, first, disk);
    expect(inStore(disk)).toHaveLength(4);
  });

  it('cleans up, and reports what is missing or damaged', async () => {
    const disk = new MemoryDisk();
    const store = makeStore(disk);
    const records = [];
    for (const index of [10, 20, 30, 40, 50]) records.push(await store.create(creation(index, DATA)));
    const unrecorded = await store.create(creation(60, DATA));
    const [ten, twenty, thirty, forty, fifty] = records as [Snapshot, Snapshot, Snapshot, Snapshot, Snapshot];
    await disk.makeDir(`${DIR}/snapshot-0000000000000046.creating-0011`);
    await disk.makeDir(`${DIR}/not-ours`);
    await store.remove(20);
    disk.damage(`${DIR}/${thirty.filepath}`, (bytes) => bytes.fill(1, 0, 1));
    disk.damage(`${DIR}/${forty.filepath}`, (bytes) => bytes.subarray(0, bytes.length - 1));
    const otherTerm = { ...fifty, term: 4 };
    const report = await store.cleanUp([ten, twenty, thirty, forty, otherTerm]);
    expect(report.removed).toEqual(['snapshot-000000000000003c', 'snapshot-0000000000000046.creating-0011']);
    expect(report.problems.map(({ snapshot }) => snapshot.index)).toEqual([20, 30, 40, 50]);
    for (const { error } of report.problems) expect(error).toMatchObject({ code: 'ERR_SNAPSHOT_CORRUPT' });
    expect(inStore(disk)).toContain(`${DIR}/not-ours`);
    await store.verify(ten, never());
    await expect(store.lease(unrecorded)).rejects.toMatchObject({ code: 'ERR_SNAPSHOT_CORRUPT' });
    await store.removeAll();
    await store.removeAll();
    expect(disk.tree().has(DIR)).toBe(false);
  });

  it('shows a flipped bit, and a cut, in an external file', async () => {
    const disk = new MemoryDisk();
    const store = makeStore(disk);
    const record = await store.create(await withFiles(disk));
    const path = `${DIR}/snapshot-00000000000003e8/external-file-1`;
    disk.damage(path, (bytes) => bytes.fill((bytes[77] ?? 0) ^ 4, 77, 78));
    const damaged = { code: 'ERR_SNAPSHOT_CORRUPT', details: { path, offset: 0 } };
    await expect(store.open(record, never())).rejects.toMatchObject(damaged);
    await expect(store.verify(record, never())).rejects.toMatchObject(damaged);
    expect((await store.cleanUp([record])).problems).toEqual([]);
    disk.damage(path, (bytes) => bytes.subarray(1));
    await expect(store.lease(record)).rejects.toMatchObject(damaged);
    expect((await store.cleanUp([record])).problems).toHaveLength(1);
  });
});

describe('a disk of which a part can not be read any more', () => {
  /** Runs `look` once for each of its reads, which fails. */
  async function withFailingReads(
    disk: MemoryDisk,
    look: () => Promise<unknown>,
    expectDamage: (looking: Promise<unknown>) => Promise<void>,
  ): Promise<number> {
    const start = disk.operations.length;
    await look();
    const reads = disk.operations
      .slice(start)
      .flatMap((name, i) => (name.startsWith('read ') ? [i + 1] : []));
    for (const read of reads) {
      disk.failure = { at: disk.operations.length + read, code: 'EIO' };
      await expectDamage(look());
    }
    return reads.length;
  }

  it('holds a damaged snapshot', async () => {
    const disk = new MemoryDisk();
    const store = makeStore(disk);
    const record = await store.create(await withFiles(disk));
    const corrupt = { code: 'ERR_SNAPSHOT_CORRUPT' };
    const cleaned = await withFailingReads(
      disk,
      () => store.cleanUp([record]),
      async (looking) => expect(await looking).toMatchObject({ problems: [{ error: corrupt }] }),
    );
    const verified = await withFailingReads(
      disk,
      () => store.verify(record, never()),
      async (looking) => await expect(looking).rejects.toMatchObject(corrupt),
    );
    await disk.makeDir('/backup');
    const exported = await withFailingReads(
      disk,
      async () => {
        await store.exportTo(record, '/backup/one', ORIGIN, work());
        await disk.remove('/backup/one');
      },
      async (looking) => await expect(looking).rejects.toMatchObject(corrupt),
    );
    expect(cleaned).toBeGreaterThan(2);
    expect(verified).toBeGreaterThan(cleaned);
    expect(exported).toBeGreaterThan(verified);
    expect((await store.cleanUp([record])).problems).toEqual([]);
  });
});

describe('export and import', () => {
  it('bring a snapshot, with its files, to another replica under another membership', async () => {
    const disk = new MemoryDisk();
    const store = makeStore(disk);
    const record = await store.create(await withFiles(disk));
    await store.exportTo(record, '/backup/one', ORIGIN, work());
    await expect(store.exportTo(record, '/backup/one', ORIGIN, work())).rejects.toMatchObject({
      code: 'ERR_INVALID_OPTION',
    });
    await store.removeAll();
    const after = disk.restart('synced');
    const other = makeStore(after, '/data/7-9');
    const imported = await other.importFrom('/backup/one', membershipOf(9), work());
    expect(imported).toEqual({ ...record, membership: membershipOf(9) });
    const again = after.restart('synced');
    const restarted = makeStore(again, '/data/7-9');
    expect(await restarted.cleanUp([imported])).toEqual({ removed: [], problems: [] });
    const open = await restarted.open(imported, never());
    expect(open.membership).toEqual(membershipOf(9));
    expect(Buffer.compare(await collect(open.reader), DATA)).toBe(0);
    await open.close();
    await restarted.verify(imported, never());
  });

  it('take nothing damaged, nothing of another group, and leave nothing behind', async () => {
    const disk = new MemoryDisk();
    const store = makeStore(disk);
    const record = await store.create(await withFiles(disk));
    await store.exportTo(record, '/backup/one', ORIGIN, work());
    disk.damage('/backup/one/snapshot.data', (bytes) => bytes.fill(0, 2000, 2001));
    const other = makeStore(disk, '/data/7-9');
    const importing = other.importFrom('/backup/one', membershipOf(9), work());
    await expect(importing).rejects.toMatchObject({ code: 'ERR_SNAPSHOT_CORRUPT' });
    disk.damage(`${DIR}/snapshot-00000000000003e8/external-file-1`, (bytes) => bytes.fill(0, 1, 9));
    const exporting = store.exportTo(record, '/backup/two', ORIGIN, work());
    await expect(exporting).rejects.toMatchObject({ code: 'ERR_SNAPSHOT_CORRUPT' });
    await expect(
      store.exportTo(record, '/backup/two', ORIGIN, { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({
      code: 'ERR_SNAPSHOT_STOPPED',
    });
    expect([...disk.tree().keys()].filter((path) => path.startsWith('/backup/'))).toHaveLength(5);
    expect([...disk.tree().keys()].filter((path) => path.startsWith('/data/7-9'))).toEqual([]);
    const foreign = new SnapshotStore({ ...storeOptions(disk), clusterID: 8 });
    const good = await store.create(creation(2000, DATA));
    await store.exportTo(good, '/backup/three', ORIGIN, work());
    await expect(foreign.importFrom('/backup/three', membershipOf(9), work())).rejects.toMatchObject({
      code: 'ERR_SNAPSHOT_CORRUPT',
      message: '/backup/three is damaged at offset 0: it is of clusterID 7 instead of 8',
    });
  });
});

describe('a snapshot that fails', () => {
  it('leaves nothing when it is called off, even if the state machine does not care', async () => {
    for (const stopsItself of [true, false]) {
      const disk = new MemoryDisk();
      const abort = new AbortController();
      const creating = makeStore(disk).create(
        creation(1000, DATA, {
          signal: abort.signal,
          write: async (writer, _files, signal) => {
            await writer.write(DATA);
            abort.abort();
            if (stopsItself) signal.throwIfAborted();
          },
        }),
      );
      await expect(creating).rejects.toMatchObject({ code: 'ERR_SNAPSHOT_STOPPED' });
      expect(inStore(disk)).toEqual([]);
    }
  });

  it('leaves nothing when the state machine throws, and throws the same', async () => {
    const disk = new MemoryDisk();
    const error = new Error('no');
    const creating = makeStore(disk).create(
      creation(1000, DATA, {
        write: (writer) => {
          void writer.write(DATA);
          throw error;
        },
      }),
    );
    await expect(creating).rejects.toBe(error);
    expect(inStore(disk)).toEqual([]);
  });

  it.each<[string, (files: Parameters<CreateSnapshot['write']>[1]) => void]>([
    ['no such file', (files) => files.addFile(1, '/app/none', noise(1, 1))],
    ['a folder', (files) => files.addFile(1, '/app', noise(1, 1))],
    ['a relative path', (files) => files.addFile(1, 'app/a', noise(1, 1))],
    ['an id twice', (files) => [1, 1].forEach((id) => files.addFile(id, '/app/a', noise(1, 1)))],
    ['no id', (files) => files.addFile(-1, '/app/a', noise(1, 1))],
    ['too much metadata', (files) => files.addFile(1, '/app/a', new Uint8Array(17 * 1024 * 1024))],
  ])('refuses an external file: %s', async (_name, add) => {
    const disk = new MemoryDisk();
    const options = await withFiles(disk, { write: (_writer, files) => add(files) });
    await expect(makeStore(disk).create(options)).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' });
    expect(inStore(disk)).toEqual([]);
  });

  it('leaves nothing when the disk is full, at whichever operation, even if the state machine swallows it', async () => {
    const rehearsal = new MemoryDisk();
    const options = await withFiles(rehearsal);
    rehearsal.operations.length = 0;
    await makeStore(rehearsal).create(options);
    const count = rehearsal.operations.length;
    expect(count).toBeGreaterThan(20);
    for (let at = 1; at <= count; at++) {
      const disk = new MemoryDisk();
      const careless = await withFiles(disk, {
        write: async (writer, files) => {
          await options.write({ write: (data) => writer.write(data).catch(() => undefined) }, files, never());
        },
      });
      disk.operations.length = 0;
      disk.failure = { at, code: 'ENOSPC' };
      const operation = rehearsal.operations[at - 1];
      expect([operation, await failureOf(makeStore(disk).create(careless))]).toEqual([
        operation,
        'ERR_SNAPSHOT_NO_SPACE',
      ]);
      expect([operation, inStore(disk)]).toEqual([operation, []]);
    }
  });
});

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
}

describe('a crash', () => {
  const survivals: [string, () => Survival][] = [
    ['everything', () => 'all'],
    ['what was synced', () => 'synced'],
    ['chance 1', () => new SeededRandom(1)],
    ['chance 2', () => new SeededRandom(2)],
    ['chance 3', () => new SeededRandom(3)],
  ];

  it.each(survivals)(
    'leaves a whole snapshot or nothing, at any operation, when %s survives',
    async (_name, survival) => {
      const rehearsal = new MemoryDisk();
      const options = await withFiles(rehearsal);
      rehearsal.operations.length = 0;
      const record = await makeStore(rehearsal).create(options);
      const count = rehearsal.operations.length;
      for (let at = 1; at <= count; at++) {
        const disk = new MemoryDisk();
        const again = await withFiles(disk);
        disk.operations.length = 0;
        disk.crashAt = at;
        await expect(makeStore(disk).create(again)).rejects.toThrow();
        const after = disk.restart(survival());
        // Not recorded, since the call did not return: it goes.
        const report = await makeStore(after, DIR, 2).cleanUp([]);
        expect(report.problems).toEqual([]);
        expect(inStore(after)).toEqual([]);
        // And the next attempt finds nothing in its way.
        const next = await withFiles(after);
        await expectWhole(makeStore(after, DIR, 2), await makeStore(after, DIR, 2).create(next), after);
        // If its name had survived, it would have been whole.
        const kept = disk.restart(survival());
        if (kept.tree().has(`${DIR}/snapshot-00000000000003e8`)) {
          await expectWhole(makeStore(kept), record, kept);
        }
      }
    },
  );

  it.each(survivals)(
    'does not take it away after it has returned, when %s survives',
    async (_name, survival) => {
      const disk = new MemoryDisk();
      const record = await makeStore(disk).create(await withFiles(disk));
      const after = disk.restart(survival());
      const store = makeStore(after, DIR, 2);
      expect(await store.cleanUp([record])).toEqual({ removed: [], problems: [] });
      await expectWhole(store, record, after);
    },
  );
});
