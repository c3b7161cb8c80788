/*
 * The folder of one replica holds a folder for each of its snapshots:
 *
 *   snapshot-00000000000003e8/              named by its index; complete, durable, and never changed
 *     snapshot.data                         see format/header-block.ts
 *     external-file-7                       named by its id
 *   snapshot-00000000000003e8.creating-…    being made; what a crash leaves of it is removed at the next start
 */

export const DATA_FILE_NAME = 'snapshot.data';
const PREFIX = 'snapshot-';

export type Purpose = 'creating' | 'receiving' | 'importing' | 'replaced';

export function snapshotDirName(index: number): string {
  return `${PREFIX}${index.toString(16).padStart(16, '0')}`;
}

export function temporaryDirName(index: number, purpose: Purpose, tag: string): string {
  return `${snapshotDirName(index)}.${purpose}-${tag}`;
}

/** Whether the name is one that the store may remove when no record asks for it. */
export function isStoreName(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** Path in a record: relative to the replica's folder, with `/` on every platform. */
export function recordPath(index: number, name: string): string {
  return `${snapshotDirName(index)}/${name}`;
}
