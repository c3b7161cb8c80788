import { hasErrorCode } from '@drakkar/raftio';
import { NodeHost, SystemClock } from '@drakkar/framework';
import { finishesWithin } from '@drakkar/framework/internals';
import { endProcess } from './end-process.js';
import { ExitCode, type Output } from './output.js';
import { type Start, loadStart, stackOf } from './serve-app.js';
import type { CommandSignals } from './signals.js';

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

type StopApp = () => unknown;

const STOPPED = Symbol('stopped');

/** What `work` gives, or STOPPED if a signal comes first: any of it may take long, or hang. */
async function unlessStopped<T>(work: Promise<T>, signals: CommandSignals): Promise<T | typeof STOPPED> {
  // What is stopped while it starts may well fail; there is nobody to hear of it.
  work.catch(() => undefined);
  return await Promise.race([work, signals.stopped().then((): typeof STOPPED => STOPPED)]);
}

/** Runs code of the app. What it throws is shown as Node.js shows it, for the message alone says little. */
async function ofApp<T>(output: Output, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    output.warn(`the app has failed: ${stackOf(error)}`);
    throw error;
  }
}

async function loadApp(output: Output, app: string): Promise<Start> {
  try {
    return await loadStart(app);
  } catch (error) {
    const { cause } = error as Error;
    if (cause !== undefined && hasErrorCode(error, 'ERR_INVALID_MODULE')) output.warn(stackOf(cause));
    throw error;
  }
}

/** Whether it has stopped. */
async function stopAppInTime(output: Output, stopApp: StopApp): Promise<boolean> {
  const stopping = ofApp(output, stopApp);
  if (await finishesWithin(stopping, APP_STOP_TIMEOUT_MS, new SystemClock())) return true;
  stopping.catch(() => undefined);
  output.warn(`the app has not stopped within ${APP_STOP_TIMEOUT_MS} ms; the host is stopped without it`);
  return false;
}

function reportStopping(output: Output): void {
  const { stopping: signal } = output.signals;
  output.event({ event: 'stopping', signal }, `stopping, because of ${signal}`);
}

/** Whether the app is at nothing any more. */
async function runUntilStopped(output: Output, host: NodeHost, start: Start | undefined): Promise<boolean> {
  const { signals } = output;
  const stopApp = await unlessStopped(
    ofApp(output, () => start?.(host)),
    signals,
  );
  if (stopApp === STOPPED) {
    reportStopping(output);
    return false;
  }
  output.event({ event: 'started' }, 'started');
  await signals.stopped();
  reportStopping(output);
  return typeof stopApp !== 'function' || (await stopAppInTime(output, stopApp as StopApp));
}

/** A signal has come before the host was open: it is closed as soon as it is. */
async function giveUpOpening(output: Output, opening: Promise<NodeHost>): Promise<ExitCode> {
  reportStopping(output);
  const closed = opening.then((host) => host.stop());
  if (await finishesWithin(closed, OPEN_TIMEOUT_MS, new SystemClock())) return reportStopped(output);
  closed.catch(() => undefined);
  output.warn(
    `the host has not opened within ${OPEN_TIMEOUT_MS} ms after ${output.signals.stopping}; the process is ended`,
  );
  return endSoon(ExitCode.failed);
}

function reportStopped(output: Output): ExitCode {
  output.event({ event: 'stopped' }, 'stopped');
  return ExitCode.ok;
}

/** What hangs may have handles open, by which the process would never end by itself. */
function endSoon(exitCode: ExitCode): ExitCode {
  setTimeout(() => endProcess(exitCode), EXIT_GRACE_MS).unref();
  return exitCode;
}

/** `drakkar serve`. */
export async function serve(output: Output, { config, app }: ServeOptions): Promise<ExitCode> {
  const { signals } = output;
  output.onStdoutLost(({ message }) =>
    output.warn(`the standard output takes nothing any more (${message}); the host goes on`),
  );
  // Before anything is open: a mistake here should cost nothing.
  const start = app === undefined ? undefined : await unlessStopped(loadApp(output, app), signals);
  if (start === STOPPED) {
    reportStopping(output);
    reportStopped(output);
    return endSoon(ExitCode.ok); // the module may go on loading
  }
  const opening = NodeHost.create(config);
  const host = await unlessStopped(opening, signals);
  if (host === STOPPED) return await giveUpOpening(output, opening);
  signals.onHangup = reloader(output, host);
  let isAppAtRest: boolean;
  try {
    isAppAtRest = await runUntilStopped(output, host, start);
  } finally {
    await host.stop().catch((error: unknown) => {
      if (hasErrorCode(error, 'ERR_STOP_TIMEOUT')) endSoon(ExitCode.failed);
      throw error;
    });
  }
  reportStopped(output);
  return isAppAtRest ? ExitCode.ok : endSoon(ExitCode.ok);
}

/** What SIGHUP does, one after the other; what can't be used is reported, and the host goes on with what it had. */
function reloader(output: Output, host: NodeHost): () => void {
  let last = Promise.resolve();
  const reload = async (): Promise<void> => {
    try {
      await host.reload();
      output.event({ event: 'reloaded' }, 'reloaded, because of SIGHUP');
    } catch (error) {
      output.warn(`not reloaded: ${(error as Error).message}`);
    }
  };
  return () => {
    last = last.then(reload);
  };
}
