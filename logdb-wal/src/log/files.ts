import type { IFile, IFileSystem } from '@drakkar/raftio/fs';

/** What the log needs of a file system: injected, so that a simulator's disk can take its place. */
export type LogFiles = Pick<IFileSystem, 'open' | 'readFile' | 'readDir' | 'rename' | 'remove' | 'syncDir'>;

export const CONTROL_NAME = 'log-control';
const SEGMENT_NAME = /^segment-(\d{10})$/;
const TEMPORARY_NAME = /^(segment-\d{10}|log-control)\.tmp$/;

export function segmentName(segment: number): string {
  return `segment-${String(segment).padStart(10, '0')}`;
}

/** Number of a segment, by its file's name. */
export function segmentOf(name: string): number | undefined {
  const digits = SEGMENT_NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** Left by a process that was lost before it gave the file its name. */
export function isTemporary(name: string): boolean {
  return TEMPORARY_NAME.test(name);
}

/** Makes what was written to the file durable, its length included; other times may stay as they were. */
export async function syncData(file: IFile): Promise<void> {
  await (file.datasync === undefined ? file.sync() : file.datasync());
}

/** Writes a new file, durably, before it has its name, and gives it the name, durably. It stays open. */
export async function createNamed(
  files: LogFiles,
  { dir, name }: { dir: string; name: string },
  parts: readonly Uint8Array[],
): Promise<IFile> {
  const path = `${dir}/${name}`;
  const file = await files.open(`${path}.tmp`, 'overwrite');
  try {
    let offset = 0;
    for (const part of parts) {
      await file.write(part, offset);
      offset += part.length;
    }
    await file.sync();
    await files.rename(`${path}.tmp`, path);
    await files.syncDir(dir);
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}
