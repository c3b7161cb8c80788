import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { ExitCode } from './output.js';
import type { CommandSignal, CommandSignals } from './signals.js';

export type IsolatedOutcome =
  | { kind: 'exited'; exitCode: ExitCode; stdout: string }
  /** It was asked to stop, and has. */
  | { kind: 'stopped' }
  /** It neither gave its result nor said why. */
  | { kind: 'broken'; how: Breakdown };

/** How a process ended that should have given a result. */
export type Breakdown =
  | { kind: 'silent'; limitMs: number }
  | { kind: 'signal'; signal: NodeJS.Signals }
  | { kind: 'code'; exitCode: number | null };

export interface IsolatedOptions {
  signals: CommandSignals;
  /** For how long the process may give no sign of life. */
  silenceLimitMs?: number;
  /** Called for each sign of life. */
  onAlive?: () => void;
  /** The program. Default: this one. */
  main?: string;
}

/** No step of reading takes that long; an engine that follows damaged links may go round indefinitely. */
const SILENCE_LIMIT_MS = 120_000;
/** Into so many steps the limit is divided: this process may itself stand still, as by Ctrl-Z, for one of them only. */
const SILENCE_STEPS = 10;
const ALIVE = 'alive';
const ALIVE_INTERVAL_MS = 500;

/** Tells a process that it is an isolated one, and that the process that has made it listens to it. */
const ISOLATED_VARIABLE = 'DRAKKAR_ISOLATED';

/** What a process has of a channel to the one that has started it. */
export type OwnProcess = Pick<NodeJS.Process, 'send' | 'connected' | 'channel' | 'env'> & NodeJS.EventEmitter;

/**
 * To be called in the isolated process: tells the other that this one's event loop still turns, and stops when that
 * one asks for it or has ended.
 */
export function reportToParent(signals: CommandSignals, own: OwnProcess = process): void {
  // Another process that has started this process may have a channel to it for things of its own.
  if (own.send === undefined || own.env[ISOLATED_VARIABLE] === undefined) return;
  delete own.env[ISOLATED_VARIABLE]; // it is not about what this process starts
  // Without a callback, a parent that is gone would be an error that nobody catches.
  const report = (): unknown => own.send?.(ALIVE, undefined, undefined, () => undefined);
  setInterval(report, ALIVE_INTERVAL_MS).unref();
  own.on('message', (signal: CommandSignal) => signals.requestStop(signal));
  const stop = (): void => signals.requestStop('SIGHUP', 'the end of its parent process');
  own.on('disconnect', stop);
  own.channel?.unref();
  // The parent may have ended before this process listened.
  if (own.connected) report();
  else stop();
}

const OWN_MAIN = fileURLToPath(new URL('./main.js', import.meta.url));

/** Runs a command line of this program in another process; what that prints as its result is given back. */
export function runIsolated(
  args: readonly string[],
  { signals, silenceLimitMs = SILENCE_LIMIT_MS, onAlive, main = OWN_MAIN }: IsolatedOptions,
): Promise<IsolatedOutcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...process.execArgv, main, ...args], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
      env: { ...process.env, [ISOLATED_VARIABLE]: '1' },
    });
    let isSilent = false;
    let stdout = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    let silentSteps = 0;
    const watchdog = setInterval(() => {
      isSilent = ++silentSteps >= SILENCE_STEPS;
      if (isSilent) child.kill('SIGKILL');
    }, silenceLimitMs / SILENCE_STEPS);
    child.on('message', () => {
      silentSteps = 0;
      onAlive?.();
    });
    // Not by a signal: a terminal sends that to both, and a second one would end the other at once.
    const stop = (): void => void child.send(signals.stopping ?? 'SIGTERM', () => undefined);
    if (signals.stop.aborted) stop();
    else signals.stop.addEventListener('abort', stop, { once: true });
    signals.onSecond = () => void child.kill('SIGKILL');
    child.once('error', (error) => {
      clearInterval(watchdog);
      reject(error);
    });
    child.once('close', (exitCode, signal) => {
      clearInterval(watchdog);
      signals.stop.removeEventListener('abort', stop);
      const known = Object.values(ExitCode).find((each) => each === exitCode);
      const breakdown = (how: Breakdown): void => resolve({ kind: 'broken', how });
      if (isSilent) breakdown({ kind: 'silent', limitMs: silenceLimitMs });
      else if (known !== undefined && (stdout !== '' || known === ExitCode.failed))
        resolve({ kind: 'exited', exitCode: known, stdout });
      else if (signals.stopping !== undefined) resolve({ kind: 'stopped' });
      else if (signal !== null) breakdown({ kind: 'signal', signal });
      else breakdown({ kind: 'code', exitCode });
    });
  });
}
