import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { HeldLock } from './directory-lock.js';
import { LOCK_DIR_NAME, SocketDirectoryLock, refuseIfLocked } from './socket-lock.js';
import { type Child, runChild, transpile } from './testing/child.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'drakkar-lock-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

const lock = new SocketDirectoryLock();

describe('SocketDirectoryLock in one process', () => {
  it('has one owner at a time', async () => {
    const held = await lock.acquire(dir);
    await expect(lock.acquire(dir)).rejects.toMatchObject({
      code: 'ERR_LOCK_DIRECTORY',
      details: { dir, pid: process.pid },
    });
    await held.release();
    await held.release();
    const next = await lock.acquire(dir);
    await next.release();
  });

  it('goes to exactly one of many that ask together, round after round', async () => {
    for (let round = 0; round < 10; round++) {
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => lock.acquire(dir)));
      const held = results.filter((result) => result.status === 'fulfilled').map((result) => result.value);
      expect(held).toHaveLength(1);
      await held[0]?.release();
    }
  });

  it('never has two owners while they come and go', async () => {
    let owners = 0;
    let taken = 0;
    const worker = async (): Promise<void> => {
      for (let i = 0; i < 20; i++) {
        let held: HeldLock;
        try {
          held = await lock.acquire(dir);
        } catch {
          continue;
        }
        owners++;
        taken++;
        expect(owners).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        expect(owners).toBe(1);
        owners--;
        await held.release();
      }
    };
    await Promise.all(Array.from({ length: 4 }, worker));
    expect(taken).toBeGreaterThan(0);
  });

  it('is seen without being taken, for a folder that can not be written to', async () => {
    await refuseIfLocked(dir);
    const held = await lock.acquire(dir);
    await expect(refuseIfLocked(dir)).rejects.toMatchObject({ code: 'ERR_LOCK_DIRECTORY' });
    await held.release();
    await refuseIfLocked(dir);
  });

  it('does not let its folder grow', async () => {
    for (let i = 0; i < 20; i++) await (await lock.acquire(dir)).release();
    expect((await readdir(join(dir, LOCK_DIR_NAME))).length).toBeLessThan(8);
  });

  it('works in folders whose path is too long for a socket', async () => {
    const deep = join(dir, 'x'.repeat(120), 'y'.repeat(120));
    await mkdir(deep, { recursive: true });
    const held = await lock.acquire(deep);
    await expect(lock.acquire(deep)).rejects.toMatchObject({ code: 'ERR_LOCK_DIRECTORY' });
    await held.release();
  });

  it('is not given away when its file is not readable', async () => {
    await mkdir(join(dir, LOCK_DIR_NAME));
    await writeFile(join(dir, LOCK_DIR_NAME, 'g1'), 'garbage');
    await expect(lock.acquire(dir)).rejects.toMatchObject({
      code: 'ERR_LOCK_DIRECTORY',
      message: expect.stringMatching(/g1 can't be read; if no NodeHost runs, remove /) as unknown as string,
    });
  });
});

const CHILD = `
import { createInterface } from 'node:readline';
import { SocketDirectoryLock } from './datadir/socket-lock.js';
const lock = new SocketDirectoryLock();
for await (const line of createInterface({ input: process.stdin })) {
  try {
    const held = await lock.acquire(line);
    globalThis.held = held;
    console.log('locked');
  } catch (error) {
    console.log(error.code);
  }
}
`;

describe('SocketDirectoryLock among processes', () => {
  let code: string;
  const children: Child[] = [];
  beforeAll(async () => {
    code = await mkdtemp(join(tmpdir(), 'drakkar-lock-code-'));
    await transpile(code);
    await writeFile(join(code, 'child.mjs'), CHILD);
  });
  afterEach(async () => {
    for (const child of children.splice(0)) await child.kill('SIGKILL');
  });
  afterAll(async () => {
    await rm(code, { recursive: true, force: true });
  });

  const start = (): Child => {
    const child = runChild(join(code, 'child.mjs'), []);
    children.push(child);
    return child;
  };
  const ask = (child: Child): Promise<string> => {
    child.send(dir);
    return child.nextLine();
  };

  it('is freed by kill -9, and only by the end of the owner', async () => {
    const [first, second] = [start(), start()];
    expect(await ask(first)).toBe('locked');
    expect(await ask(second)).toBe('ERR_LOCK_DIRECTORY');
    await first.kill('SIGSTOP');
    expect(await ask(second)).toBe('ERR_LOCK_DIRECTORY');
    await first.kill('SIGKILL');
    expect(await ask(second)).toBe('locked');
    await expect(lock.acquire(dir)).rejects.toMatchObject({ code: 'ERR_LOCK_DIRECTORY' });
  });

  it('goes to one of several that wait for an owner to be killed', async () => {
    const owner = start();
    const heirs = [start(), start(), start()];
    expect(await ask(owner)).toBe('locked');
    await owner.kill('SIGKILL');
    const answers = await Promise.all(heirs.map(ask));
    expect(answers.filter((answer) => answer === 'locked')).toHaveLength(1);
    expect(answers.filter((answer) => answer === 'ERR_LOCK_DIRECTORY')).toHaveLength(2);
  });
});
