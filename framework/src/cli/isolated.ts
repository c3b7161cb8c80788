import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ExitCode } from './output.js';

export type IsolatedOutcome =
  | { kind: 'exited'; exitCode: ExitCode }
  /** It neither printed its result nor said why. */
  | { kind: 'broken'; how: string };

/** No step of reading takes that long; an engine that follows damaged links may go round for ever. */
const SILENCE_LIMIT_MS = 120_000;
const ALIVE = 'alive';
const ALIVE_INTERVAL_MS = 1_000;

/** To be called in the isolated process: tells the other that this one's event loop still turns. */
export function reportAlive(): void {
  if (process.send === undefined) return;
  const timer = setInterval(() => process.send?.(ALIVE), ALIVE_INTERVAL_MS);
  timer.unref();
  process.channel?.unref();
}

/** Runs a command line of this program in another process, with the same output. */
export function runIsolated(args: readonly string[]): Promise<IsolatedOutcome> {
  const main = fileURLToPath(new URL('./main.js', import.meta.url));
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...process.execArgv, main, ...args], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    let isHanging = false;
    const watchdog = setTimeout(() => {
      isHanging = true;
      child.kill('SIGKILL');
    }, SILENCE_LIMIT_MS);
    child.on('message', () => watchdog.refresh());
    child.once('error', (error) => {
      clearTimeout(watchdog);
      reject(error);
    });
    child.once('exit', (exitCode, signal) => {
      clearTimeout(watchdog);
      const known = Object.values(ExitCode).find((each) => each === exitCode);
      if (isHanging) resolve({ kind: 'broken', how: 'did not come back' });
      else if (known !== undefined) resolve({ kind: 'exited', exitCode: known });
      else resolve({ kind: 'broken', how: `ended its process (${signal ?? `code ${exitCode}`})` });
    });
  });
}
