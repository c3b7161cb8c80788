import { parentPort, workerData } from 'node:worker_threads';
import type { KVOp, KVPage, KVPair, KVPairRange, KVRange } from '@drakkar/raftio/kv';
import Database from 'libsql';

export interface ThreadData {
  file: string;
  cacheSizeBytes: number;
}
export type Request = { id: number; method: keyof typeof store; args: readonly unknown[] };
export type Reply =
  { id: number; result: unknown } | { id: number; error: { code?: string; message: string } };

/** Pages given back by one call: few enough for other calls not to feel it. */
const PAGES_PER_STEP = 256;

/** So much of the write-ahead log, about, goes into the database at a time; a commit takes a page at least. */
const CHECKPOINT_BYTES = 4 * 1024 * 1024;
const PAGE_BYTES = 4096;

const { file, cacheSizeBytes } = workerData as ThreadData;
let walBytes = 0;
const db = new Database(file);
setPragma('locking_mode', 'exclusive'); // Before the first look into the file.
setPragma('auto_vacuum', 2); // Incremental. Counts for a new file only.
setPragma('journal_mode', 'wal');
setPragma('synchronous', 2); // FULL: every commit is synced. With NORMAL, a power cut takes the last ones away.
setPragma('fullfsync', 1); // Through the cache of the drive too, where that is a call of its own (macOS).
// SQLite would pass over a sync that fails in a checkpoint of its own.
setPragma('wal_autocheckpoint', 0);
setPragma('cache_size', -Math.ceil(cacheSizeBytes / 1024));
// What a process that was killed has written and not synced counts from now on: this syncs it.
db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
db.exec('CREATE TABLE IF NOT EXISTS kv (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID');

const sql = {
  put: db.prepare('INSERT OR REPLACE INTO kv VALUES (?, ?)'),
  delete: db.prepare('DELETE FROM kv WHERE key = ?'),
  deleteRange: db.prepare('DELETE FROM kv WHERE key >= ? AND key < ?'),
  get: db.prepare('SELECT key, value FROM kv WHERE key = ?'),
  next: db.prepare('SELECT key, value FROM kv WHERE key >= ? AND key < ? ORDER BY key LIMIT 1'),
  keys: db.prepare('SELECT key FROM kv WHERE key >= ? AND key < ? ORDER BY key LIMIT ?'),
  floor: db.prepare('SELECT key FROM kv WHERE key <= ? AND key >= ? ORDER BY key DESC LIMIT 1'),
};

/** What the thread does when it is asked to; SQLite works synchronously, so each is done before the next begins. */
const store = {
  get(key: Uint8Array): Uint8Array | undefined {
    return (sql.get.get([key]) as KVPair | undefined)?.value;
  },

  getRange({ start, end, limit, maxSizeBytes }: KVPairRange): KVPage {
    const pairs: KVPair[] = [];
    let sizeBytes = 0;
    // Row by row: `all` would bring values of any size into memory before anybody could count their bytes.
    for (let from = start; ;) {
      const pair = sql.next.get([from, end]) as KVPair | undefined;
      if (pair === undefined) return { pairs, more: false };
      sizeBytes += pair.value.length;
      const isFull = pairs.length === limit || (pairs.length > 0 && sizeBytes > maxSizeBytes);
      if (isFull) return { pairs, more: true };
      pairs.push({ key: pair.key, value: pair.value });
      from = Buffer.concat([pair.key, new Uint8Array(1)]); // The least key that is greater.
    }
  },

  getKeys({ start, end, limit }: KVRange): Uint8Array[] {
    const rows = sql.keys.all([start, end, limit]) as { key: ArrayBuffer }[];
    return rows.map(({ key }) => new Uint8Array(key));
  },

  getFloorKey(key: Uint8Array, lowest: Uint8Array): Uint8Array | undefined {
    return (sql.floor.get([key, lowest]) as KVPair | undefined)?.key;
  },

  write(ops: readonly KVOp[]): void {
    db.exec('BEGIN');
    walBytes += PAGE_BYTES;
    for (const op of ops) {
      if (op.type === 'put') {
        sql.put.run([op.key, op.value]);
        walBytes += op.key.length + op.value.length;
      } else if (op.type === 'delete') sql.delete.run([op.key]);
      else sql.deleteRange.run([op.start, op.end]);
    }
    db.exec('COMMIT');
    if (walBytes < CHECKPOINT_BYTES) return;
    db.exec('PRAGMA wal_checkpoint(PASSIVE)');
    walBytes = 0;
  },

  /** Cuts some free pages off the file; returns whether there are more. The file shrinks at the checkpoint. */
  vacuumSome(): boolean {
    db.exec(`PRAGMA incremental_vacuum(${PAGES_PER_STEP})`);
    if (pragma('freelist_count') !== 0) return true;
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    return false;
  },
};

function pragma(name: string): unknown {
  const [row] = db.pragma(name) as Record<string, unknown>[];
  return row?.[name];
}

/** SQLite ignores, without a word, a pragma that it can't obey: so it is asked what it made of it. */
function setPragma(name: string, value: string | number): void {
  db.exec(`PRAGMA ${name} = ${value}`);
  const got = pragma(name);
  if (got !== value) throw new Error(`SQLite has ${name} = ${String(got)} where ${value} is needed`);
}

let failure: Error | undefined;

function answer({ id, method, args }: Request): Reply {
  try {
    if (failure !== undefined) throw failure;
    return { id, result: (store[method] as (...args: readonly unknown[]) => unknown)(...args) };
  } catch (error) {
    // After a write that failed the disk's content is unknown: this thread touches it no more.
    if (method === 'write' || method === 'vacuumSome') failure = error as Error;
    const { code, message } = error as { code?: string; message: string };
    return { id, error: { ...(code === undefined ? {} : { code }), message } };
  }
}

parentPort?.on('message', (request: Request) => parentPort?.postMessage(answer(request)));
parentPort?.postMessage('ready');
