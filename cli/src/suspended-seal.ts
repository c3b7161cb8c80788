import { ErrDataDirCorrupt, type IFileSystem } from '@drakkar/framework';
import {
  type Roots,
  type VerifyProgress,
  badLockFiles,
  dropSeal,
  makeSeal,
  readSeal,
  verifySeal,
} from '@drakkar/framework/internals';
import { circumstanceOf } from './circumstance.js';

/** What a data directory was found to be by its seal. */
export type SealState =
  /** Every file is as the host left it. */
  | 'valid'
  /** The host was not stopped in order, or was told not to seal. */
  | 'none'
  /** Files have changed, or the seal itself has; that was to be ignored. */
  | 'broken';

/** Why a data directory is not as its host left it. */
export interface FileProblem {
  part: 'seal' | 'lock';
  message: string;
}

const PROBLEMS_TOLD = 3;

function changed({ nodeHostDir }: Roots, problems: FileProblem[]): ErrDataDirCorrupt {
  const more = problems.length > PROBLEMS_TOLD ? ` (and ${problems.length - PROBLEMS_TOLD} more)` : '';
  const told = problems.slice(0, PROBLEMS_TOLD).map(({ message }) => message);
  return new ErrDataDirCorrupt(
    `${nodeHostDir} is not as its host left it, and was not opened: ${told.join('; ')}${more}. drakkar check lists all; --ignore-seal goes on nevertheless`,
    { details: { dir: nodeHostDir, problems } },
  );
}

/** The problems that such an error is about; undefined for any other. */
export function fileProblemsOf(details: Readonly<Record<string, unknown>>): FileProblem[] | undefined {
  const { problems } = details;
  return Array.isArray(problems) ? (problems as FileProblem[]) : undefined;
}

/**
 * Throws ErrDataDirCorrupt when files of the lock are damaged: before it is taken, which may remove them. Throws what
 * the system says when they can't be read for a reason that says nothing of them.
 */
export async function checkLockFiles(roots: Roots): Promise<void> {
  const problems: FileProblem[] = [];
  for (const dir of new Set([roots.nodeHostDir, roots.walDir])) {
    for (const { path, cause } of await badLockFiles(dir)) {
      if (circumstanceOf(cause) !== undefined) throw cause;
      problems.push({ part: 'lock', message: `${path} is damaged` });
    }
  }
  if (problems.length > 0) throw changed(roots, problems);
}

/**
 * Takes away the seal of a data directory, which is locked, for as long as its LogDB is open, which engines don't let
 * stay as it is. It is made again afterwards if all was as it said, so that the next one to look knows as much.
 */
export class SuspendedSeal {
  readonly #fs: IFileSystem;
  #roots: Roots | undefined;
  readonly state: SealState;

  private constructor(fs: IFileSystem, state: SealState, roots: Roots | undefined) {
    this.#fs = fs;
    this.state = state;
    this.#roots = roots;
  }

  /**
   * Compares every file with the seal before anything is changed. Throws ErrDataDirCorrupt, with the directory as it
   * was, when they differ and that is not to be ignored; or what the system says, when that has kept a file from being
   * read, and no other differs.
   *
   * @param options `ignoreSeal`: goes on when they differ; `isReadOnly`: the seal stays, and nothing is changed
   */
  static async suspend(
    fs: IFileSystem,
    roots: Roots,
    options: { ignoreSeal: boolean; isReadOnly?: boolean },
    onProgress?: VerifyProgress,
  ): Promise<SuspendedSeal> {
    const { ignoreSeal, isReadOnly = false } = options;
    const reading = await readSeal(fs, roots);
    if (reading.kind === 'none') return new SuspendedSeal(fs, 'none', undefined);
    let unread: Error | undefined;
    const takeUnreadable = (error: unknown): boolean => {
      if (ignoreSeal || circumstanceOf(error) === undefined) return false;
      unread ??= error as Error;
      return true;
    };
    if (reading.kind === 'damaged' && takeUnreadable(reading.error)) throw reading.error;
    const findings =
      reading.kind === 'damaged'
        ? [reading.message]
        : await verifySeal(fs, roots, reading.seal, onProgress, takeUnreadable);
    if (findings.length > 0 && !ignoreSeal) {
      throw changed(
        roots,
        findings.map((message) => ({ part: 'seal', message })),
      );
    }
    if (unread !== undefined) throw unread;
    if (!isReadOnly) await dropSeal(fs, roots);
    return findings.length > 0
      ? new SuspendedSeal(fs, 'broken', undefined)
      : new SuspendedSeal(fs, 'valid', isReadOnly ? undefined : roots);
  }

  /** While `work` runs nothing is to be sealed if it fails; then the directory has these roots. */
  async moving(roots: Roots, work: () => Promise<void>): Promise<void> {
    const wasSealed = this.#roots !== undefined;
    this.#roots = undefined;
    await work();
    if (wasSealed) this.#roots = roots;
  }

  /** Seals again, once. Everything must be closed. */
  async resume(): Promise<void> {
    const roots = this.#roots;
    this.#roots = undefined;
    if (roots !== undefined) await makeSeal(this.#fs, roots);
  }
}
