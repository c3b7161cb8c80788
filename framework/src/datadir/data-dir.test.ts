import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { BIN_VER } from '@drakkar/raftio';
import { NodeFileSystem } from '../fs/node-file-system.js';
import { SeededRandom } from '../runtime/random.js';
import { type DataDir, type DataDirServices, openDataDir } from './data-dir.js';
import { STATUS_FILE_NAME } from './layout.js';
import { sealJSON } from '../fs/sealed-json.js';
import { LOCK_DIR_NAME, SocketDirectoryLock } from './socket-lock.js';
import { decodeStatus, encodeStatus } from './status.js';

let dir: string;
const open: DataDir[] = [];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drakkar-data-'));
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  await rm(dir, { recursive: true, force: true });
});

type Changes = Partial<DataDirServices['config']> & { logDBName?: string };

function services({ logDBName = 'lmdb', ...config }: Changes = {}): DataDirServices {
  const nodeHostDir = config.nodeHostDir ?? join(dir, 'host');
  return {
    config: {
      raftAddress: 'a:1',
      nodeHostDir,
      walDir: nodeHostDir,
      deploymentId: 1,
      hardSettings: { lruMaxSessionCount: 4096 },
      ...config,
    },
    logDBName,
    fileSystem: new NodeFileSystem(),
    directoryLock: new SocketDirectoryLock(),
    random: new SeededRandom(1),
  };
}

async function opened(changes: Changes = {}): Promise<DataDir> {
  const dataDir = await openDataDir(services(changes));
  open.push(dataDir);
  return dataDir;
}

async function openAndClose(changes: Changes = {}): Promise<DataDir> {
  const dataDir = await openDataDir(services(changes));
  await dataDir.close();
  return dataDir;
}

/** Every path below `at` with its content. */
async function contentOf(at: string): Promise<Record<string, string>> {
  const out: Record<string, string> = {};
  for (const name of (await readdir(at, { recursive: true })).sort()) {
    out[name] = (await stat(join(at, name))).isFile() ? await readFile(join(at, name), 'utf8') : 'dir';
  }
  return out;
}

async function expectRefused(changes: Changes, code: string, message: string | RegExp): Promise<void> {
  const before = await contentOf(dir);
  const refusal = await openDataDir(services(changes)).catch((error: unknown) => error as Error);
  expect(refusal).toMatchObject({ code });
  const told = (refusal as Error).message.replaceAll(dir, '<dir>');
  if (typeof message === 'string') expect(told).toBe(message);
  else expect(told).toMatch(message);
  expect(await contentOf(dir)).toEqual(before);
}

/** Notes which folders are synced. */
class SyncSpy extends NodeFileSystem {
  readonly synced = new Set<string>();

  override async syncDir(path: string): Promise<void> {
    this.synced.add(path);
    await super.syncDir(path);
  }
}

describe('openDataDir', () => {
  it('makes folders durable that a killed process may have left without', async () => {
    const root = join(dir, 'host');
    await mkdir(join(root, 'snapshots', '7-1'), { recursive: true });
    const fileSystem = new SyncSpy();
    open.push(await openDataDir({ ...services(), fileSystem }));
    for (const path of [dir, root, join(root, 'snapshots')]) expect(fileSystem.synced).toContain(path);
  });

  it('makes the directory, and opens it again', async () => {
    const first = await opened();
    expect(first).toMatchObject({
      root: join(dir, 'host'),
      logdbDir: join(dir, 'host', 'logdb'),
      walDir: join(dir, 'host', 'logdb'),
      snapshotsDir: join(dir, 'host', 'snapshots'),
      isNew: true,
    });
    expect(first.snapshotDir(7, 2)).toBe(join(dir, 'host', 'snapshots', '7-2'));
    expect((await readdir(join(dir, 'host'))).sort()).toEqual(
      [LOCK_DIR_NAME, STATUS_FILE_NAME, 'logdb', 'snapshots'].sort(),
    );
    await first.close();
    await first.close();
    expect((await opened()).isNew).toBe(false);
  });

  it('puts the WAL where configured', async () => {
    const walDir = join(dir, 'fast', 'wal');
    const first = await openAndClose({ walDir });
    expect(first.walDir).toBe(join(walDir, 'wal'));
    expect((await opened({ walDir })).isNew).toBe(false);
    expect((await stat(join(walDir, 'wal'))).isDirectory()).toBe(true);
  });

  it('locks it, and the WAL folder too', async () => {
    await opened({ walDir: join(dir, 'wal') });
    await expect(openDataDir(services({ walDir: join(dir, 'wal') }))).rejects.toMatchObject({
      code: 'ERR_LOCK_DIRECTORY',
    });
    await expect(new SocketDirectoryLock().acquire(join(dir, 'wal'))).rejects.toMatchObject({
      code: 'ERR_LOCK_DIRECTORY',
    });
  });

  it('frees the first lock when the second can not be had', async () => {
    const walDir = join(dir, 'wal');
    await mkdir(walDir);
    const held = await new SocketDirectoryLock().acquire(walDir);
    await expect(openDataDir(services({ walDir }))).rejects.toMatchObject({ code: 'ERR_LOCK_DIRECTORY' });
    await held.release();
    expect((await opened({ walDir })).isNew).toBe(true);
  });

  it('opens it again when the same raftAddress is spelled otherwise', async () => {
    await openAndClose();
    expect((await opened({ raftAddress: 'A.:1' })).isNew).toBe(false);
  });

  it.each<[string, Changes, string, string]>([
    [
      'another raftAddress',
      { raftAddress: 'b:2' },
      'ERR_NOT_OWNER',
      '<dir>/host belongs to NodeHost a:1; the configuration says raftAddress b:2. Give each NodeHost a nodeHostDir of its own, and keep its raftAddress',
    ],
    [
      'another deployment',
      { deploymentId: 2 },
      'ERR_DEPLOYMENT_ID_CHANGED',
      '<dir>/host belongs to deployment 1; the configuration says deploymentId 2',
    ],
    [
      'another LogDB',
      { logDBName: 'leveldb' },
      'ERR_LOGDB_TYPE',
      "<dir>/host was written by the LogDB 'lmdb'; the configuration chooses 'leveldb'. To move a host that has data, stop it and use: drakkar logdb copy --config <its configuration until now> --switch-to <the new one>",
    ],
  ])('refuses %s, and leaves the data as it was', async (_, changes, code, message) => {
    await openAndClose();
    await expectRefused(changes, code, message);
    expect((await opened()).isNew).toBe(false);
  });

  it('refuses other hard settings', async () => {
    await openAndClose();
    await expectRefused(
      { hardSettings: { lruMaxSessionCount: 10 } },
      'ERR_HARD_SETTINGS_CHANGED',
      /^<dir>\/host was made with other hardSettings than the configuration has; .*\(hash \d+, now \d+\)$/,
    );
  });

  it.each([
    [
      BIN_VER + 1,
      /holds data of format 211, but this release reads format 210; use the release that wrote it, or a later one$/,
    ],
    [
      BIN_VER - 1,
      /holds data of format 209, but this release reads format 210; open it with a release that can convert it first$/,
    ],
  ])('refuses data of format %s', async (binVer, message) => {
    await openAndClose();
    const path = join(dir, 'host', STATUS_FILE_NAME);
    const status = decodeStatus(await readFile(path), path);
    await writeFile(path, encodeStatus({ ...status, binVer }));
    await expectRefused({}, 'ERR_INCOMPATIBLE_DATA', message);
  });

  it('refuses a record that is damaged, in any byte', async () => {
    await openAndClose();
    const path = join(dir, 'host', STATUS_FILE_NAME);
    const good = await readFile(path);
    for (let at = 0; at < good.length; at += 7) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ 1;
      await writeFile(path, bad);
      const outcome = await openDataDir(services()).then(
        () => 'opened',
        (error: unknown) => (error as { code: string }).code,
      );
      expect(outcome).toBe('ERR_DATA_DIR_CORRUPT');
    }
    await writeFile(path, '');
    await expectRefused({}, 'ERR_DATA_DIR_CORRUPT', /^<dir>\/host\/drakkar\.json is damaged/);
  });

  it('refuses data whose record is gone', async () => {
    await openAndClose();
    await rm(join(dir, 'host', STATUS_FILE_NAME));
    await expectRefused(
      {},
      'ERR_DATA_DIR_CORRUPT',
      /^<dir>\/host holds data, but drakkar\.json, which says whose, is missing/,
    );
  });

  it('refuses a place where no folder can be', async () => {
    await writeFile(join(dir, 'file'), '');
    await expectRefused(
      { nodeHostDir: join(dir, 'file') },
      'ERR_DIR_NOT_EXIST',
      'nodeHostDir must be a folder, but <dir>/file is a file',
    );
    await expectRefused(
      { nodeHostDir: join(dir, 'file', 'x') },
      'ERR_DIR_NOT_EXIST',
      /^nodeHostDir can't be made or written to: ENOTDIR/,
    );
    await expectRefused(
      { nodeHostDir: '/proc/drakkar' },
      'ERR_DIR_NOT_EXIST',
      /^nodeHostDir can't be made or written to: /,
    );
  });
});

describe('a WAL folder apart', () => {
  const apart = (): Changes => ({ walDir: join(dir, 'wal') });

  it('can be neither added nor taken away', async () => {
    await openAndClose();
    await expectRefused(
      apart(),
      'ERR_INCOMPATIBLE_DATA',
      '<dir>/host was made without a walDir of its own; the configuration has <dir>/wal. Remove walDir from it',
    );
    await openAndClose({ nodeHostDir: join(dir, 'two'), ...apart() });
    await expectRefused(
      { nodeHostDir: join(dir, 'two') },
      'ERR_INCOMPATIBLE_DATA',
      '<dir>/two was made with a walDir of its own; the configuration has none. Set walDir back to what it was',
    );
  });

  it('must be there, as must the main one', async () => {
    await openAndClose(apart());
    await expectRefused(
      { walDir: join(dir, 'other') },
      'ERR_INCOMPATIBLE_DATA',
      /^<dir>\/other has none of the data that belongs to <dir>\/host/,
    );
    await expectRefused(
      { ...apart(), nodeHostDir: join(dir, 'other') },
      'ERR_INCOMPATIBLE_DATA',
      /^<dir>\/other has none of the data that belongs to <dir>\/wal/,
    );
  });

  it("is refused when it is another host's, even one of the same address", async () => {
    await openAndClose(apart());
    const path = join(dir, 'wal', STATUS_FILE_NAME);
    await writeFile(path, encodeStatus({ ...decodeStatus(await readFile(path), path), hostId: 'other' }));
    await expectRefused(apart(), 'ERR_NOT_OWNER', '<dir>/wal belongs to another NodeHost than <dir>/host');
  });

  it('is taken up again after a crash between the two records', async () => {
    await openAndClose(apart());
    for (const gone of ['host', join('wal', 'wal')]) await rm(join(dir, gone), { recursive: true });
    const again = await opened(apart());
    expect(again.isNew).toBe(true);
    await again.close();
    expect((await opened(apart())).isNew).toBe(false);
  });
});

describe('the record', () => {
  const status = {
    address: 'a:1',
    binVer: BIN_VER,
    hardHash: 2n ** 63n + 1n,
    deploymentId: 3,
    logdb: 'lmdb',
    hostId: 'ab',
    separateWal: true,
    generation: 0,
  };

  it('keeps what it was given', () => {
    expect(decodeStatus(encodeStatus(status), 'x')).toEqual(status);
    const replaced = { ...status, generation: 3 };
    expect(decodeStatus(encodeStatus(replaced), 'x')).toEqual(replaced);
  });

  it('is of a later format where an earlier release would look into the wrong folder', () => {
    const formatOf = (generation: number): unknown =>
      (JSON.parse(Buffer.from(encodeStatus({ ...status, generation })).toString()) as { format: number })
        .format;
    expect([0, 1, 2].map(formatOf)).toEqual([1, 2, 2]);
  });

  it('is not called damaged when its format is newer', () => {
    const fields = { format: 3, newKey: 1 };
    expect(() => decodeStatus(sealJSON(fields), 'x')).toThrow(
      'x is of format 3, but this release reads formats 1 and 2; use the release that wrote it, or a later one',
    );
  });
});
