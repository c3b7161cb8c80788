import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import { type Entry, type ILogDB, type LogDBConfig, type Update, makeEntry } from '../../index.js';
import { update } from './fixtures.js';

const NO_LIMIT_BYTES = 2 ** 40;

/** What a test compares of a failure: errors of another realm are told by their code. */
export interface Failure {
  code: unknown;
  message: string;
}

export async function failureOf(call: Promise<unknown>): Promise<Failure> {
  return call.then(
    () => ({ code: 'none', message: '' }),
    (error: unknown) => error as Failure,
  );
}

/** Entries of one payload. */
export function entriesOf(cmd: Uint8Array, first: number, last: number): Entry[] {
  return Array.from({ length: last - first + 1 }, (_, i) => makeEntry({ term: 1, index: first + i, cmd }));
}

/** What a replica of node 1 saves. */
export function updateOf(entriesToSave: Entry[], clusterID = 1): Update {
  return update({ clusterID, state: { term: 1, vote: 1, commit: 0 }, entriesToSave });
}

/** Indexes of the entries of the replica 1 of group 1. */
export async function indexesOf(db: ILogDB, low = 1): Promise<number[]> {
  const { entries } = await db.iterateEntries(1, 1, low, 1_000_000, NO_LIMIT_BYTES);
  return entries.map(({ index }) => index);
}

/** A new folder for each test, and the logs that it opens there; all are closed and removed after it. */
export class TestLogs {
  readonly #open: (config: LogDBConfig) => Promise<ILogDB>;
  readonly #opened = new Set<ILogDB>();
  root = '';
  dir = '';

  constructor(open: (config: LogDBConfig) => Promise<ILogDB>) {
    this.#open = open;
    beforeEach(async () => {
      this.root = await mkdtemp(join(tmpdir(), 'drakkar-logdb-'));
      this.dir = await this.folder('logdb');
    });
    afterEach(async () => {
      for (const db of this.#opened) await db.close();
      this.#opened.clear();
      await rm(this.root, { recursive: true, force: true });
    });
  }

  async open(walDir = this.dir, dir = this.dir): Promise<ILogDB> {
    return this.keep(await this.#open({ dir, walDir }));
  }

  /** A log that was opened otherwise. */
  keep(db: ILogDB): ILogDB {
    this.#opened.add(db);
    return db;
  }

  /** A folder beside that of the log. */
  async folder(name: string): Promise<string> {
    const path = join(this.root, name);
    await mkdir(path);
    return path;
  }
}
