import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { isNotFound, syncFolder, writeFileDurable } from '@drakkar/raftio/kv';
import { listLogs, logFileName, readCurrent } from './folder.js';

const MARK_FILE = 'closed';

/** What is known of a log that was closed in good order: no record of it was cut off. */
export interface ClosedMark {
  manifest: string;
  /** Sizes in bytes of the manifest and the log files, by name. */
  sizes: Map<string, number>;
}

/** The mark; undefined when there is none, or one that is damaged. */
export async function readMark(dir: string): Promise<ClosedMark | undefined> {
  let content: string;
  try {
    content = await readFile(join(dir, MARK_FILE), 'utf8');
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
  const [text = '', sum] = content.split('\n');
  if (sum !== String(crc32(text))) return undefined;
  const { manifest, sizes } = JSON.parse(text) as { manifest: string; sizes: Record<string, number> };
  return { manifest, sizes: new Map(Object.entries(sizes)) };
}

/** Writes down, durably, that the log was closed in good order. */
export async function writeMark(dir: string): Promise<void> {
  const manifest = await readCurrent(dir);
  if (manifest === undefined) return;
  const sizes: Record<string, number> = {};
  for (const name of [manifest, ...(await listLogs(dir)).map(logFileName)]) {
    sizes[name] = (await stat(join(dir, name))).size;
  }
  const text = JSON.stringify({ manifest, sizes });
  await writeFileDurable(dir, MARK_FILE, `${text}\n${crc32(text)}\n`);
}

/** To be called before the log is opened: from then on a crash may come. */
export async function removeMark(dir: string): Promise<void> {
  await rm(join(dir, MARK_FILE), { force: true });
  await syncFolder(dir);
}
