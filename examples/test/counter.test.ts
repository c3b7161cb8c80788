import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const COUNTER = fileURLToPath(new URL('../dist/counter.js', import.meta.url));

describe('the counter example', () => {
  it('counts to ten on three hosts, and ends by itself', async () => {
    const program = promisify(execFile)(process.execPath, [COUNTER], { timeout: 60_000 });
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
