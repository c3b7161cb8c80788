import { type Entry, type ILogDB, type Update, makeEntry } from '@drakkar/raftio';
import { KVLogDB } from '@drakkar/raftio/kv';
import { JournalKV } from '../disk/journal-kv.js';
import { VirtualDisk } from '../disk/virtual-disk.js';
import { VirtualFileSystem } from '../disk/virtual-file-system.js';
import { Life } from '../world/life.js';
import type { Theatre } from './theatre.js';

const READ_RULE = 'a stored log is read as it was';
const FENCE_RULE = 'nothing is saved after a failure';
const DIR = '/log';
const OF = { clusterID: 1, nodeID: 1 };
const CALLS = 150;
const LATE_SAVES = 6;
const MAX_APPENDED = 12;
const MAX_READ_BYTES = 1_500;

export const storedLogSetting = { hostCount: 1, groups: [{}] };

/** What the log is, going by the calls that were made. */
class Model {
  readonly terms = new Map<number, number>();
  first = 1;
  last = 0;
  term = 1;

  append(from: number, count: number): Entry[] {
    const entries = Array.from({ length: count }, (_, i) =>
      makeEntry({ index: from + i, term: this.term, cmd: new Uint8Array(20 + ((from + i) % 60)) }),
    );
    for (const { index, term } of entries) this.terms.set(index, term);
    this.last = from + count - 1;
    return entries;
  }

  removeTo(index: number): void {
    this.first = Math.max(this.first, index + 1);
  }
}

/**
 * The LogDB alone, on a disk. Entries are appended, overwritten and removed while others are read: each read gets what
 * was there when it was asked for. Then a sync fails, and nothing may be saved from then on.
 */
export async function drillStoredLog(theatre: Theatre): Promise<void> {
  const { world, dice } = theatre;
  const { scheduler, coverage } = world;
  const disk = new VirtualDisk(dice.fork('log disk'), coverage);
  const fileSystem = new VirtualFileSystem(disk, new Life('log.1', 1, scheduler), scheduler);
  await fileSystem.makeDir(DIR);
  const db = await KVLogDB.open(await JournalKV.open(fileSystem, DIR), { name: 'journal' });
  const model = new Model();
  await db.saveRaftState([update(model.append(1, MAX_APPENDED))]);
  await readAndWrite(theatre, db, model);
  await saveAfterFailure(theatre, { db, model, disk });
  coverage.count('drill: stored log');
}

const update = (entriesToSave: Entry[]): Update => ({
  ...OF,
  state: undefined,
  entriesToSave,
  snapshot: undefined,
});

async function readAndWrite(theatre: Theatre, db: ILogDB, model: Model): Promise<void> {
  const { dice } = theatre;
  const calls: Promise<unknown>[] = [];
  for (let i = 0; i < CALLS; i++) {
    const draw = dice.int(10);
    if (draw < 4) calls.push(read(theatre, db, model));
    else if (draw < 7) calls.push(append(theatre, db, model));
    else if (draw < 9) calls.push(overwrite(theatre, db, model));
    else calls.push(remove(theatre, db, model));
    if (dice.chance(0.3)) await theatre.sleep(dice.skewed(0, 5));
  }
  await Promise.all(calls);
}

async function read(theatre: Theatre, db: ILogDB, model: Model): Promise<void> {
  const low = theatre.dice.between(model.first, model.last + 1);
  const wanted: number[] = [];
  for (let index = low; index <= model.last; index++) wanted.push(model.terms.get(index) ?? 0);
  const found = await db
    .iterateEntries(OF.clusterID, OF.nodeID, low, low + wanted.length, MAX_READ_BYTES)
    .then(
      ({ entries }) => entries,
      (error: unknown) => theatre.fail(READ_RULE, `entries from ${low} on can't be read: ${String(error)}`),
    );
  if (found === undefined) return;
  const isSame = found.every(({ index, term }, i) => index === low + i && term === wanted[i]);
  if (isSame && (found.length > 0 || wanted.length === 0)) return;
  const terms = found.map(({ index, term }) => `${index}: ${term}`).join(', ');
  theatre.fail(READ_RULE, `entries from ${low} on are of terms ${wanted.join(', ')}; read were (${terms})`);
}

async function append({ dice }: Theatre, db: ILogDB, model: Model): Promise<void> {
  await db.saveRaftState([update(model.append(model.last + 1, dice.between(1, MAX_APPENDED)))]);
}

async function overwrite({ dice }: Theatre, db: ILogDB, model: Model): Promise<void> {
  const from = dice.between(Math.max(model.first, model.last - MAX_APPENDED), model.last + 1);
  model.term += 1;
  await db.saveRaftState([update(model.append(from, dice.between(1, MAX_APPENDED)))]);
}

async function remove({ dice }: Theatre, db: ILogDB, model: Model): Promise<void> {
  const index = dice.between(model.first, model.last);
  // At least one stays, so that the log goes on from there.
  const to = Math.min(index, model.last - 1);
  model.removeTo(to);
  const { clusterID, nodeID } = OF;
  await db.removeEntriesTo(clusterID, nodeID, to);
  await db.compactEntriesTo(clusterID, nodeID, to);
}

async function saveAfterFailure(
  theatre: Theatre,
  { db, model, disk }: { db: ILogDB; model: Model; disk: VirtualDisk },
): Promise<void> {
  const { dice } = theatre;
  if (dice.chance(0.5)) disk.failSyncs = 1;
  else disk.failWrites = 1;
  let failures = 0;
  for (let i = 0; i < LATE_SAVES; i++) {
    const hasFailed = failures > 0;
    const save = db.saveRaftState([update(model.append(model.last + 1, 1))]).then(
      () => {
        if (hasFailed)
          theatre.fail(FENCE_RULE, 'a LogDB whose write failed says that a later one is durable');
      },
      () => (failures += 1),
    );
    if (dice.chance(0.7)) await save;
  }
  await theatre.sleep(100);
  if (failures === 0) theatre.fail(FENCE_RULE, 'a write failed, and nobody was told');
}
