import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { compiled } from './dist.js';

const run = promisify(execFile);

describe('the cluster demonstration', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'drakkar-demo-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it.each([
    ['lmdb and ws', []],
    ['leveldb and ws, with TLS', ['--logdb', 'leveldb', '--tls']],
  ])(
    'survives the kill of its leader, proves it, and leaves nothing behind: %s',
    async (_name, parts) => {
      const args = [
        compiled('demo/main.js'),
        '--seconds',
        '5',
        '--clients',
        '12',
        '--data-dir',
        dir,
        '--json',
        ...parts,
      ];
      const { stdout } = await run(process.execPath, args, { timeout: 120_000 });
      const result = JSON.parse(stdout) as { ok: boolean; checks: { isGood: boolean }[]; figures: unknown };
      expect(result.ok).toBe(true);
      expect(result.checks).toHaveLength(6);
      expect(result.checks.every(({ isGood }) => isGood)).toBe(true);
      expect(result.figures).toMatchObject({
        acknowledgedWrites: expect.any(Number),
        reads: expect.any(Number),
      });
      expect(readdirSync(dir)).toEqual([]);
    },
    130_000,
  );

  it('explains a wrong option, and fails', async () => {
    const failure = await run(process.execPath, [compiled('demo/main.js'), '--nodes', '2']).catch(
      (error: unknown) => error as { code: number; stderr: string },
    );
    expect(failure).toMatchObject({ code: 2 });
    expect(failure.stderr).toContain('--nodes must be a whole number from 3 to 9, found "2"');
  });
});
