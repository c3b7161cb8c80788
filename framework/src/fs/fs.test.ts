import { lstat, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { makeDirDurable, writeFileDurable } from './durable.js';
import type { IFile, IFileSystem, OpenMode } from './file-system.js';
import { NodeFileSystem } from './node-file-system.js';
import { sharedFileSystem } from './shared-file-systems.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drakkar-fs-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('NodeFileSystem', () => {
  const fs = new NodeFileSystem();

  it('reads and writes at offsets', async () => {
    const path = join(dir, 'a');
    const file = await fs.open(path, 'create');
    await file.write(bytes('hello world'), 0);
    await file.write(bytes('W'), 6);
    await file.sync();
    expect(await file.sizeBytes()).toBe(11);
    await file.truncate(8);
    const buffer = new Uint8Array(20);
    expect(await file.read(buffer, 6)).toBe(2);
    expect(buffer.subarray(0, 2)).toEqual(bytes('Wo'));
    await file.close();
    await file.close();
    expect(await readFile(path, 'utf8')).toBe('hello Wo');
  });

  it('opens as the mode says', async () => {
    const path = join(dir, 'a');
    await expect(fs.open(path, 'read')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(fs.open(path, 'update')).rejects.toMatchObject({ code: 'ENOENT' });
    await (await fs.open(path, 'overwrite')).close();
    await expect(fs.open(path, 'create')).rejects.toMatchObject({ code: 'EEXIST' });
    await writeFile(path, 'abc');
    const file = await fs.open(path, 'update');
    expect(await file.sizeBytes()).toBe(3);
    await file.close();
    const emptied = await fs.open(path, 'overwrite');
    expect(await emptied.sizeBytes()).toBe(0);
    await emptied.close();
  });

  it('makes files and folders for their owner alone', async () => {
    const modeOf = async (path: string): Promise<number | undefined> => (await fs.stat(path))?.access?.mode;
    await fs.makeDir(join(dir, 'a', 'b'));
    await (await fs.open(join(dir, 'a', 'b', 'c'), 'overwrite')).close();
    expect(await modeOf(join(dir, 'a'))).toBe(0o700);
    expect(await modeOf(join(dir, 'a', 'b'))).toBe(0o700);
    expect(await modeOf(join(dir, 'a', 'b', 'c'))).toBe(0o600);
    await fs.setMode(join(dir, 'a', 'b', 'c'), 0o640);
    expect(await modeOf(join(dir, 'a', 'b', 'c'))).toBe(0o640);
  });

  it('knows a folder again by another name, and one in its place for another', async () => {
    await fs.makeDir(join(dir, 'a'));
    const identity = await fs.identity(join(dir, 'a'));
    await fs.rename(join(dir, 'a'), join(dir, 'b'));
    expect(await fs.identity(join(dir, 'a'))).toBeUndefined();
    expect(await fs.identity(join(dir, 'b'))).toBe(identity);
    await fs.makeDir(join(dir, 'a'));
    expect(await fs.identity(join(dir, 'a'))).not.toBe(identity);
  });

  it('knows file systems of several machines by their numbers', () => {
    expect(sharedFileSystem(0x6969)).toEqual({ name: 'NFS', shared: 'yes' });
    expect(sharedFileSystem(-11_317_950)).toEqual({ name: 'CIFS', shared: 'yes' });
    expect(sharedFileSystem(0x6573_5546)).toEqual({ name: 'FUSE', shared: 'perhaps' });
    expect(sharedFileSystem(0xef53)).toBeUndefined();
  });

  it('reports what is there', async () => {
    await writeFile(join(dir, 'f'), 'abc');
    expect(await fs.stat(join(dir, 'f'))).toMatchObject({ kind: 'file', sizeBytes: 3 });
    expect(await fs.stat(dir)).toMatchObject({ kind: 'directory' });
    expect(await fs.stat(join(dir, 'none'))).toBeUndefined();
    expect(await fs.stat(join(dir, 'f', 'below'))).toBeUndefined();
    expect(await fs.readDir(dir)).toEqual(['f']);
  });

  it('makes folders, and fails where there can be none', async () => {
    await fs.makeDir(join(dir, 'a', 'b'));
    await fs.makeDir(join(dir, 'a', 'b'));
    await writeFile(join(dir, 'f'), '');
    await expect(fs.makeDir(join(dir, 'f'))).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(fs.makeDir(join(dir, 'f', 'x'))).rejects.toMatchObject({ code: 'ENOTDIR' });
    if (process.platform === 'linux') {
      await expect(fs.makeDir('/proc/nowhere')).rejects.toMatchObject({ code: 'ENOENT' });
    }
  });

  it('links what a symbolic link stands for', async () => {
    await writeFile(join(dir, 'a'), 'a');
    await writeFile(join(dir, 'b'), 'b');
    await symlink(join(dir, 'a'), join(dir, 'l'));
    await fs.link(join(dir, 'l'), join(dir, 'c'));
    await fs.remove(join(dir, 'l'));
    await symlink(join(dir, 'b'), join(dir, 'l'));
    expect(await readFile(join(dir, 'c'), 'utf8')).toBe('a');
    expect((await lstat(join(dir, 'c'))).isFile()).toBe(true);
  });

  it('renames over a file, links once, removes what is not there', async () => {
    await writeFile(join(dir, 'a'), 'a');
    await writeFile(join(dir, 'b'), 'b');
    await fs.rename(join(dir, 'a'), join(dir, 'b'));
    expect(new TextDecoder().decode(await fs.readFile(join(dir, 'b')))).toBe('a');
    await fs.link(join(dir, 'b'), join(dir, 'c'));
    await expect(fs.link(join(dir, 'b'), join(dir, 'c'))).rejects.toMatchObject({ code: 'EEXIST' });
    await fs.makeDir(join(dir, 'd', 'e'));
    await fs.remove(join(dir, 'd'));
    await fs.remove(join(dir, 'never-was'));
    await fs.syncDir(dir);
    expect((await fs.readDir(dir)).sort()).toEqual(['b', 'c']);
  });
});

/** Notes what is done, in order, and fails at the step asked for. */
class Recorder implements IFileSystem {
  readonly steps: string[] = [];
  failAt: string | undefined;
  private readonly real = new NodeFileSystem();

  private note(step: string): void {
    this.steps.push(step.replaceAll(dir, ''));
    if (this.failAt === this.steps.at(-1)) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
  }

  async open(path: string, mode: OpenMode): Promise<IFile> {
    this.note(`open ${path}`);
    const file = await this.real.open(path, mode);
    return {
      read: (buffer, offset) => file.read(buffer, offset),
      write: async (data, offset) => {
        this.note(`write ${path}`);
        await file.write(data, offset);
      },
      sync: async () => {
        this.note(`sync ${path}`);
        await file.sync();
      },
      truncate: (size) => file.truncate(size),
      sizeBytes: () => file.sizeBytes(),
      close: async () => {
        this.steps.push(`close ${path}`.replaceAll(dir, ''));
        await file.close();
      },
    };
  }
  readFile(path: string): Promise<Uint8Array> {
    return this.real.readFile(path);
  }
  stat(path: string): ReturnType<IFileSystem['stat']> {
    return this.real.stat(path);
  }
  readDir(path: string): Promise<string[]> {
    return this.real.readDir(path);
  }
  async makeDir(path: string): Promise<void> {
    this.note(`makeDir ${path}`);
    await this.real.makeDir(path);
  }
  async rename(from: string, to: string): Promise<void> {
    this.note(`rename ${from} ${to}`);
    await this.real.rename(from, to);
  }
  link(from: string, to: string): Promise<void> {
    return this.real.link(from, to);
  }
  remove(path: string): Promise<void> {
    return this.real.remove(path);
  }
  async syncDir(path: string): Promise<void> {
    this.note(`syncDir ${path}`);
    await this.real.syncDir(path);
  }
}

describe('writeFileDurable', () => {
  const STEPS = [
    'open /f.tmp',
    'write /f.tmp',
    'sync /f.tmp',
    'close /f.tmp',
    'rename /f.tmp /f',
    'syncDir ',
  ];

  it('syncs the content before the name, and the name before it returns', async () => {
    const fs = new Recorder();
    await writeFileDurable(fs, join(dir, 'f'), bytes('new'));
    expect(fs.steps).toEqual(STEPS);
    expect(await readFile(join(dir, 'f'), 'utf8')).toBe('new');
  });

  it.each(STEPS.filter((step) => !step.startsWith('close') && step !== 'syncDir '))(
    'leaves the old file when it fails at: %s',
    async (step) => {
      await writeFile(join(dir, 'f'), 'old');
      const fs = new Recorder();
      fs.failAt = step;
      await expect(writeFileDurable(fs, join(dir, 'f'), bytes('new'))).rejects.toMatchObject({
        code: 'ENOSPC',
      });
      expect(await readFile(join(dir, 'f'), 'utf8')).toBe('old');
      expect(fs.steps.filter((s) => s.startsWith('close'))).toHaveLength(step.startsWith('open') ? 0 : 1);
    },
  );

  it('reports a folder that can not be synced', async () => {
    const fs = new Recorder();
    fs.failAt = 'syncDir ';
    await expect(writeFileDurable(fs, join(dir, 'f'), bytes('new'))).rejects.toMatchObject({
      code: 'ENOSPC',
    });
  });
});

describe('makeDirDurable', () => {
  it('syncs each folder in which it has made a name', async () => {
    const fs = new Recorder();
    await makeDirDurable(fs, join(dir, 'a', 'b'));
    expect(fs.steps).toEqual(['makeDir /a', 'syncDir ', 'makeDir /a/b', 'syncDir /a']);
    await makeDirDurable(fs, join(dir, 'a', 'b'));
    expect(fs.steps).toHaveLength(4);
  });
});
