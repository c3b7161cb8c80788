import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const PROGRAM = join(import.meta.dirname, '..', 'dist', 'lock.js');

describe('the lock example', () => {
  it('gives a lock to one after the other', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM], { timeout: 60_000 });
    expect(stdout.trim().split('\n')).toEqual([
      'ann has the lock, with a token: true',
      'bob has to wait for ann',
      'bob has the lock, with a higher token: true',
      'it belongs to bob',
    ]);
  });

  it('is shown by docs/typed-state-machines.md as it is', async () => {
    const root = join(import.meta.dirname, '..', '..');
    const page = await readFile(join(root, 'docs/typed-state-machines.md'), 'utf8');
    const [, shown] = /```ts\n([\s\S]*?)```/.exec(page) ?? [];
    expect(shown).toBe(await readFile(join(root, 'examples/src/lock.ts'), 'utf8'));
  });
});
