import { dirname, join, resolve } from 'node:path';
import { type ILogDB, isDrakkarError } from '@drakkar/raftio';
import { ErrDirNotExist, ErrInvalidOption, type IDirectoryLock, type IFileSystem } from '@drakkar/framework';
import { type Roots, dropSeal, isPlainObject, makeDirDurable, readSeal } from '@drakkar/framework/internals';
import { type Comparison, compare, copiedLines, copyAll, countEntries, withOpen } from './logdb-copy-all.js';
import { offlineServices } from './open-data.js';
import { ExitCode, type Output } from './output.js';
import { lockForCommand } from './owner.js';
import { SuspendedSeal } from './suspended-seal.js';

export interface CopyPlacesOptions {
  from?: string;
  fromWalDir?: string;
  fromOptions?: string;
  to?: string;
  toWalDir?: string;
  toOptions?: string;
}

interface Place {
  module: string;
  dir: string;
}

/** A LogDB anywhere: its folders, and how its adapter is set. */
interface LogDBPlace extends Place {
  /** Equal to `dir` unless the user names one. */
  walDir: string;
  options: Record<string, unknown>;
}

/** `module:dir`, where either may be a Windows path with a colon of its own. */
export function parsePlace(option: string, text: string): Place {
  const match = /^((?:[A-Za-z]:[\\/])?[^:]+):(.+)$/.exec(text);
  const [, module, dir] = match ?? [];
  if (module !== undefined && dir !== undefined) return { module, dir: resolve(dir) };
  throw new ErrInvalidOption(`${option} must be MODULE:DIR, as in lmdb:/var/lib/app/logdb, but is "${text}"`);
}

function parseAdapterOptions(option: string, text: string | undefined): Record<string, unknown> {
  if (text === undefined) return {};
  try {
    const value: unknown = JSON.parse(text);
    if (isPlainObject(value)) return value;
  } catch {
    // Told below.
  }
  throw new ErrInvalidOption(
    `${option} must be a JSON object, as in '{"pageSizeBytes":8192}', but is ${text}`,
  );
}

function logDBPlace(side: 'from' | 'to', options: CopyPlacesOptions): LogDBPlace {
  const text = options[side];
  if (text === undefined) {
    throw new ErrInvalidOption(
      'name a LogDB with --from MODULE:DIR and another with --to MODULE:DIR; or, to move a host, use --config and --switch-to',
    );
  }
  const place = parsePlace(`--${side}`, text);
  const walDir = side === 'from' ? options.fromWalDir : options.toWalDir;
  const adapterOptions = side === 'from' ? options.fromOptions : options.toOptions;
  return {
    ...place,
    walDir: walDir === undefined ? place.dir : resolve(walDir),
    options: parseAdapterOptions(`--${side}-options`, adapterOptions),
  };
}

/** The services of a host with that LogDB; its address and data directory mean nothing. */
function servicesFor({ module, dir, options }: LogDBPlace): ReturnType<typeof offlineServices> {
  return offlineServices({ raftAddress: '127.0.0.1:1', nodeHostDir: dir, logdb: { module, options } });
}

async function isEmptyOrMissing(fs: IFileSystem, dir: string): Promise<boolean> {
  const found = await fs.stat(dir);
  if (found === undefined) return true;
  return found.kind === 'directory' && (await fs.readDir(dir)).length === 0;
}

function foldersOf({ dir, walDir }: LogDBPlace): string[] {
  return [...new Set([dir, walDir])];
}

const partial = (dir: string): string => `${dir}.partial`;

async function checkPlaces(fs: IFileSystem, from: LogDBPlace, to: LogDBPlace): Promise<void> {
  for (const dir of foldersOf(from)) {
    if ((await fs.stat(dir))?.kind !== 'directory' || (await isEmptyOrMissing(fs, dir))) {
      throw new ErrDirNotExist(`--from: there is no LogDB in ${dir}`, { details: { dir } });
    }
  }
  for (const dir of foldersOf(to)) {
    if (!(await isEmptyOrMissing(fs, dir))) {
      throw new ErrInvalidOption(`--to: ${dir} is not empty; name a new folder`);
    }
    if ((await fs.stat(partial(dir))) !== undefined) {
      throw new ErrInvalidOption(
        `--to: ${partial(dir)} is what a copy that was cut short has left; remove it and try again`,
      );
    }
  }
}

/** The LogDB may be that of a data directory, which may be sealed: then it lies where hosts have it. */
function rootsAround({ dir, walDir }: LogDBPlace): Roots {
  return { nodeHostDir: dirname(dir), walDir: dirname(walDir) };
}

async function openAt(place: LogDBPlace): Promise<ILogDB> {
  const { logDBFactory } = await servicesFor(place);
  return logDBFactory({ dir: place.dir, walDir: place.walDir });
}

/**
 * Runs `work`, which opens a LogDB, with the seal around that suspended. Where there is one no host may start before it
 * is made again: it would write to what is being sealed.
 */
async function withoutSeal<T>(
  fs: IFileSystem,
  directoryLock: IDirectoryLock,
  roots: Roots,
  output: Output,
  work: () => Promise<T>,
): Promise<T> {
  const isSealed = (await readSeal(fs, roots)).kind !== 'none';
  const { nodeHostDir, walDir } = roots;
  const places = { locked: isSealed ? [nodeHostDir] : [], given: [nodeHostDir, walDir], nodeHostDir };
  const lock = await lockForCommand(directoryLock, places, (text) => output.warn(text));
  try {
    const seal = await SuspendedSeal.suspend(fs, roots, { ignoreSeal: true });
    return await work().finally(() => seal.resume());
  } finally {
    await lock.release();
  }
}

/** Copies and compares; what was made is removed when that fails. */
async function makeUnfinished(
  fs: IFileSystem,
  source: ILogDB,
  unfinished: LogDBPlace,
  output: Output,
): Promise<Comparison> {
  for (const dir of foldersOf(unfinished)) await makeDirDurable(fs, dir);
  try {
    const open = (): Promise<ILogDB> => openAt(unfinished);
    await withOpen(open, (target) => copyAll(source, target, output));
    return await withOpen(open, (target) => compare(source, target, output));
  } catch (error) {
    for (const dir of foldersOf(unfinished)) await fs.remove(dir);
    throw isDrakkarError(error) ? error : new Error(`the copy failed: ${String(error)}`, { cause: error });
  }
}

/** The copy comes into being beside its place, and takes its name when it has been compared. */
export async function copyBetweenPlaces(output: Output, options: CopyPlacesOptions): Promise<ExitCode> {
  const from = logDBPlace('from', options);
  const to = logDBPlace('to', options);
  const unfinished = { ...to, dir: partial(to.dir), walDir: partial(to.walDir) };
  const { fileSystem: fs, directoryLock } = await servicesFor(from);
  await servicesFor(to); // before anything is made: the module may be missing
  await checkPlaces(fs, from, to);
  const { replicas, problems } = await withoutSeal(fs, directoryLock, rootsAround(from), output, () =>
    withOpen(
      () => openAt(from),
      (source) => makeUnfinished(fs, source, unfinished, output),
    ),
  );
  const result = { ok: problems.length === 0, from, to, replicas, problems };
  if (problems.length > 0) {
    output.result(result, [...problems.map((each) => `PROBLEM  ${each}`), `see ${unfinished.dir}`]);
    return ExitCode.problems;
  }
  await dropSeal(fs, rootsAround(to));
  // The WAL first: a folder that has the name of the LogDB is a whole copy.
  for (const dir of foldersOf(to).reverse()) {
    await fs.remove(dir);
    await fs.rename(partial(dir), dir);
    await fs.syncDir(join(dir, '..'));
  }
  output.result(result, [
    ...copiedLines(replicas),
    `${replicas.length} replicas with ${countEntries(replicas)} entries copied to ${to.dir}, and found equal`,
  ]);
  return ExitCode.ok;
}
