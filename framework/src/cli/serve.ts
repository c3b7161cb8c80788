import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { hasErrorCode } from '@drakkar/raftio';
import { ErrInvalidModule, ErrModuleNotFound } from '../errors/index.js';
import { messageOf } from '../errors/inspect.js';
import { NodeHost } from '../nodehost/node-host.js';
import { SystemClock } from '../runtime/clock.js';
import { finishesWithin } from '../runtime/finishes-within.js';
import { ExitCode, type Output } from './output.js';

/** For what the app does when it is stopped. */
const APP_STOP_TIMEOUT_MS = 30_000;
/** For the host to open, after a signal that came while it did. */
const OPEN_TIMEOUT_MS = 10_000;
/** Until the process is ended that does not end by itself. */
const EXIT_GRACE_MS = 1_000;

export interface ServeOptions {
  config: string;
  app?: string;
}

/** What an application's module exports. What `start` returns, if it is a function, is called before the host stops. */
type Start = (host: NodeHost) => unknown;

/** Found as a path from the current folder, or as a package installed there. */
function resolveApp(app: string): string {
  const require = createRequire(join(process.cwd(), 'noop.js'));
  try {
    return require.resolve(/^\.{1,2}[\\/]/.test(app) ? resolve(app) : app);
  } catch (error) {
    throw new ErrModuleNotFound(
      `--app: there is no module ${app}, seen from ${process.cwd()}; a path starts with ./ or ../ or is absolute`,
      { cause: error },
    );
  }
}

async function loadStart(app: string): Promise<Start> {
  const file = resolveApp(app);
  let exports: { start?: unknown; default?: { start?: unknown } };
  try {
    exports = (await import(pathToFileURL(file).href)) as typeof exports;
  } catch (error) {
    throw new ErrInvalidModule(`--app: ${file} can't be loaded: ${messageOf(error)}`, { cause: error });
  }
  const start = exports.start ?? exports.default?.start;
  if (typeof start === 'function') return start as Start;
  throw new ErrInvalidModule(`--app: ${file} has no exported function start(host)`);
}

/** The first signal asks to stop; a second one ends the process, as signals do. */
function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const stop = (signal: NodeJS.Signals): void => {
      process.removeListener('SIGINT', stop);
      process.removeListener('SIGTERM', stop);
      resolve(signal);
    };
    process.on('SIGINT', stop);
    process.on('SIGTERM', stop);
  });
}

type StopApp = () => unknown;

/** What the app returned from `start`, or the signal that came first: `start` may take long, or hang. */
async function startUnlessSignalled(
  host: NodeHost,
  start: Start | undefined,
  signalled: Promise<NodeJS.Signals>,
): Promise<{ stopApp: unknown } | { signal: NodeJS.Signals }> {
  const starting = Promise.resolve(start?.(host)).then((stopApp) => ({ stopApp }));
  // Whoever is stopped while it starts may well fail; there is nobody to hear of it.
  starting.catch(() => undefined);
  return await Promise.race([starting, signalled.then((signal) => ({ signal }))]);
}

/** Whether it has stopped. */
async function stopAppInTime(output: Output, stopApp: StopApp): Promise<boolean> {
  const stopping = Promise.resolve(stopApp());
  if (await finishesWithin(stopping, APP_STOP_TIMEOUT_MS, new SystemClock())) return true;
  stopping.catch(() => undefined);
  output.warn(`the app has not stopped within ${APP_STOP_TIMEOUT_MS} ms; the host is stopped without it`);
  return false;
}

const sayStopping = (output: Output, signal: string): void =>
  output.event({ event: 'stopping', signal }, `stopping, because of ${signal}`);

/** Whether the app is at nothing any more. */
async function runUntilSignalled(
  output: Output,
  host: NodeHost,
  start: Start | undefined,
  signalled: Promise<NodeJS.Signals>,
): Promise<boolean> {
  const outcome = await startUnlessSignalled(host, start, signalled);
  if ('signal' in outcome) {
    sayStopping(output, outcome.signal);
    return false;
  }
  output.event({ event: 'started' }, 'started');
  sayStopping(output, await signalled);
  return typeof outcome.stopApp !== 'function' || (await stopAppInTime(output, outcome.stopApp as StopApp));
}

/** A signal has come before the host was open: it is closed as soon as it is. */
async function giveUpOpening(output: Output, opening: Promise<NodeHost>, signal: string): Promise<ExitCode> {
  sayStopping(output, signal);
  const closed = opening.then((host) => host.stop());
  if (await finishesWithin(closed, OPEN_TIMEOUT_MS, new SystemClock())) return ExitCode.ok;
  closed.catch(() => undefined);
  output.warn(`the host has not opened within ${OPEN_TIMEOUT_MS} ms after ${signal}; the process is ended`);
  return endSoon(ExitCode.failed);
}

/** What hangs may have handles open, by which the process would never end by itself. */
function endSoon(exitCode: ExitCode): ExitCode {
  setTimeout(() => process.exit(exitCode), EXIT_GRACE_MS).unref();
  return exitCode;
}

/** `drakkar serve`. */
export async function serve(output: Output, { config, app }: ServeOptions): Promise<ExitCode> {
  // Before anything is open: a mistake here should cost nothing.
  const start = app === undefined ? undefined : await loadStart(app);
  const signalled = nextSignal();
  const opening = NodeHost.create(config);
  const host = await Promise.race([opening, signalled]);
  if (typeof host === 'string') return await giveUpOpening(output, opening, host);
  let isAppAtRest: boolean;
  try {
    isAppAtRest = await runUntilSignalled(output, host, start, signalled);
  } finally {
    await host.stop().catch((error: unknown) => {
      if (hasErrorCode(error, 'ERR_STOP_TIMEOUT')) endSoon(ExitCode.failed);
      throw error;
    });
  }
  output.event({ event: 'stopped' }, 'stopped');
  return isAppAtRest ? ExitCode.ok : endSoon(ExitCode.ok);
}
