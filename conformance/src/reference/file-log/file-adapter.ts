import { join } from 'node:path';
import type { LogDBModule } from '@drakkar/raftio';
import type { FileLogFault } from './faults.js';
import { FileLogDB } from './file-logdb.js';

const SEGMENT_BYTES = 64 * 1024;

export interface FileLogOptions {
  segmentBytes?: number;
  faults?: FileLogFault[];
}

/** The reference on files as a package would export it, so that it can be run in processes of its own. */
export const adapterModule: LogDBModule = {
  kind: 'logdb',
  name: 'files',
  capabilities: { shrinksOnCompaction: true, exclusiveOpen: true, durable: true, detectsDamage: true },
  optionsSchema: { type: 'object' },
  create:
    ({ segmentBytes = SEGMENT_BYTES, faults = [] }: FileLogOptions) =>
    ({ walDir }) =>
      FileLogDB.open({ folder: join(walDir, '.'), segmentBytes, faults: new Set(faults) }),
};
