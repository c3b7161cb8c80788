import { spawn } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { root } from '../../scripts/lib/run.mjs';

const PROCESS = fileURLToPath(new URL('suite-process.mjs', import.meta.url));
const PRELOAD = new URL('preload.mjs', import.meta.url).href;

/** Starting and loading may take so long; a case so much longer than it took without a mutant, on a busy machine. */
const START_MS = 60_000;
const CASE_MS = 60_000;
const SLOWNESS = 5;

/** The processes under way, each the first of a group. */
const running = new Set();

function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}

export function killAll() {
  for (const child of running) killGroup(child);
}

/** An environment in which the compiled files have other texts, and everything temporary lies in one folder. */
function environment(folder, texts, isReachAsked) {
  const textsFile = join(folder, 'texts.json');
  const byURL = Object.entries(texts).map(([file, text]) => [pathToFileURL(join(root, file)).href, text]);
  writeFileSync(textsFile, JSON.stringify(Object.fromEntries(byURL)));
  const tmp = join(folder, 'tmp');
  mkdirSync(tmp);
  const reached = join(folder, 'reached');
  if (isReachAsked) mkdirSync(reached);
  return {
    ...process.env,
    TMPDIR: tmp,
    NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --import=${PRELOAD}`.trim(),
    DRAKKAR_MUTANT_TEXTS: textsFile,
    ...(isReachAsked ? { DRAKKAR_MUTANT_REACHED: reached } : {}),
  };
}

/**
 * Asks the suite of an adapter in a process of its own.
 *
 * @param texts compiled file, relative to the project → what runs in its place
 * @param durations case → milliseconds that it took without a mutant, for the limit of time
 * @param onLine called with each line that the process writes
 * @returns how it ended: `{ lines, isLate, stderr }`; late: a case, named by `during`, took too long
 */
export function runSuite({ adapter, seed, cases = [], texts, isReachAsked = false, durations = {}, onLine }) {
  const folder = mkdtempSync(join(tmpdir(), 'drakkar-adapter-mutants-'));
  const env = environment(folder, texts, isReachAsked);
  const child = spawn(process.execPath, ['--no-warnings', PROCESS, adapter, String(seed), ...cases], {
    cwd: join(folder, 'tmp'), // A mutant may write where it should not.
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  running.add(child);
  const lines = [];
  let [stderr, during, isLate] = ['', 'the start', false];
  const timer = setTimeout(late, START_MS);
  function late() {
    isLate = true;
    killGroup(child);
  }
  child.stderr.on('data', (data) => (stderr = (stderr + data).slice(-2000)));
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = parsed(text);
    if (line === undefined) return;
    if (line.begins !== undefined) {
      during = line.begins;
      clearTimeout(timer);
      limitCase();
    }
    lines.push(line);
    onLine?.(line);
  });
  let caseTimer;
  function limitCase() {
    clearTimeout(caseTimer);
    caseTimer = setTimeout(late, CASE_MS + SLOWNESS * (durations[during] ?? CASE_MS));
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', () => {
      clearTimeout(timer);
      clearTimeout(caseTimer);
      running.delete(child);
      killGroup(child); // What the adapter, or a case, has left running.
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
      resolve({ lines, isLate, during, stderr });
    });
  });
}

/** An adapter may write to stdout, too. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
