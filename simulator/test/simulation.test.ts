import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '..', '..');
/** The lives take three minutes on two idle cores at most; a busy machine gets more. */
const LIVES_LIMIT_MS = 1_500_000;

interface Ended {
  code: number | null;
  output: string;
}

function run(args: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    child.stdout.on('data', (data: Buffer) => output.push(data));
    child.stderr.on('data', (data: Buffer) => output.push(data));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output: Buffer.concat(output).toString() }));
  });
}

/** Compiled code: the processes that it starts run without jest. */
const sim = (...args: string[]): Promise<Ended> => run(['simulator/dist/cli/main.js', ...args]);
const hashIn = ({ output }: Ended): string | undefined => /trace hash ([0-9a-f]{32})/.exec(output)?.[1];

describe('the simulator', () => {
  it(
    'runs a seed twice in the same way, in two processes and beside others',
    async () => {
      const alone = await sim('--seed', '11');
      const again = await sim('--seed', '11');
      expect(hashIn(alone)).toMatch(/^[0-9a-f]{32}$/);
      expect(hashIn(again)).toBe(hashIn(alone));
      const other = await sim('--seed', '12');
      expect(hashIn(other)).not.toBe(hashIn(alone));
      const many = await sim('--seeds', '6', '--from', '10', '--twice', '--workers', '1');
      expect(many.output).toContain('everything held');
      expect(many.code).toBe(0);
    },
    LIVES_LIMIT_MS,
  );

  it(
    'finds nothing wrong in 200 runs in which everything happens that can',
    async () => {
      const { code, output } = await sim('--seeds', '200', '--from', '1');
      expect(output).toMatch(/^200 of 200 seeds, 0 failed/m);
      expect(output).not.toContain('never happened');
      expect({ code, output }).toMatchObject({ code: 0 });
    },
    LIVES_LIMIT_MS,
  );

  it('refuses what it does not understand', async () => {
    const { code, output } = await sim('--sedes', '5');
    expect(code).toBe(2);
    expect(output).toContain('Usage: npm run sim');
  });
});
