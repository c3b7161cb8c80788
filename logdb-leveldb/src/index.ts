import type { ILogDB, LogDBConfig, LogDBModule } from '@drakkar/raftio';
import { type Placement, makePrivate, openLockedLogDB } from '@drakkar/raftio/kv';
import { checkFiles } from './files/check-files.js';
import { readMark, removeMark, writeMark } from './files/closed-mark.js';
import { LevelDBKV } from './leveldb-kv.js';
import { FolderLock } from './lock.js';
import { type LevelDBLogDBOptions, optionsSchema } from './options.js';

export type { LevelDBLogDBOptions } from './options.js';

const NAME = 'leveldb';

/**
 * Opens the log in `config.walDir`, creating it when there is none. Rejects with ErrLogDBLocked when it is open
 * already, in this process or another; with ErrLogDBOpen when a folder can't be used or belongs to another log; with
 * ErrLogDBCorrupt when what is there is damaged or not a log.
 */
export function openLevelDBLogDB(config: LogDBConfig, options: LevelDBLogDBOptions = {}): Promise<ILogDB> {
  return openLockedLogDB(config, {
    name: NAME,
    acquire: (walDir) => FolderLock.acquire(walDir),
    openKV: (placement, lock) => openChecked(placement, options, lock),
  });
}

async function openChecked(
  placement: Placement,
  options: LevelDBLogDBOptions,
  lock: FolderLock,
): Promise<LevelDBKV> {
  const { walDir } = placement;
  await checkFiles(walDir, await readMark(walDir));
  await removeMark(walDir);
  return LevelDBKV.open(placement, options, async (isSound) => {
    try {
      // Without the mark the log is taken as one that a crash has left: no reason to fail, on a full disk for one.
      if (isSound) await writeMark(walDir).catch(() => undefined);
      // LevelDB makes files for everybody to read; a copy of them should not keep that.
      await makePrivate(walDir);
    } finally {
      await lock.release();
    }
  });
}

/** Chosen in a configuration by `logdb: { module: '@drakkar/logdb-leveldb' }`. */
export const adapterModule: LogDBModule = {
  kind: 'logdb',
  name: NAME,
  capabilities: { shrinksOnCompaction: true, exclusiveOpen: true, durable: true, detectsDamage: true },
  optionsSchema,
  create: (options) => (config) => openLevelDBLogDB(config, options),
};
