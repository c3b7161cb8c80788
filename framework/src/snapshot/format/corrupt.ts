import { ErrSnapshotCorrupt } from '../../errors/snapshot.js';

/** @param offset where in the file the damaged part begins, in bytes */
export function corrupt(path: string, offset: number, what: string, cause?: unknown): ErrSnapshotCorrupt {
  return new ErrSnapshotCorrupt(`${path} is damaged at offset ${offset}: ${what}`, {
    details: { path, offset },
    ...(cause === undefined ? {} : { cause }),
  });
}
