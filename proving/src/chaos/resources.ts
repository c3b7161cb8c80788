import { readFile } from 'node:fs/promises';
import type { ProcessCounts } from './cluster.js';

/** What a round has used. */
export interface Usage extends Pick<ProcessCounts, 'dials' | 'openFiles' | 'residentBytes'> {
  /** Over all links. */
  passedBytes: number;
  logLines: number;
}

/** What a round has achieved, and been put through. */
export interface Work {
  seconds: number;
  hosts: number;
  /** Writes and reads that were answered. */
  answers: number;
  largeCommandBytes: number;
  snapshotsInstalled: number;
}

const MIB = 1024 * 1024;
const DIALS_PER_WAY_AND_SECOND = 2;
const DIALS_PER_SNAPSHOT = 10;
const LOG_LINES_PER_HOST_AND_SECOND = 50;
const MAX_OPEN_FILES = 400;
const MAX_RESIDENT_BYTES = 1024 * MIB;
const BYTES_PER_ANSWER = 64 * 1024;
/** Each goes to up to four followers and from where it was proposed to the leader, and may be sent again. */
const COPIES_OF_LARGE_COMMANDS = 20;
const BYTES_PER_SNAPSHOT = 40 * MIB;

/** What a round has used beyond the bounds, one line each. */
export function findOveruse(usage: Usage, work: Work): string[] {
  const { seconds, hosts, answers, largeCommandBytes, snapshotsInstalled } = work;
  const ways = hosts * (hosts - 1);
  const bounds: [what: string, value: number, bound: number][] = [
    [
      'dials',
      usage.dials,
      ways * seconds * DIALS_PER_WAY_AND_SECOND + snapshotsInstalled * DIALS_PER_SNAPSHOT,
    ],
    ['log lines', usage.logLines, hosts * seconds * LOG_LINES_PER_HOST_AND_SECOND],
    ['files open in one process', usage.openFiles, MAX_OPEN_FILES],
    ['resident bytes of one process', usage.residentBytes, MAX_RESIDENT_BYTES],
    [
      'bytes between hosts',
      usage.passedBytes,
      answers * BYTES_PER_ANSWER +
        largeCommandBytes * COPIES_OF_LARGE_COMMANDS +
        (snapshotsInstalled + hosts) * BYTES_PER_SNAPSHOT,
    ],
  ];
  return bounds
    .filter(([, value, bound]) => value > bound)
    .map(([what, value, bound]) => `${what}: ${value}, at most ${Math.round(bound)} for ${answers} answers`);
}

export async function countLines(paths: readonly string[]): Promise<number> {
  const counts = await Promise.all(
    paths.map(async (path) => {
      const bytes = await readFile(path).catch(() => new Uint8Array(0));
      return bytes.reduce((sum, byte) => sum + (byte === 0x0a ? 1 : 0), 0);
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
