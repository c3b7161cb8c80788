import { createRequire } from 'node:module';
import { extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { ErrInvalidModule, ErrModuleNotFound, type NodeHost } from '@drakkar/framework';
import { hasSystemCode, messageOf } from '@drakkar/framework/internals';

/** What an application's module exports. What `start` returns, if it is a function, is called before the host stops. */
export type Start = (host: NodeHost) => unknown;

const TYPESCRIPT = ['.ts', '.mts', '.cts', '.tsx'];

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

/** What went wrong in code of the application, as Node.js shows it: with its stack and causes. */
export function stackOf(error: unknown): string {
  return inspect(error, { depth: 4, breakLength: 120 });
}

function loadFailure(file: string, error: unknown): ErrInvalidModule {
  const isTypeScript = TYPESCRIPT.includes(extname(file));
  const why =
    isTypeScript && hasSystemCode(error, 'ERR_UNKNOWN_FILE_EXTENSION')
      ? `it is TypeScript, which Node.js runs from 22.18 on, and this is ${process.version}: use a later one, or compile it to JavaScript`
      : messageOf(error);
  return new ErrInvalidModule(`--app: ${file} can't be loaded: ${why}`, { cause: error });
}

/** @throws ErrModuleNotFound, ErrInvalidModule; what the module itself throws is the cause */
export async function loadStart(app: string): Promise<Start> {
  const file = resolveApp(app);
  let exports: { start?: unknown; default?: { start?: unknown } };
  try {
    exports = (await import(pathToFileURL(file).href)) as typeof exports;
  } catch (error) {
    throw loadFailure(file, error);
  }
  const start = exports.start ?? exports.default?.start;
  if (typeof start === 'function') return start as Start;
  throw new ErrInvalidModule(`--app: ${file} has no exported function start(host)`);
}
