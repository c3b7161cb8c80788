import { closeSync, fdatasyncSync, openSync, statfsSync, unlinkSync, writeSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { quantile } from '@drakkar/proving';

/** What a figure means nothing without. */
export interface MachineFacts {
  node: string;
  platform: string;
  cpu: string;
  cpuCount: number;
  /** Magic number of the file system, in hexadecimal; ef53 = ext4, 58465342 = XFS, 1021994 = tmpfs. */
  fileSystemType: string;
  /** One append of 4 KiB and its fdatasync, nothing else running. */
  syncP50Ms: number;
  syncP99Ms: number;
}

const SYNC_COUNT = 100;

export function machineFacts(dir: string): MachineFacts {
  const syncs = measureSyncs(dir);
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cpuCount: cpus().length,
    fileSystemType: statfsSync(dir).type.toString(16),
    syncP50Ms: quantile(syncs, 0.5),
    syncP99Ms: quantile(syncs, 0.99),
  };
}

/** Durations in ms, ascending. */
function measureSyncs(dir: string): Float64Array {
  const path = join(dir, 'sync-probe');
  const block = new Uint8Array(4_096);
  const fd = openSync(path, 'a');
  try {
    return Float64Array.from({ length: SYNC_COUNT }, () => {
      const startedAt = performance.now();
      writeSync(fd, block);
      fdatasyncSync(fd);
      return performance.now() - startedAt;
    }).sort();
  } finally {
    closeSync(fd);
    unlinkSync(path);
  }
}
