import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { parsePairs } from '../src/chaos/pairs.js';
import { ChaosRun } from '../src/chaos/run.js';
import { missingFaults, renderTable } from '../src/chaos/table.js';
import { pollUntil } from '../src/harness/waiting.js';
import { compiled } from './dist.js';

const TIMEOUT_MS = 120_000;
const PAIRS = 'lmdb+ws,leveldb+quic';

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'drakkar-chaos-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }));

describe('chaos over two pairs', () => {
  it('has every kind of fault, and finds nothing wrong', async () => {
    const told: string[] = [];
    const run = new ChaosRun({
      pairs: parsePairs(PAIRS),
      seed: 1,
      groups: 3,
      totalMs: 1_000,
      dir,
      keep: false,
      nodeScript: compiled('chaos/node.js'),
      guardScript: compiled('chaos/guard-process.js'),
      say: (line) => told.push(line),
    });
    const isGood = await run.play(new AbortController().signal);
    expect(run.failures).toEqual([]);
    expect(isGood).toBe(true);
    expect(missingFaults(run.figures)).toEqual([]);
    for (const figures of run.figures) {
      expect(figures).toMatchObject({ rounds: 1, violations: 0, stuck: 0 });
      expect(figures.acknowledged).toBeGreaterThan(0);
      expect(figures.reads).toBeGreaterThan(0);
      expect(figures.checked).toBeGreaterThanOrEqual(figures.acknowledged + figures.reads);
      expect(figures.killed).toBeGreaterThanOrEqual(figures.faults.kill);
    }
    expect(run.figures.map(({ roundsWithTLS }) => roundsWithTLS).sort()).toEqual([0, 1]);
    const table = renderTable(run.figures);
    expect(table.split('\n')[0]).toMatch(/lmdb\+ws +leveldb\+quic$/);
    expect(table).toMatch(/VIOLATIONS +0 +0\n/);
  }, 300_000);
});

/** Processes with the folder of this test on their command line, but the one that was started here. */
function descendants(own: number): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0 && pid !== own && pid !== process.pid && commandLine(pid).includes(dir));
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

const isLinux = process.platform === 'linux';

(isLinux ? describe : describe.skip)('npm run chaos, when it is ended early', () => {
  let started: ChildProcess | undefined;
  afterEach(() => {
    started?.kill('SIGKILL');
  });

  it.each([
    ['SIGINT', 130],
    ['SIGKILL', null],
  ] as const)(
    'leaves no process and no mount behind after %s',
    async (signal, exitCode) => {
      const args = ['--minutes', '5', '--pairs', 'lmdb+ws', '--groups', '2', '--data-dir', dir];
      started = spawn(process.execPath, [compiled('chaos/main.js'), ...args], { stdio: 'ignore' });
      const { pid = 0 } = started;
      await pollUntil(TIMEOUT_MS, 'no hosts', async () => (descendants(pid).length === 5 ? true : undefined));
      // One that is stopped could not even notice that its parent is gone.
      process.kill(descendants(pid)[0] ?? 0, 'SIGSTOP');
      const exited = once(started, 'exit');
      started.kill(signal);
      expect(await exited).toEqual(exitCode === null ? [null, signal] : [exitCode, null]);
      await pollUntil(TIMEOUT_MS, 'processes are left', async () =>
        descendants(pid).length === 0 ? true : undefined,
      );
      await pollUntil(TIMEOUT_MS, 'mounts are left', async () =>
        readFileSync('/proc/mounts', 'utf8').includes(dir) ? undefined : true,
      );
    },
    300_000,
  );
});
