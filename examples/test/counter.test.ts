import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { compiled } from './dist.js';

describe('the counter example', () => {
  it('counts to ten on three hosts, and ends by itself', async () => {
    const program = promisify(execFile)(process.execPath, [compiled('counter.js')], { timeout: 60_000 });
    const { stdout } = await program;
    const lines = stdout
      .trim()
      .split('\n')
      .filter((line) => /^(raised|127)/.test(line));
    expect(lines).toEqual([
      ...Array.from({ length: 10 }, (_, i) => `raised to ${i + 1}`),
      ...[1, 2, 3].map((nodeID) => `127.0.0.1:${26_000 + nodeID} reads 10`),
    ]);
  }, 70_000);
});
