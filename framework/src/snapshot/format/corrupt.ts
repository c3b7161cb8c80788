import { hasSystemCode } from '../../errors/inspect.js';
import { ErrSnapshotCorrupt } from '../../errors/snapshot.js';
import type { IFile } from '../../fs/file-system.js';

/** @param offset where in the file the damaged part begins, in bytes */
export function corrupt(path: string, offset: number, what: string, cause?: unknown): ErrSnapshotCorrupt {
  return new ErrSnapshotCorrupt(`${path} is damaged at offset ${offset}: ${what}`, {
    details: { path, offset },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** As `IFile.read`; a part of the disk that can't be read any more is damage like any other. */
export async function readPart(
  file: IFile,
  path: string,
  buffer: Uint8Array,
  offset: number,
): Promise<number> {
  try {
    return await file.read(buffer, offset);
  } catch (error) {
    if (!hasSystemCode(error, 'EIO')) throw error;
    throw corrupt(path, offset, "it can't be read (EIO)", error);
  }
}
