import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { FileSystemKind, IFile, OpenMode } from '../fs/file-system.js';
import { NodeFileSystem } from '../fs/node-file-system.js';
import type { StorageProblem } from '../fs/storage-problem.js';
import { ClockWatch } from '../runtime/clock-watch.js';
import { ManualClock } from '../runtime/testing/manual-clock.js';
import { layoutOf } from './layout.js';
import { StorageWatch } from './storage-watch.js';

/** A disk that a test takes things away from. */
class Disk extends NodeFileSystem {
  openCode: string | undefined;
  identities: string | undefined;
  kind: FileSystemKind | undefined;

  override open(path: string, mode: OpenMode): Promise<IFile> {
    if (this.openCode === undefined) return super.open(path, mode);
    return Promise.reject(Object.assign(new Error('failed'), { code: this.openCode }));
  }

  override async identity(path: string): Promise<string | undefined> {
    const identity = await super.identity(path);
    return identity === undefined ? undefined : (this.identities ?? identity);
  }

  override kindOf(): Promise<FileSystemKind | undefined> {
    return Promise.resolve(this.kind);
  }
}

let dir: string;
let disk: Disk;
let clock: ManualClock;
let gone: string[];
let problems: StorageProblem[];
let looking: Promise<void>;
let watch: StorageWatch;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drakkar-watch-'));
  disk = new Disk();
  clock = new ManualClock();
  gone = [];
  problems = [];
  const root = join(dir, 'host');
  for (const name of ['logdb', 'snapshots']) await mkdir(join(root, name), { recursive: true });
  await writeFile(join(root, 'logdb', 'log'), '');
  await writeFile(join(root, 'drakkar.json'), '');
});
afterEach(async () => {
  watch.stop();
  await rm(dir, { recursive: true, force: true });
});

async function start(): Promise<void> {
  const root = join(dir, 'host');
  watch = new StorageWatch({
    fileSystem: disk,
    layout: layoutOf({ nodeHostDir: root, walDir: root }, 0),
    clock,
    watch: (look) => (looking = look()),
    onGone: ({ code, message }) => void gone.push(`${code} ${message}`),
    onProblem: (problem) => void problems.push(problem),
  });
  await watch.start();
}

async function look(times = 1): Promise<void> {
  for (let i = 0; i < times; i += 1) {
    clock.advance(1_000);
    await looking;
    await Promise.resolve();
  }
}

describe('StorageWatch', () => {
  it('finds nothing while nothing happens', async () => {
    await start();
    await look(20);
    expect([gone, problems]).toEqual([[], []]);
  });

  it.each([
    ['removed', 'it is not there', (root: string) => rm(root, { recursive: true })],
    ['moved away', 'it is not there', (root: string) => rename(root, `${root}-2`)],
    [
      'replaced',
      'another folder is in its place',
      async (root: string) => {
        await rename(join(root, 'logdb'), join(root, 'logdb-old'));
        await mkdir(join(root, 'logdb'));
      },
    ],
    ['emptied', 'it is empty', (root: string) => rm(join(root, 'logdb', 'log'))],
  ])('reports once that the folder of the log was %s', async (_how, change, act) => {
    await start();
    await look();
    await act(join(dir, 'host'));
    await look(12);
    expect(gone).toHaveLength(1);
    expect(gone[0]).toContain(
      `ERR_DATA_DIR_GONE ${join(dir, 'host', 'logdb')} was removed, moved or unmounted`,
    );
    expect(gone[0]).toContain(change);
    expect(clock.timerCount).toBe(0);
  });

  it('takes a folder with another identity for the same where file systems are vague about that', async () => {
    disk.kind = { name: 'FUSE', shared: 'perhaps' };
    await start();
    disk.identities = 'another';
    await look();
    expect(gone).toEqual([]);
    await rm(join(dir, 'host'), { recursive: true });
    await look();
    expect(gone).toHaveLength(1);
  });

  it.each([
    ['EMFILE', 'noDescriptors'],
    ['EIO', 'inputOutput'],
    ['ENOENT', 'folderGone'],
  ])('reports %s once, and again when it was over in between', async (code, problem) => {
    await start();
    for (const now of [code, code, undefined, code]) {
      disk.openCode = now;
      await look();
    }
    expect(problems).toEqual([problem, problem]);
    expect(gone).toEqual([]);
  });

  it('reports that snapshots are gone, which the log can go on without', async () => {
    await start();
    await rm(join(dir, 'host', 'snapshots'), { recursive: true });
    await look(2);
    expect([gone, problems]).toEqual([[], ['folderGone']]);
  });
});

describe('ClockWatch', () => {
  it('sees jumps of the time of day, forward and back, and no drift', () => {
    let wallMs = 1_000_000;
    clock.wallTimeMs = () => wallMs;
    const clockWatch = new ClockWatch(clock);
    const after = (passedMs: number, wallPassedMs: number): number | undefined => {
      clock.advance(passedMs);
      wallMs += wallPassedMs;
      return clockWatch.jumpMs();
    };
    expect(after(1_000, 1_500)).toBeUndefined();
    expect(after(1_000, 3_601_000)).toBe(3_600_000);
    expect(after(1_000, 1_000)).toBeUndefined();
    expect(after(1_000, -59_000)).toBe(-60_000);
    expect(after(60_000, 60_000)).toBeUndefined();
  });
});
