import { constants } from 'node:os';

/** What is wrong with a disk, as far as an operator can do something about it. */
export type StorageProblem =
  'noSpace' | 'inputOutput' | 'readOnly' | 'noDescriptors' | 'folderGone' | 'noAccess' | 'noMemory';

/** Codes of errors, and how C libraries word them: engines of native code hand on no more than that. */
const SIGNS: readonly (readonly [StorageProblem, readonly string[], RegExp])[] = [
  ['noSpace', ['ENOSPC', 'EDQUOT', 'EFBIG'], /no space left|quota exceeded|file too large/i],
  [
    'inputOutput',
    ['EIO', 'ENXIO', 'ENODEV', 'EREMOTEIO', 'EUCLEAN', 'ESTALE', 'ETIMEDOUT'],
    /input\/output error|\bI\/O error$|stale (nfs )?file handle|structure needs cleaning|no such device/i,
  ],
  ['readOnly', ['EROFS'], /read-only file system/i],
  ['noDescriptors', ['EMFILE', 'ENFILE'], /too many open files|no file descriptors/i],
  ['folderGone', ['ENOENT', 'ENOTDIR', 'ERR_DATA_DIR_GONE'], /no such file or directory|not a directory/i],
  ['noAccess', ['EACCES', 'EPERM'], /permission denied|operation not permitted/i],
  ['noMemory', ['ENOMEM'], /cannot allocate memory|out of memory/i],
];

const WHAT_TO_DO: Readonly<Record<StorageProblem, string>> = {
  noSpace: 'make room on the disk, or raise the quota',
  inputOutput: 'distrust the disk: look at dmesg and smartctl, or at the server of a network disk',
  readOnly: 'find out why the file system is read-only, as a rule by dmesg, and make it writable',
  noDescriptors:
    'raise the limit of open files (ulimit -n, LimitNOFILE of systemd), or find out what keeps them open (ls /proc/PID/fd)',
  folderGone:
    'if the data directory was moved or unmounted, put it back; if it was removed, its data is lost: remove the nodes of this host from their groups and add new ones under other node ids',
  noAccess: 'give the user that runs the host access to the data directory, and to all in it',
  noMemory: 'give the process more memory, or the host less to do',
};

const NAMES_BY_NUMBER = new Map<unknown, string>(
  Object.entries(constants.errno).map(([name, number]) => [number, name]),
);
const MAX_CAUSES = 5;

function fieldOf(error: unknown, name: string): unknown {
  return typeof error === 'object' && error !== null ? Reflect.get(error, name) : undefined;
}

/** What an error, or what has caused it, says of the disk; undefined: nothing that is known. */
export function storageProblemOf(error: unknown): StorageProblem | undefined {
  let deepest: unknown = error;
  for (let i = 0; i < MAX_CAUSES && deepest !== undefined; i += 1) {
    // LMDB's errors have the number.
    const found = fieldOf(deepest, 'code');
    const code = typeof found === 'number' ? NAMES_BY_NUMBER.get(found) : found;
    const sign = SIGNS.find(([, codes]) => typeof code === 'string' && codes.includes(code));
    if (sign !== undefined) return sign[0];
    const cause = fieldOf(deepest, 'cause');
    if (cause === undefined) break;
    deepest = cause;
  }
  const message = fieldOf(deepest, 'message');
  return typeof message === 'string' ? SIGNS.find(([, , words]) => words.test(message))?.[0] : undefined;
}

/** For one that did no harm beyond what failed. */
export function adviceFor(problem: StorageProblem): string {
  return WHAT_TO_DO[problem];
}

/** A LogDB that has failed takes nothing more, and what the system has in its cache may not be on the disk. */
export function adviceAfterFailedWrite(problem: StorageProblem | undefined): string {
  const cause = problem === undefined ? 'look for the cause in the log' : WHAT_TO_DO[problem];
  if (problem === 'folderGone') return `stop this host; ${cause}`;
  const isDoubtful = problem === undefined || problem === 'noSpace' || problem === 'inputOutput';
  const mount = isDoubtful || problem === 'readOnly' ? 'mount the file system again or reboot; ' : '';
  return `stop this host; ${cause}; ${mount}run drakkar check; then start it again`;
}
