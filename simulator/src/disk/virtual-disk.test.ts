import { beforeEach, describe, expect, it } from '@jest/globals';
import type { IFile } from '@drakkar/framework';
import { Coverage } from '../world/coverage.js';
import { Dice } from '../world/dice.js';
import { Life } from '../world/life.js';
import { Scheduler } from '../world/scheduler.js';
import { Trace } from '../world/trace.js';
import { VirtualDisk } from './virtual-disk.js';
import { VirtualFileSystem } from './virtual-file-system.js';

let coverage: Coverage;
let scheduler: Scheduler;
let disk: VirtualDisk;
let life: Life;
let fs: VirtualFileSystem;

function boot(seed: number): void {
  coverage = new Coverage();
  scheduler = new Scheduler(new Trace());
  disk = new VirtualDisk(new Dice(seed), coverage);
  life = new Life('h1.1', 1, scheduler);
  fs = new VirtualFileSystem(disk, life, scheduler);
}

beforeEach(() => boot(1));

/** Lets virtual time pass until the work is done. */
async function living<T>(work: Promise<T>): Promise<T> {
  let isOver = false;
  const ended = (): void => void (isOver = true);
  work.then(ended, ended);
  await scheduler.run(() => isOver);
  return await work;
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

async function writeFile(path: string, ...pieces: string[]): Promise<IFile> {
  const file = await fs.open(path, 'create');
  let offset = 0;
  for (const piece of pieces) {
    await file.write(bytes(piece), offset);
    offset += piece.length;
  }
  return file;
}

/** What is in the file after a crash; `undefined`: there is none. */
function found(path: string): string | undefined {
  const node = disk.find(path);
  return node?.kind === 'file' ? Buffer.from(node.current.view()).toString() : undefined;
}

describe('a crash', () => {
  it('leaves what was synced, with its name', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      boot(seed);
      await living(
        (async () => {
          const file = await writeFile('/a', 'safe');
          await file.sync();
          await fs.syncDir('/');
          await file.write(bytes(' unsafe'), 4);
        })(),
      );
      disk.crash();
      expect(found('/a')?.slice(0, 4)).toBe('safe');
    }
  });

  it('may lose what was not synced, keep it, tear it, and keep later writes without earlier ones', async () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 300; seed++) {
      boot(seed);
      await living(
        (async () => {
          await (await writeFile('/a', 'x'.repeat(2_000), 'y'.repeat(2_000))).close();
          await fs.syncDir('/');
        })(),
      );
      disk.crash();
      const content = found('/a') ?? '';
      const [first, second] = [content.slice(0, 2_000), content.slice(2_000)];
      const isTorn = (part: string, letter: string): boolean =>
        part.includes(letter) && part !== letter.repeat(2_000);
      if (content === '') seen.add('lost');
      if (content === 'x'.repeat(2_000) + 'y'.repeat(2_000)) seen.add('kept');
      if (isTorn(first, 'x') || isTorn(second, 'y')) seen.add('torn');
      if (second === 'y'.repeat(2_000) && first !== 'x'.repeat(2_000)) seen.add('reordered');
    }
    expect([...seen].sort()).toEqual(['kept', 'lost', 'reordered', 'torn']);
  });

  it('takes names back whose folder was not synced, and a rename wholly or not at all', async () => {
    const seen = new Set<string>();
    for (let seed = 1; seed <= 40; seed++) {
      boot(seed);
      await living(
        (async () => {
          await (await writeFile('/old', 'a')).sync();
          await fs.syncDir('/');
          await (await writeFile('/new.tmp', 'b')).sync();
          await fs.rename('/new.tmp', '/old');
        })(),
      );
      disk.crash();
      seen.add(`${found('/old')} ${found('/new.tmp')}`);
    }
    expect([...seen].sort()).toEqual(['a b', 'a undefined', 'b undefined']);
  });
});

describe('a process that has died', () => {
  it('does nothing any more, and hears of nothing', async () => {
    await living(writeFile('/a', 'before'));
    let settled = false;
    const late = fs.readFile('/a').finally(() => (settled = true));
    life.end('killed');
    void fs.remove('/a');
    await living(scheduler.sleep(1_000));
    expect(settled).toBe(false);
    expect(found('/a')).toBe('before');
    void late;
  });

  it('may die in a call, which then is not made', async () => {
    life.endAfterCalls(2, false);
    await living(fs.makeDir('/one'));
    void fs.makeDir('/two');
    await living(scheduler.sleep(1_000));
    expect(life.isAlive).toBe(false);
    expect(disk.find('/one')?.kind).toBe('directory');
    expect(disk.find('/two')).toBeUndefined();
  });
});

describe('a disk', () => {
  it('fails writes and syncs when asked to', async () => {
    const file = await living(writeFile('/a', 'abc'));
    disk.failWrites = 1;
    await expect(living(file.write(bytes('x'), 0))).rejects.toMatchObject({ code: 'EIO' });
    disk.failSyncs = 1;
    await expect(living(file.sync())).rejects.toMatchObject({ code: 'EIO' });
    expect(disk.hasFailed).toBe(true);
    expect(disk.cachesLie).toBe(true);
    await living(file.sync());
    disk.isFull = true;
    await living(file.write(bytes('X'), 0));
    await expect(living(file.write(bytes('d'), 3))).rejects.toMatchObject({ code: 'ENOSPC' });
  });

  it('forgets at a crash what it failed to sync, though a later sync succeeds', async () => {
    const kept = new Set<string | undefined>();
    for (let seed = 1; seed <= 20; seed++) {
      boot(seed);
      await living(
        (async () => {
          const file = await writeFile('/a', 'abc');
          await fs.syncDir('/');
          disk.failSyncs = 1;
          await file.sync().catch(() => undefined);
          await file.sync();
        })(),
      );
      disk.crash();
      kept.add(found('/a'));
    }
    expect([...kept].sort()).toEqual(['', 'abc']);
  });

  it('does nothing while it stalls', async () => {
    disk.stalledUntilMs = 5_000;
    await living(fs.makeDir('/one'));
    expect(scheduler.nowMs).toBeGreaterThan(5_000);
  });
});
