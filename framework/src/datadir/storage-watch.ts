import { join } from 'node:path';
import { ErrDataDirGone } from '../errors/host.js';
import type { IFileSystem } from '../fs/file-system.js';
import { type StorageProblem, storageProblemOf } from '../fs/storage-problem.js';
import type { IClock, Timer } from '../runtime/clock.js';
import { type DataDirLayout, STATUS_FILE_NAME } from './layout.js';

export interface StorageWatchOptions {
  fileSystem: IFileSystem;
  layout: DataDirLayout;
  clock: IClock;
  /** Watches a look, which takes as long as the disk does. */
  watch: (look: () => Promise<void>) => Promise<void>;
  /** The LogDB's folder is not there any more: what it writes is lost. Called once at most. */
  onGone: (error: ErrDataDirGone) => void;
  /** Called once for each problem, until it is over. */
  onProblem: (problem: StorageProblem, error: unknown) => void;
}

const LOOK_MS = 1_000;
/** Reading a folder of a thousand files takes longer than finding it. */
const LOOKS_PER_LISTING = 10;

interface WatchedFolder {
  path: string;
  identity: string | undefined;
  /** Whether the file system may give a folder another identity, as some that are not local do. */
  isVague: boolean;
  hasFiles: boolean;
}

/**
 * Looks once a second whether the data directory is still what was opened. An engine that has its files open goes on
 * writing to them when they are removed, and every write succeeds; so it is for this to see that what is acknowledged
 * would be gone with the process. And a host with no descriptors left, or with a disk that answers errors, hears of it
 * before the LogDB needs one.
 */
export class StorageWatch {
  readonly #options: StorageWatchOptions;
  readonly #reported = new Set<StorageProblem>();
  #logFolders: WatchedFolder[] = [];
  #snapshots: WatchedFolder | undefined;
  #timer: Timer | undefined;
  #isLooking = false;
  #looks = 0;

  constructor(options: StorageWatchOptions) {
    this.#options = options;
  }

  /** Nothing is watched on a file system that can't tell a folder from one in its place. */
  async start(): Promise<void> {
    const { fileSystem, layout, clock } = this.#options;
    if (fileSystem.identity === undefined) return;
    this.#logFolders = await Promise.all(
      [...new Set([layout.logdbDir, layout.walDir])].map((path) => this.#remember(path)),
    );
    this.#snapshots = await this.#remember(layout.snapshotsDir);
    this.#timer = clock.setInterval(() => this.#tick(), LOOK_MS);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  async #remember(path: string): Promise<WatchedFolder> {
    const { fileSystem } = this.#options;
    return {
      path,
      identity: await fileSystem.identity?.(path),
      isVague: (await fileSystem.kindOf?.(path)) !== undefined,
      hasFiles: (await fileSystem.readDir(path)).length > 0,
    };
  }

  #tick(): void {
    if (this.#isLooking) return;
    this.#isLooking = true;
    void this.#options
      .watch(() => this.#look())
      .finally(() => {
        this.#isLooking = false;
      });
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const problems = new Set<StorageProblem>();
    const report = (error: unknown): void => {
      const problem = storageProblemOf(error);
      if (problem === undefined) return;
      problems.add(problem);
      if (this.#reported.has(problem)) return;
      this.#reported.add(problem);
      this.#options.onProblem(problem, error);
    };
    this.#looks += 1;
    for (const folder of this.#logFolders) {
      const change = await this.#changeOf(folder).catch(report);
      if (change === undefined || this.#timer === undefined) continue;
      this.stop();
      this.#options.onGone(gone(folder.path, change));
      return;
    }
    await this.#lookAtRest().catch(report);
    for (const problem of this.#reported) if (!problems.has(problem)) this.#reported.delete(problem);
  }

  async #lookAtRest(): Promise<void> {
    const { fileSystem, layout } = this.#options;
    // It needs a descriptor, and the disk.
    await (await fileSystem.open(join(layout.root, STATUS_FILE_NAME), 'read')).close();
    const snapshots = this.#snapshots;
    const change = snapshots && (await this.#changeOf(snapshots));
    if (snapshots !== undefined && change !== undefined) throw gone(snapshots.path, change);
  }

  async #changeOf({ path, identity, isVague, hasFiles }: WatchedFolder): Promise<string | undefined> {
    const { fileSystem } = this.#options;
    const now = await fileSystem.identity?.(path);
    if (now === undefined) return 'it is not there';
    if (now !== identity && !isVague) return 'another folder is in its place';
    if (!hasFiles || this.#looks % LOOKS_PER_LISTING !== 0) return undefined;
    return (await fileSystem.readDir(path)).length === 0 ? 'it is empty' : undefined;
  }
}

function gone(path: string, change: string): ErrDataDirGone {
  return new ErrDataDirGone(
    `${path} was removed, moved or unmounted while this host was running: ${change}; what is written from now on would be found by nobody`,
    { details: { dir: path } },
  );
}
