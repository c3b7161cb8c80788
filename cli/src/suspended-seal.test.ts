import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ErrCanceled } from '@drakkar/framework';
import {
  type Roots,
  makeDirDurable,
  makeSeal,
  readSeal,
  writeFileDurable,
} from '@drakkar/framework/internals';
import { MemoryDisk } from '../../framework/src/snapshot/testing/memory-disk.js';
import { SuspendedSeal, checkLockFiles } from './suspended-seal.js';

const ROOTS: Roots = { nodeHostDir: '/host', walDir: '/host' };
const FILES = ['/host/logdb/log.mdb', '/host/logdb/log-id'];

describe('SuspendedSeal', () => {
  let disk: MemoryDisk;
  beforeEach(async () => {
    disk = new MemoryDisk();
    await makeDirDurable(disk, '/host/logdb');
    for (const path of FILES) await writeFileDurable(disk, path, new Uint8Array(100));
    await makeSeal(disk, ROOTS);
  });

  /** Has the next read of a file fail. */
  const failReadOf = async (path: string): Promise<void> => {
    const before = disk.operations.length;
    await SuspendedSeal.suspend(disk, ROOTS, { ignoreSeal: false, isReadOnly: true });
    const at = disk.operations.findIndex(
      (each, i) => i >= before && /^read\w* /.test(each) && each.endsWith(` ${path}`),
    );
    disk.failure = { at: at - before + disk.operations.length + 1, code: 'EIO' };
  };

  it('does not take being stopped for damage', async () => {
    const stop = (): never => {
      throw new ErrCanceled('ended by SIGTERM');
    };
    const suspending = SuspendedSeal.suspend(disk, ROOTS, { ignoreSeal: false }, stop);
    await expect(suspending).rejects.toMatchObject({ code: 'ERR_CANCELED' });
    expect((await readSeal(disk, ROOTS)).kind).toBe('sealed');
  });

  it.each(['/host/logdb/log.mdb', '/host/drakkar.seal'])(
    'does not take %s for damaged when the disk does not give it',
    async (path) => {
      await failReadOf(path);
      const suspending = SuspendedSeal.suspend(disk, ROOTS, { ignoreSeal: false });
      await expect(suspending).rejects.toMatchObject({ code: 'EIO' });
      expect((await readSeal(disk, ROOTS)).kind).toBe('sealed');
    },
  );

  it('goes on without what the disk does not give when asked to', async () => {
    await failReadOf('/host/logdb/log.mdb');
    const { state } = await SuspendedSeal.suspend(disk, ROOTS, { ignoreSeal: true });
    expect(state).toBe('broken');
  });
});

describe('checkLockFiles', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'drakkar-lock-files-'));
    await mkdir(join(dir, 'LOCK'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  it('distinguishes a file that can not be read from one that is damaged', async () => {
    const file = join(dir, 'LOCK', 'g1');
    const checking = (): Promise<void> => checkLockFiles({ nodeHostDir: dir, walDir: dir });
    await symlink(file, file);
    await expect(checking()).rejects.toMatchObject({ code: 'ELOOP' });
    await rm(file);
    await writeFile(file, 'no claim');
    await expect(checking()).rejects.toMatchObject({ code: 'ERR_DATA_DIR_CORRUPT' });
  });
});
