import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ErrInvalidModule, ErrModuleNotFound } from '../errors/index.js';
import { messageOf } from '../errors/inspect.js';
import { NodeHost } from '../nodehost/node-host.js';
import { ExitCode, type Output } from './output.js';

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

/** `drakkar serve`. */
export async function serve(output: Output, { config, app }: ServeOptions): Promise<ExitCode> {
  // Before anything is open: a mistake here should cost nothing.
  const start = app === undefined ? undefined : await loadStart(app);
  const signalled = nextSignal();
  const host = await NodeHost.create(config);
  try {
    const stopApp = await start?.(host);
    output.event({ event: 'started' }, 'started');
    const signal = await signalled;
    output.event({ event: 'stopping', signal }, `stopping, because of ${signal}`);
    if (typeof stopApp === 'function') await (stopApp as () => unknown)();
  } finally {
    await host.stop();
  }
  output.event({ event: 'stopped' }, 'stopped');
  return ExitCode.ok;
}
