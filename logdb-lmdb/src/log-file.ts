import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ErrLogDBCorrupt } from '@drakkar/raftio';
import type { Placement } from '@drakkar/raftio/kv';
import { checkFile } from './file-check.js';
import { checkTableFile } from './table-file.js';

const LOG_FILE = 'log.mdb';

/**
 * The path of the log. Rejects with ErrLogDBCorrupt when the log is gone, or is not one. Clears away what a first
 * opening cut short left.
 */
export async function checkLogFile({ walDir, id }: Placement): Promise<string> {
  const logFile = join(walDir, LOG_FILE);
  await checkTableFile(logFile);
  const state = await checkFile(logFile);
  if (state === 'good') return logFile;
  if (id !== undefined) {
    throw new ErrLogDBCorrupt(`${logFile} is ${state}, though the log was opened before`, {
      details: { file: logFile },
    });
  }
  if (state === 'blank') await rm(logFile);
  return logFile;
}
