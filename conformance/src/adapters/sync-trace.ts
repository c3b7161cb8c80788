import type { SyncedCall } from '../logdb/harness.js';

const EVENT = /write\(1<[^>]*>, "\{\\"event\\":\{\\"lane\\":0,\\"step\\":(\d+),\\"done\\":(true|false)/;
const WRITE = /^\d+\s+(?:write|pwrite64|writev|pwritev|pwritev2)\(\d+<([^>]*)>/;
const SYNC = /^(\d+)\s+(?:fsync|fdatasync|msync|sync_file_range|syncfs)\(/;
const RESUMED = /^(\d+)\s+<\.\.\. (?:fsync|fdatasync|msync|sync_file_range|syncfs) resumed>.*= 0/;
const SYNCED_OPEN = /openat\([^,]*, "([^"]*)", [^)]*O_D?SYNC/;

interface Window {
  wroteAt: number | undefined;
  synced: boolean;
}

/**
 * What strace saw of the calls of one lane: whether each wrote to files of the place, and whether a sync began after its
 * first write (or at all, when it wrote through a mapping) and had ended before the call did.
 */
export function readSyncTrace(text: string, root: string): SyncedCall[] {
  const calls: SyncedCall[] = [];
  const begun = new Map<string, number>();
  const syncedPaths = new Set<string>();
  let window: Window | undefined;
  const endSync = (thread: string): void => {
    const at = begun.get(thread) ?? -1;
    if (window !== undefined && at >= (window.wroteAt ?? -1)) window.synced = true;
  };
  for (const [at, line] of text.split('\n').entries()) {
    const opened = SYNCED_OPEN.exec(line)?.[1];
    if (opened !== undefined) syncedPaths.add(opened);
    const event = EVENT.exec(line);
    if (event !== null) {
      if (event[2] === 'false') window = { wroteAt: undefined, synced: false };
      else if (window !== undefined) {
        calls[Number(event[1]) - 1] = { wrote: window.wroteAt !== undefined, synced: window.synced };
        window = undefined;
      }
      continue;
    }
    const path = WRITE.exec(line)?.[1];
    if (path?.startsWith(root) === true && window !== undefined) {
      if (window.wroteAt === undefined) Object.assign(window, { wroteAt: at, synced: false });
      if (syncedPaths.has(path)) window.synced = true;
    }
    const thread = SYNC.exec(line)?.[1];
    if (thread !== undefined) {
      begun.set(thread, at);
      if (/= 0\b/.test(line)) endSync(thread);
    }
    const resumed = RESUMED.exec(line)?.[1];
    if (resumed !== undefined) endSync(resumed);
  }
  return calls;
}
