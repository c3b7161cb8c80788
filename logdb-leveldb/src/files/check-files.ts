import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isNotFound, messageOf } from '@drakkar/raftio/kv';
import type { ClosedMark } from './closed-mark.js';
import { CURRENT_FILE, damage, listLogs, logFileName, readCurrent } from './folder.js';
import { type Version, readVersion } from './manifest.js';
import { type RecordFile, readRecords } from './records.js';
import { checkTable } from './table.js';

const TABLE_SUFFIXES = ['ldb', 'sst'];

async function read(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if (isNotFound(error)) throw damage(path, 'it is missing');
    throw error;
  }
}

/** Whether a file may end in a record that was cut off: one that a crash has cut off, never one that was closed. */
function checkEnd(path: string, { defectAt, goesOnBehind }: RecordFile, mayBeTorn: boolean): void {
  if (defectAt === undefined || (mayBeTorn && !goesOnBehind)) return;
  throw damage(path, `what is at byte ${defectAt} is not what was written`);
}

async function checkManifest(path: string, mark: ClosedMark | undefined): Promise<Version> {
  const file = readRecords(await read(path));
  checkEnd(path, file, mark === undefined);
  try {
    return readVersion(file.records);
  } catch (error) {
    throw damage(path, messageOf(error), error);
  }
}

async function checkLogs(dir: string, version: Version, mark: ClosedMark | undefined): Promise<void> {
  const all = await listLogs(dir);
  const live = all.filter((number) => number >= version.logNumber || number === version.prevLogNumber);
  if (version.logNumber > 0 && !live.includes(version.logNumber)) {
    throw damage(join(dir, logFileName(version.logNumber)), 'it is missing');
  }
  // From the newest on: only what was written last can have been cut off.
  let mayBeTorn = mark === undefined;
  for (const number of live.reverse()) {
    const path = join(dir, logFileName(number));
    const data = await read(path);
    checkEnd(path, readRecords(data), mayBeTorn);
    if (data.length > 0) mayBeTorn = false;
  }
}

async function tablePath(dir: string, number: number): Promise<string> {
  const base = String(number).padStart(6, '0');
  for (const suffix of TABLE_SUFFIXES) {
    const path = join(dir, `${base}.${suffix}`);
    const found = await stat(path).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    if (found !== undefined) return path;
  }
  throw damage(join(dir, `${base}.${TABLE_SUFFIXES[0]}`), 'it is missing');
}

async function checkTables(dir: string, { tables }: Version): Promise<void> {
  for (const [number, sizeBytes] of tables) {
    const path = await tablePath(dir, number);
    const data = await read(path);
    if (data.length !== sizeBytes) throw damage(path, `it has ${data.length} bytes instead of ${sizeBytes}`);
    try {
      checkTable(data);
    } catch (error) {
      throw damage(path, messageOf(error), error);
    }
  }
}

/**
 * Reads every file that holds data, and checks every checksum in them. LevelDB, as it comes to Node.js, does not: it
 * skips damaged records of its log without a word, and looks at no checksum of a table.
 *
 * @param mark of the last closing; undefined after a crash, when a file may end in the middle of the last record
 * Throws ErrLogDBCorrupt.
 */
export async function checkFiles(dir: string, mark: ClosedMark | undefined): Promise<void> {
  const manifest = await readCurrent(dir);
  if (mark !== undefined) await checkMarked(dir, manifest, mark);
  if (manifest === undefined) return;
  const version = await checkManifest(join(dir, manifest), mark);
  await checkLogs(dir, version, mark);
  await checkTables(dir, version);
}

/** Files that grow while a log is open must be those that were there when it was closed, of the same size. */
async function checkMarked(dir: string, manifest: string | undefined, mark: ClosedMark): Promise<void> {
  if (manifest !== mark.manifest) {
    throw damage(join(dir, CURRENT_FILE), `it names ${manifest ?? 'nothing'} instead of ${mark.manifest}`);
  }
  for (const [name, sizeBytes] of mark.sizes) {
    const { length } = await read(join(dir, name));
    if (length !== sizeBytes) {
      throw damage(join(dir, name), `it has ${length} bytes, but had ${sizeBytes} when the log was closed`);
    }
  }
}
