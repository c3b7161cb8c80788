import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

interface Ended {
  exitCode: number | null;
  stdout: string;
}

function runNode(args: string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    // Variables by which one runner tells another that it is its child would change what is printed.
    const { NODE_TEST_CONTEXT: _context, NODE_OPTIONS: _options, ...env } = process.env;
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.on('data', (text: Buffer) => {
      stdout += text.toString();
    });
    child.on('error', reject);
    child.on('close', (exitCode) => {
      resolve({ exitCode, stdout });
    });
  });
}

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

describe('outside jest (needs a build)', () => {
  it('the example of the README is the file that the next test runs', () => {
    const example = readFileSync(path('./node-test.smoke.mjs'), 'utf8');
    expect(readFileSync(path('../README.md'), 'utf8')).toContain(`\`\`\`js\n${example}\`\`\`\n`);
  });

  it('the suite runs under node:test', async () => {
    const { exitCode, stdout } = await runNode([
      '--test',
      '--test-reporter=tap',
      path('./node-test.smoke.mjs'),
    ]);
    expect(stdout).toMatch(/ok \d+ - LDB-SAVE-1 /);
    expect(stdout).toMatch(/# fail 0/);
    expect(exitCode).toBe(0);
  }, 120_000);

  const cli = path('../dist/cli/main.js');

  it('the command reports in JSON and ends with 0 when nothing failed', async () => {
    const args = ['--adapter', 'reference-logdb', '--case', 'LDB-SAVE-1', '--case', 'LDB-BOOT-2', '--json'];
    const { exitCode, stdout } = await runNode([cli, ...args]);
    const { ok, adapters } = JSON.parse(stdout) as {
      ok: boolean;
      adapters: { name: string; report: { cases: { id: string; status: string }[] } }[];
    };
    expect(ok).toBe(true);
    expect(adapters.map(({ name }) => name)).toEqual(['reference-logdb']);
    expect(adapters[0]?.report.cases.map(({ id, status }) => `${id} ${status}`)).toEqual([
      'LDB-BOOT-2 passed',
      'LDB-SAVE-1 passed',
    ]);
    expect(exitCode).toBe(0);
  }, 30_000);

  it('the command says of a package that is not there that it is not installed, and ends with 1', async () => {
    const { exitCode, stdout } = await runNode([cli, '--module', '@drakkar/no-such-adapter']);
    expect(stdout).toMatch(/not installed/);
    expect(stdout).not.toMatch(/passed|\d\/\d/);
    expect(exitCode).toBe(1);
  }, 30_000);

  it('the command refuses an unknown case', async () => {
    const { exitCode } = await runNode([cli, '--case', 'LDB-NONE-1']);
    expect(exitCode).toBe(2);
  }, 30_000);
});
