import { Buffer } from 'node:buffer';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type {
  IStateMachine,
  ISnapshotFileCollection,
  SnapshotFile,
  SnapshotWriter,
} from '@drakkar/framework';

interface Document {
  fileID: number;
  checksum: number;
}

/** What `update` answers to a command that it does not understand; to throw would stop the replica. */
export const REFUSED = 0;

/** The command that puts a document on the shelf, in place of one of the same name. */
export function putCommand(name: string, content: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${name}\n`), content]);
}

/**
 * A shelf of documents that are too large for memory: each is a file, and only the list of them is held here. A file
 * is written once and never changed, so a snapshot can take it by its name instead of copying it.
 */
export class FileShelf implements IStateMachine {
  readonly #dir: string;
  #documents = new Map<string, Document>();
  #lastFileID = 0;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** A replica begins empty; what it knew comes back from its newest snapshot and the log behind that. */
  static async create(dir: string): Promise<FileShelf> {
    await rm(dir, { recursive: true, force: true });
    await mkdir(dir, { recursive: true });
    return new FileShelf(dir);
  }

  async update(cmd: Uint8Array): Promise<number> {
    const end = cmd.indexOf(0x0a);
    if (end < 1) return REFUSED;
    const name = Buffer.from(cmd.subarray(0, end)).toString();
    const content = cmd.subarray(end + 1);
    const replaced = this.#documents.get(name);
    // Counted, not drawn at random: every replica must come to the same number.
    this.#lastFileID += 1;
    await writeFile(this.#path(this.#lastFileID), content);
    this.#documents.set(name, { fileID: this.#lastFileID, checksum: crc32(content) });
    if (replaced !== undefined) await rm(this.#path(replaced.fileID));
    return this.#lastFileID;
  }

  async lookup(query: Uint8Array): Promise<Uint8Array> {
    const document = this.#documents.get(Buffer.from(query).toString());
    return document === undefined ? new Uint8Array(0) : await readFile(this.#path(document.fileID));
  }

  async saveSnapshot(writer: SnapshotWriter, files: ISnapshotFileCollection): Promise<void> {
    const list = { lastFileID: this.#lastFileID, documents: [...this.#documents] };
    await writer.write(Buffer.from(JSON.stringify(list)));
    for (const [name, { fileID }] of this.#documents) {
      files.addFile(fileID, this.#path(fileID), Buffer.from(name));
    }
  }

  async recoverFromSnapshot(
    reader: AsyncIterable<Uint8Array>,
    files: readonly SnapshotFile[],
    signal: AbortSignal,
  ): Promise<void> {
    const parts: Uint8Array[] = [];
    for await (const part of reader) parts.push(Buffer.from(part));
    const list = JSON.parse(Buffer.concat(parts).toString()) as {
      lastFileID: number;
      documents: [string, Document][];
    };
    await rm(this.#dir, { recursive: true });
    await mkdir(this.#dir);
    for (const { fileID, filepath } of files) {
      signal.throwIfAborted();
      // The paths are those of the snapshot, and good only until this method is done.
      await copyFile(filepath, this.#path(fileID));
    }
    this.#documents = new Map(list.documents);
    this.#lastFileID = list.lastFileID;
  }

  close(): void {
    this.#documents.clear();
  }

  /** By sorted name, for a map that was recovered need not have the order of one that was filled. */
  getHash(): number {
    const lines = [...this.#documents].map(([name, { fileID, checksum }]) => `${name} ${fileID} ${checksum}`);
    return crc32(lines.sort().join('\n'), this.#lastFileID);
  }

  #path(fileID: number): string {
    return join(this.#dir, `document-${fileID}`);
  }
}
