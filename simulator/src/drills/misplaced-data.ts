import type { FileNode } from '../disk/nodes.js';
import { readJournal } from '../disk/journal-record.js';
import type { VirtualHost } from '../cluster/virtual-host.js';
import type { Theatre } from './theatre.js';

const RULE = 'damage is found';
const WRITES = 5;
/** The key of what a replica is at, its log aside: the greatest of its kind. */
const HEAD = /^04.{32}f{16}$/;
const GROUPS = [100, 101] as const;

export const misplacedDataSetting = {
  hostCount: 3,
  groups: [{ snapshotEntries: 4 }, { snapshotEntries: 4 }],
};

interface Found {
  path: string;
  file: FileNode;
}

/** What is done to the disk of a host that is down; says what, or that there was nothing to do it to. */
const DAMAGES: Readonly<Record<string, (theatre: Theatre, files: readonly Found[]) => boolean>> = {
  'a bit of a snapshot is another': ({ dice }, files) => {
    const { file } = dice.pick(newestSnapshots(files));
    file.flip(dice.int(file.current.length), dice.int(8));
    return true;
  },
  'the snapshot of another group is in the place of one': (_, files) => {
    const [one, other] = newestSnapshots(files);
    if (one === undefined || other === undefined) return false;
    overwrite(one.file, other.file.current.view().slice());
    return true;
  },
  'records have changed places': (_, files) => {
    const journal = journalIn(files);
    return journal !== undefined && swapRecords(journal.file);
  },
  'a bit of the state of a replica is another': ({ dice }, files) => {
    const journal = journalIn(files);
    const heads = journal === undefined ? [] : headsIn(journal.file);
    if (journal === undefined || heads.length === 0) return false;
    const { offset, sizeBytes } = dice.pick(heads);
    journal.file.flip(offset + dice.int(sizeBytes), dice.int(8));
    return true;
  },
};

/** A disk gives back something else than was written there: a reader must notice. */
export async function drillMisplacedData(theatre: Theatre): Promise<void> {
  const { cluster, world, dice } = theatre;
  for (const clusterID of GROUPS) await theatre.writes(await theatre.leader(clusterID), WRITES, clusterID);
  const host = dice.pick(cluster.hosts);
  const hasSnapshots = (): boolean => newestSnapshots(host.disk.files()).length === GROUPS.length;
  await theatre.until('snapshots', hasSnapshots);
  await theatre.sleep(500);
  const what = dice.pick(Object.keys(DAMAGES));
  const { life } = host;
  await theatre.until(
    'a stop',
    () => {
      if (host.life === life) void host.stopCleanly();
      return !host.isUp;
    },
    1,
  );
  if (DAMAGES[what]?.(theatre, host.disk.files()) !== true) return;
  theatre.tell(`${what} at ${host.name}`);
  host.isSuspect = true;
  const found = world.coverage.of('damage found');
  await theatre.until('a start', () => host.isUp);
  const isFound = (): boolean => world.coverage.of('damage found') > found;
  const runs = (): boolean => GROUPS.every((clusterID) => isRunning(theatre, host, clusterID));
  await theatre.until('an end of the start', () => isFound() || runs());
  if (!isFound()) theatre.fail(RULE, `${what}, and the host runs as if nothing were`);
  world.coverage.count('drill: misplaced data');
}

function isRunning(theatre: Theatre, host: VirtualHost, clusterID: number): boolean {
  return (theatre.progress(host, clusterID)?.applied ?? 0) > 0;
}

/** The data file of the newest snapshot of each replica. */
function newestSnapshots(files: readonly Found[]): Found[] {
  const newest = new Map<string, Found>();
  for (const found of files) {
    const [, replica] = /\/snapshots\/([^/]+)\/snapshot-[0-9a-f]{16}\/snapshot\.data$/.exec(found.path) ?? [];
    if (replica === undefined) continue;
    const before = newest.get(replica);
    if (before === undefined || before.path < found.path) newest.set(replica, found);
  }
  return [...newest.values()];
}

function overwrite(file: FileNode, bytes: Uint8Array): void {
  file.truncate(0);
  file.write(bytes, 0);
  file.sync();
}

const journalIn = (files: readonly Found[]): Found | undefined =>
  files.find(({ path }) => /\/journal-\d+$/.test(path));

/** Where the newest value of each key lies; keys in hexadecimal. */
function liveValues(file: FileNode): Map<string, { offset: number; sizeBytes: number }> {
  const live = new Map<string, { offset: number; sizeBytes: number }>();
  for (const { ops } of readJournal(file.current.view().slice())) {
    for (const op of ops) {
      if (op.type === 'put')
        live.set(Buffer.from(op.key).toString('hex'), { offset: op.valueOffset, sizeBytes: op.valueBytes });
    }
  }
  return live;
}

/** Those of replicas, but for the last record's: one that is not whole there is taken for torn by a crash. */
function headsIn(file: FileNode): { offset: number; sizeBytes: number }[] {
  const end = readJournal(file.current.view().slice()).at(-1)?.offset ?? 0;
  return [...liveValues(file)].flatMap(([key, place]) => (HEAD.test(key) && place.offset < end ? place : []));
}

/** Values of equal size that count, under the keys of each other. */
function swapRecords(file: FileNode): boolean {
  const bytes = file.current.view().slice();
  const live = liveValues(file);
  let isDone = false;
  const waiting = new Map<number, number>();
  for (const { offset, sizeBytes } of live.values()) {
    const other = waiting.get(sizeBytes);
    waiting.delete(sizeBytes);
    if (other === undefined) {
      waiting.set(sizeBytes, offset);
      continue;
    }
    const [a, b] = [bytes.slice(offset, offset + sizeBytes), bytes.slice(other, other + sizeBytes)];
    isDone ||= Buffer.compare(a, b) !== 0;
    file.write(b, offset);
    file.write(a, other);
  }
  file.sync();
  return isDone;
}
