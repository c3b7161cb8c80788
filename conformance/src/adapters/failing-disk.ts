import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

function isThere(command: string, ...args: string[]): boolean {
  return process.platform === 'linux' && spawnSync(command, args).status === 0;
}

let limits: boolean | undefined;

/** Whether a process can change how large its files may become (`prlimit` of util-linux). */
export function canLimitFiles(): boolean {
  return (limits ??= isThere('prlimit', '--version'));
}

let traces: boolean | undefined;

/** Whether system calls can be watched and made to fail (`strace`, and a kernel that lets us). */
export function canTrace(): boolean {
  return (traces ??= isThere('strace', '-f', '-o', '/dev/null', 'true'));
}

/** From now on this process can write to no file beyond so many bytes; `unlimited` lifts that. */
function limitFiles(sizeBytes: number | 'unlimited'): void {
  execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${sizeBytes}:`]);
}

function largestFileBytes(folders: readonly string[]): number {
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name))),
  );
  return Math.max(0, ...files.map((file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0));
}

/** How long a write may be cut short, and how long none succeeds at all, when no call rejects. */
const CUT_SHORT_MS = 700;
const BROKEN_MS = 1500;

/** The disk of this process. */
export class FailingDisk {
  readonly #folders: readonly string[];
  #timer: NodeJS.Timeout | undefined;
  #state: 'sound' | 'broken' | 'mended' = 'sound';

  constructor(...folders: string[]) {
    this.#folders = folders;
  }

  /**
   * The next write fails; with `roomBytes`, what makes a file longer than the longest one is cut short by the disk after
   * so many bytes first. What fails for a while and rejects nowhere is tried again by somebody: then it succeeds.
   */
  break(roomBytes: number): void {
    if (this.#state !== 'sound') return;
    this.#state = 'broken';
    if (roomBytes === 0) this.#breakWholly();
    else {
      limitFiles(largestFileBytes(this.#folders) + roomBytes);
      this.#timer = setTimeout(() => {
        this.#breakWholly();
      }, CUT_SHORT_MS);
    }
  }

  #breakWholly(): void {
    limitFiles(0);
    this.#timer = setTimeout(() => {
      this.mend();
    }, BROKEN_MS);
  }

  mend(): void {
    if (this.#state !== 'broken') return;
    this.#state = 'mended';
    clearTimeout(this.#timer);
    limitFiles('unlimited');
  }
}

const SYNCS = ['fsync', 'fdatasync', 'msync', 'sync_file_range', 'syncfs'];
/** The command that runs another one, whose call of that number and name fails; each thread counts for itself. */
export function withFailingSync(logFile: string, call: string, number: number): string[] {
  const inject = `inject=${call}:error=EIO:when=${number}..${number}`;
  return ['strace', '-f', '-o', logFile, '-e', `trace=${call}`, '-e', inject];
}

/** The command that runs another one, and writes which files it writes and syncs to `logFile`. */
export function withTrace(logFile: string): string[] {
  const calls = [...SYNCS, 'write', 'pwrite64', 'writev', 'pwritev', 'pwritev2', 'openat'];
  return ['strace', '-f', '-y', '-s', '96', '-o', logFile, '-e', `trace=${calls.join(',')}`];
}
