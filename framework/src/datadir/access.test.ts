import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { FileStat, FileSystemKind } from '../fs/file-system.js';
import { NodeFileSystem } from '../fs/node-file-system.js';
import { SeededRandom } from '../runtime/random.js';
import { exposureOfKey, tightenFolders } from './access.js';
import { type DataDir, openDataDir } from './data-dir.js';
import { SocketDirectoryLock } from './socket-lock.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drakkar-access-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

const modeOf = async (path: string): Promise<string> => ((await stat(path)).mode & 0o777).toString(8);

/** A disk that says of itself what a test wants. */
class Disk extends NodeFileSystem {
  kind: FileSystemKind | undefined;
  /** Of every file, instead of what is there. */
  access: FileStat['access'];
  setModeCode: string | undefined;

  override kindOf(): Promise<FileSystemKind | undefined> {
    return Promise.resolve(this.kind);
  }

  override async stat(path: string): Promise<FileStat | undefined> {
    const found = await super.stat(path);
    return found === undefined || this.access === undefined ? found : { ...found, access: this.access };
  }

  override setMode(path: string, mode: number): Promise<void> {
    if (this.setModeCode === undefined) return super.setMode(path, mode);
    return Promise.reject(Object.assign(new Error('not permitted'), { code: this.setModeCode }));
  }
}

async function opened(fileSystem: Disk, allowNetworkFileSystem?: boolean): Promise<DataDir> {
  const nodeHostDir = join(dir, 'host');
  const dataDir = await openDataDir({
    config: {
      raftAddress: 'a:1',
      nodeHostDir,
      walDir: nodeHostDir,
      deploymentId: 1,
      hardSettings: { lruMaxSessionCount: 4096 },
      allowNetworkFileSystem,
    },
    logDBName: 'lmdb',
    fileSystem,
    directoryLock: new SocketDirectoryLock(),
    random: new SeededRandom(1),
  });
  await dataDir.close();
  return dataDir;
}

describe('folders of a data directory', () => {
  it('are made for their owner alone', async () => {
    const { access, logdbDir } = await opened(new Disk());
    expect(access).toEqual({ tightened: [], exposed: [] });
    expect(await modeOf(join(dir, 'host'))).toBe('700');
    expect(await modeOf(logdbDir)).toBe('700');
    expect(await modeOf(join(dir, 'host', 'LOCK'))).toBe('700');
    expect(await modeOf(join(dir, 'host', 'drakkar.json'))).toBe('600');
  });

  it('are taken from others who had access to them', async () => {
    const { logdbDir } = await opened(new Disk());
    const root = join(dir, 'host');
    for (const path of [root, logdbDir, join(root, 'LOCK')]) await chmod(path, 0o755);
    const { access } = await opened(new Disk());
    expect(access.exposed).toEqual([]);
    expect(access.tightened).toHaveLength(3);
    expect(access.tightened).toContainEqual({ path: root, mode: '0755' });
    expect([await modeOf(root), await modeOf(logdbDir)]).toEqual(['700', '700']);
  });

  it('are left to others in a folder that has other things too, but for those of the host', async () => {
    const root = join(dir, 'host');
    await mkdir(root);
    await chmod(root, 0o755);
    await writeFile(join(root, 'index.html'), '');
    await mkdir(join(root, 'logdb'));
    await chmod(join(root, 'logdb'), 0o777);
    await rm(join(root, 'logdb'), { recursive: true });
    const { logdbDir } = await opened(new Disk());
    expect([await modeOf(root), await modeOf(logdbDir)]).toEqual(['755', '700']);
  });

  it.each(['EPERM', 'EROFS'])('are reported when they can not be taken from others, for %s', async (code) => {
    const fs = new Disk();
    await opened(fs);
    await chmod(join(dir, 'host'), 0o750);
    fs.setModeCode = code;
    const { access } = await opened(fs);
    expect(access.exposed).toEqual([
      { path: join(dir, 'host'), mode: '0750', error: expect.objectContaining({ code }) as unknown },
    ]);
  });

  it('are reported on a disk that takes modes and forgets them', async () => {
    const fs = new Disk();
    fs.access = { mode: 0o777, ownerID: 0 };
    const { exposed, tightened } = await tightenFolders(fs, [dir]);
    expect([exposed, tightened]).toEqual([[{ path: dir, mode: '0777' }], []]);
  });
});

describe('the key of a host', () => {
  it.each([
    [0o600, 1000, false],
    [0o400, 0, false],
    [0o640, 0, false],
    [0o640, 1000, true],
    [0o604, 0, true],
    [0o602, 0, true],
    [0o711, 1000, false],
  ])('is exposed, with mode %o and owner %d: %s', async (mode, ownerID, isExposed) => {
    const fs = new Disk();
    fs.access = { mode, ownerID };
    expect((await exposureOfKey(fs, dir)) !== undefined).toBe(isExposed);
  });
});

describe('a data directory on a network file system', () => {
  const disk = (name: string, shared: FileSystemKind['shared']): Disk =>
    Object.assign(new Disk(), { kind: { name, shared } });

  it('is refused, unless that is allowed', async () => {
    await expect(opened(disk('NFS', 'yes'))).rejects.toMatchObject({
      code: 'ERR_NETWORK_FILE_SYSTEM',
      details: { dir: join(dir, 'host'), fileSystem: 'NFS' },
    });
    expect((await opened(disk('NFS', 'yes'), true)).sharedFolders).toEqual([]);
  });

  it('is reported when a host has used it before, which must go on', async () => {
    await opened(new Disk());
    const { sharedFolders } = await opened(disk('NFS', 'yes'));
    expect(sharedFolders).toEqual([{ dir: join(dir, 'host'), fileSystem: 'NFS' }]);
  });

  it('is reported when it may be one', async () => {
    const { sharedFolders } = await opened(disk('FUSE', 'perhaps'));
    expect(sharedFolders).toEqual([{ dir: join(dir, 'host'), fileSystem: 'FUSE' }]);
  });
});
