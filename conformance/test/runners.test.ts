import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { LOGDB_CASES } from '../src/logdb/suite.js';
import { RPC_CASES } from '../src/rpc/suite.js';

interface Ended {
  exitCode: number | null;
  stdout: string;
  stderr: string;
}

function runNode(args: string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    // Variables by which one runner tells another that it is its child would change what is printed.
    const { NODE_TEST_CONTEXT: _context, NODE_OPTIONS: _options, JEST_WORKER_ID: _id, ...env } = process.env;
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (text: Buffer) => {
      stdout += text.toString();
    });
    child.stderr.on('data', (text: Buffer) => {
      stderr += text.toString();
    });
    child.on('error', reject);
    child.on('close', (exitCode) => {
      resolve({ exitCode, stdout, stderr });
    });
  });
}

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const text = (relative: string): string => readFileSync(path(relative), 'utf8');

interface JsonReport {
  testResults: { assertionResults: { title: string; status: string }[] }[];
}

/** Titles of the tests that passed, in the report that jest and vitest have in common. */
function passedIn(json: string): string[] {
  const { testResults } = JSON.parse(json) as JsonReport;
  return testResults.flatMap(({ assertionResults }) =>
    assertionResults.filter(({ status }) => status === 'passed').map(({ title }) => title),
  );
}

const RUNNERS = {
  'node:test': {
    file: 'runners/node-test.mjs',
    args: ['--test', '--test-reporter=tap', path('runners/node-test.mjs')],
    passed: (tap: string) =>
      [...tap.matchAll(/^\s+ok \d+ - ((?:LDB|RPC)-[A-Z]+-\d+ .*)$/gm)].map(([, id]) => id),
  },
  vitest: {
    file: 'runners/vitest.test.mjs',
    args: [
      path('../../node_modules/vitest/vitest.mjs'),
      'run',
      '--reporter=json',
      `--root=${path('runners')}`,
      'vitest.test.mjs',
    ],
    passed: passedIn,
  },
  jest: {
    file: 'runners/jest.test.mjs',
    args: [
      '--experimental-vm-modules',
      path('../../node_modules/jest/bin/jest.js'),
      '--json',
      `--rootDir=${path('runners')}`,
      `--config=${JSON.stringify({ testMatch: ['**/jest.test.mjs'], transform: {} })}`,
    ],
    passed: passedIn,
  },
};

describe('the suites (needs a build)', () => {
  it('are given to each runner by the same lines, fewer than ten', () => {
    const bodies = Object.values(RUNNERS).map(({ file }) => text(file).split('\n').slice(1));
    expect(new Set(bodies.map((lines) => lines.join('\n'))).size).toBe(1);
    expect(bodies[0]?.length).toBeLessThan(9);
  });

  it.each(Object.entries(RUNNERS))(
    'run under %s: every case is there, and passes',
    async (_name, { args, passed }) => {
      const { exitCode, stdout, stderr } = await runNode(args);
      expect(exitCode === 0 ? '' : stdout + stderr).toBe('');
      const ids = passed(stdout).map((title) => (title ?? '').split(' ')[0]);
      expect(ids.sort()).toEqual([...LOGDB_CASES, ...RPC_CASES].map(({ id }) => id).sort());
    },
    240_000,
  );

  it('run on a package by the lines of the README', async () => {
    expect(text('../README.md')).toContain(`\`\`\`js\n${text('runners/readme.mjs')}\`\`\`\n`);
    const { exitCode, stdout } = await runNode([
      '--test',
      '--test-reporter=tap',
      '--test-name-pattern=LDB-SAVE-1 ',
      path('runners/readme.mjs'),
    ]);
    expect(stdout).toMatch(/ok \d+ - LDB-SAVE-1 /);
    expect(stdout).toMatch(/# fail 0/);
    expect(exitCode).toBe(0);
  }, 120_000);
});

interface JsonOutcome {
  ok: boolean;
  adapters: {
    name: string;
    notInstalled?: string;
    broken?: string;
    report?: { cases: { id: string; status: string; error?: string }[] };
  }[];
}

const command = path('../bin/drakkar-conformance.mjs');

async function runCommand(...args: string[]): Promise<JsonOutcome & { exitCode: number | null }> {
  const { exitCode, stdout } = await runNode([command, ...args, '--json']);
  return { ...(JSON.parse(stdout) as JsonOutcome), exitCode };
}

describe('the command (needs a build)', () => {
  it('reports in JSON and ends with 0 when nothing failed', async () => {
    const args = ['--adapter', 'reference-logdb', '--case', 'LDB-SAVE-1', '--case', 'LDB-BOOT-2'];
    const { ok, adapters, exitCode } = await runCommand(...args);
    expect({ ok, exitCode }).toEqual({ ok: true, exitCode: 0 });
    expect(adapters.map(({ name }) => name)).toEqual(['reference-logdb']);
    expect(adapters[0]?.report?.cases.map(({ id, status }) => `${id} ${status}`)).toEqual([
      'LDB-BOOT-2 passed',
      'LDB-SAVE-1 passed',
    ]);
  }, 60_000);

  it('takes an adapter by the path of a file, reports what is wrong, and ends with 1', async () => {
    const fixture = path('fixtures/forgetful-logdb.mjs');
    const { ok, adapters, exitCode } = await runCommand(
      'logdb',
      fixture,
      '--case',
      'LDB-MODEL-1',
      '--seed',
      '42',
    );
    expect({ ok, exitCode }).toEqual({ ok: false, exitCode: 1 });
    const [result] = adapters[0]?.report?.cases ?? [];
    expect(result).toMatchObject({ id: 'LDB-MODEL-1', status: 'failed' });
    expect(result?.error).toMatch(/seed 42/);
  }, 60_000);

  it('prints a table, and what failed', async () => {
    const cases = ['LDB-MODEL-1', 'LDB-SAVE-1', 'LDB-SAVE-2', 'LDB-SAVE-7'].flatMap((id) => ['--case', id]);
    const fixture = path('fixtures/forgetful-logdb.mjs');
    const { exitCode, stdout } = await runNode([command, 'logdb', fixture, ...cases]);
    expect(stdout).toMatch(/^LDB-SAVE +\d+\/3$/m);
    expect(stdout).toMatch(/LDB-MODEL-1 FAILED/);
    expect(stdout).toMatch(/, at logdb\/cases\/[\w-]+\.js:\d+\n/);
    expect(stdout).toMatch(/what a clause promises: @drakkar\/raftio\/docs\/logdb-contract.md/);
    expect(exitCode).toBe(1);
  }, 120_000);

  it('gives options to an adapter, and says of one that can not run here that it is not installed', async () => {
    const fixture = path('fixtures/forgetful-logdb.mjs');
    const args = ['logdb', fixture, '--case', 'LDB-SAVE-1'];
    const sound = await runCommand(...args, '--options', '{"engine":"sound"}');
    expect(sound.adapters[0]?.report?.cases[0]?.status).toBe('passed');
    const { ok, adapters, exitCode } = await runCommand(...args, '--engine', 'elsewhere');
    expect({ ok, exitCode }).toEqual({ ok: false, exitCode: 1 });
    expect(adapters[0]?.notInstalled).toMatch(/elsewhere/);
    expect(adapters[0]?.report).toBeUndefined();
  }, 60_000);

  it('says of a package that is not there that it is not installed, and ends with 1', async () => {
    const { exitCode, stdout } = await runNode([command, '--module', '@drakkar/no-such-adapter']);
    expect(stdout).toMatch(/not installed/);
    expect(stdout).not.toMatch(/passed|\d\/\d/);
    expect(exitCode).toBe(1);
  }, 60_000);

  it('refuses an unknown case', async () => {
    const { exitCode } = await runNode([command, '--case', 'LDB-NONE-1']);
    expect(exitCode).toBe(2);
  }, 60_000);
});
