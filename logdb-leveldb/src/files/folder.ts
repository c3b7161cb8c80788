import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ErrLogDBCorrupt } from '@drakkar/raftio';
import { isNotFound } from '@drakkar/raftio/kv';

export const CURRENT_FILE = 'CURRENT';
const LOG_FILE = /^(\d+)\.log$/;

export function damage(file: string, reason: string, cause?: unknown): ErrLogDBCorrupt {
  return new ErrLogDBCorrupt(`${file} is damaged: ${reason}`, { cause, details: { file } });
}

/** Numbers of the log files in the folder, the oldest first. */
export async function listLogs(dir: string): Promise<number[]> {
  const names = await readdir(dir);
  return names
    .map((name) => LOG_FILE.exec(name)?.[1])
    .filter((number) => number !== undefined)
    .map(Number)
    .sort((a, b) => a - b);
}

export function logFileName(number: number): string {
  return `${String(number).padStart(6, '0')}.log`;
}

/** The name of the manifest that counts; undefined when there is no LevelDB. */
export async function readCurrent(dir: string): Promise<string | undefined> {
  const path = join(dir, CURRENT_FILE);
  let content: string;
  try {
    content = await readFile(path, 'latin1');
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
  const name = /^(MANIFEST-\d+)\n$/.exec(content)?.[1];
  if (name === undefined) throw damage(path, 'it names no manifest');
  return name;
}
