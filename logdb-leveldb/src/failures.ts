import { ErrLogDBCorrupt, ErrLogDBLocked, ErrLogDBOpen } from '@drakkar/raftio';
import { messageOf } from '@drakkar/raftio/kv';

/** LevelDB begins its messages with the kind of the failure. */
const DAMAGE = /^corruption|missing files|does not (match|exist)|bad (record|block|magic|table)/i;
const LOCKED = /^IO error: lock /i;

/** The error of the contract for what LevelDB said while it was opened at `dir`. */
export function openFailure(dir: string, error: unknown): Error {
  const message = messageOf(error);
  const options = { cause: error, details: { dir } };
  if (LOCKED.test(message)) return new ErrLogDBLocked(`${dir} is in use: ${message}`, options);
  if (DAMAGE.test(message)) return new ErrLogDBCorrupt(`the log in ${dir} is damaged: ${message}`, options);
  return new ErrLogDBOpen(`can't open the log in ${dir}: ${message}`, options);
}

/** The error of the contract for a reading that failed; one that is not about damage stays as it is. */
export function readFailure(dir: string, error: unknown): unknown {
  const message = messageOf(error);
  if (!DAMAGE.test(message)) return error;
  return new ErrLogDBCorrupt(`the log in ${dir} is damaged: ${message}`, { cause: error, details: { dir } });
}
