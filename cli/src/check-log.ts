import { type Entry, ErrLogDBCorrupt, type ILogDB, type NodeInfo } from '@drakkar/raftio';
import type { EntryPayloads } from '@drakkar/framework/internals';
import type { Extent } from './replicas.js';

/** Something that is wrong with the data. */
export interface Problem {
  clusterID?: number;
  nodeID?: number;
  /** What it is in; `seal` for a file that is not as the host left it. */
  part: 'identity' | 'lock' | 'seal' | 'bootstrap' | 'state' | 'log' | 'snapshot' | 'logdb';
  code?: string;
  message: string;
}

/** Something that could not be read for a reason that says nothing of the data. */
export interface Unchecked {
  clusterID?: number;
  nodeID?: number;
  part: Problem['part'] | 'process';
  code?: string;
  message: string;
}

const SLICE_BYTES = 4 * 1024 * 1024;
/** Entries asked for at a time; halved where something can't be read, to find what can. */
const MAX_WINDOW = 65_536;

/** What a reading of the log finds out, besides problems. */
export interface LogFindings {
  entries: number;
  /** Term of the last entry that could be read; 0 for none. */
  lastTerm: number;
  /** Terms of the entries at the indexes that were asked about, where there are any. */
  termAt: Map<number, number>;
}

export interface LogReading {
  logDB: ILogDB;
  info: NodeInfo;
  /** Indexes whose terms are wanted. */
  wanted: ReadonlySet<number>;
  /** Reads compressed commands. */
  payloads: EntryPayloads;
  report: (part: Problem['part'], message: string, code?: string) => void;
  /** For what could not be read; decides whether that is a problem of the data. */
  reportError: (part: Problem['part'], error: unknown, prefix?: string) => void;
  progress: (index: number) => void;
}

/** Entries in a row that can't be read, told as one problem. */
class Unreadable {
  #first = 0;
  #last = 0;
  #error: unknown;
  readonly #report: LogReading['reportError'];

  constructor(report: LogReading['reportError']) {
    this.#report = report;
  }

  add(index: number, error: unknown): void {
    if (this.#first > 0 && index === this.#last + 1) {
      this.#last = index;
      return;
    }
    this.flush();
    this.#first = this.#last = index;
    this.#error = error;
  }

  flush(): void {
    if (this.#first === 0) return;
    const range =
      this.#first === this.#last ? `entry ${this.#first}` : `entries ${this.#first} to ${this.#last}`;
    this.#report('log', this.#error, `${range} can't be read: `);
    this.#first = 0;
  }
}

/** Reads every entry of the extents, and reports each that is damaged, missing, or out of order. */
export async function readWholeLog(reading: LogReading, extents: readonly Extent[]): Promise<LogFindings> {
  const findings: LogFindings = { entries: 0, lastTerm: 0, termAt: new Map() };
  for (const extent of extents) await readExtent(reading, extent, findings);
  return findings;
}

async function readExtent(
  reading: LogReading,
  { first, last }: Extent,
  findings: LogFindings,
): Promise<void> {
  const { logDB, info, reportError, progress } = reading;
  const unreadable = new Unreadable(reportError);
  let window = MAX_WINDOW;
  for (let low = first; low <= last;) {
    const high = Math.min(low + window, last + 1);
    try {
      const slice = await logDB.iterateEntries(info.clusterID, info.nodeID, low, high, SLICE_BYTES);
      if (slice.entries.length === 0) throw new ErrLogDBCorrupt('it is missing from the log');
      for (const [i, entry] of slice.entries.entries()) examine(reading, findings, entry, low + i);
      low += slice.entries.length;
      window = Math.min(window * 2, MAX_WINDOW);
    } catch (error) {
      if (high - low > 1) {
        window = Math.ceil((high - low) / 2);
        continue;
      }
      unreadable.add(low, error);
      low++;
    }
    progress(low);
  }
  unreadable.flush();
}

function examine(
  { wanted, payloads, report, reportError }: LogReading,
  findings: LogFindings,
  entry: Entry,
  index: number,
): void {
  if (entry.index !== index) report('log', `at index ${index} is an entry that says it is ${entry.index}`);
  if (entry.term < findings.lastTerm) {
    report('log', `the term falls from ${findings.lastTerm} to ${entry.term} at entry ${index}`);
  }
  try {
    payloads.command(entry);
  } catch (error) {
    reportError('log', error, `the payload of entry ${index} can't be read: `);
  }
  findings.entries++;
  findings.lastTerm = entry.term;
  if (wanted.has(index)) findings.termAt.set(index, entry.term);
}
