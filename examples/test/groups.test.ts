import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const PROGRAM = join(import.meta.dirname, '..', 'dist', 'groups.js');

describe('the groups example', () => {
  it('writes, reads, adds a member and moves leadership', async () => {
    const program = promisify(execFile)(process.execPath, [PROGRAM], { timeout: 60_000 });
    const { stdout } = await program;
    expect(stdout).toContain('read ["a line","a line that is written once"]\n');
    expect(stdout).toContain('the members of group 1 have changed\n');
    expect(stdout).toContain('members 1: voter, 2: voter, 3: voter, 4: voter\nleader 2\n');
  });

  it('is shown by docs/groups.md as it is', async () => {
    const root = join(import.meta.dirname, '..', '..');
    const page = await readFile(join(root, 'docs/groups.md'), 'utf8');
    const [, shown] = /```ts\n([\s\S]*?)```/.exec(page) ?? [];
    expect(shown).toBe(await readFile(join(root, 'examples/src/groups.ts'), 'utf8'));
  });
});
