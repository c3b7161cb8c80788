import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { SnapshotChunk } from '@drakkar/raftio';
import { type ExternalFile, externalFileName } from '../format/description.js';
import { DragonboatFileParser } from '../format/dragonboat-file.js';
import { SnapshotFileWriter } from '../format/writer.js';
import { PacedFile } from '../paced-file.js';
import { DATA_FILE_NAME } from '../store/names.js';
import { DragonboatStreamCheck } from './dragonboat-check.js';
import type { Intake, IntakePlace, TakenSnapshot } from './intake.js';
import type { ChunkPlace } from './stream-check.js';

/** For errors. */
const WHAT = 'the incoming snapshot of Dragonboat';

interface OpenFile {
  file: PacedFile;
  fileID: number;
  metadata: Uint8Array;
  sizeBytes: number;
  checksum: number;
}

/**
 * Takes a stream of Dragonboat v2.1.7. What comes is translated into a snapshot of our own format while it is received,
 * so that everything after that deals with one format.
 */
export class DragonboatIntake implements Intake {
  readonly #check: DragonboatStreamCheck;
  readonly #abort = new AbortController();
  readonly #files: ExternalFile[] = [];
  #to: IntakePlace | undefined;
  #place: ChunkPlace | undefined;
  #parser: DragonboatFileParser | undefined;
  #writer: SnapshotFileWriter | undefined;
  #external: OpenFile | undefined;
  #membership: SnapshotChunk['membership'] | undefined;

  private constructor(check: DragonboatStreamCheck) {
    this.#check = check;
  }

  /** @returns what is wrong with the first chunk */
  static start(first: SnapshotChunk, deploymentID: number): DragonboatIntake | string {
    const check = DragonboatStreamCheck.start(first, deploymentID);
    return typeof check === 'string' ? check : new DragonboatIntake(check);
  }

  get isWhole(): boolean {
    return this.#place?.isLast === true;
  }

  check(chunk: SnapshotChunk): string | undefined {
    const place = this.#check.next(chunk);
    if (typeof place === 'string') return place;
    this.#place = place;
    this.#membership = chunk.membership;
    return undefined;
  }

  async begin(to: IntakePlace): Promise<void> {
    this.#to = to;
    const { fileSystem, folder, clock } = to;
    this.#writer = await SnapshotFileWriter.create(fileSystem, join(folder, DATA_FILE_NAME), {
      compression: 'none',
      clock,
      signal: this.#abort.signal,
    });
  }

  async add(chunk: SnapshotChunk): Promise<string | undefined> {
    if (this.#place === undefined || this.#to === undefined || this.#writer === undefined) {
      return 'the stream has not begun';
    }
    if (chunk.hasFileInfo) await this.#addExternal(chunk, this.#place, this.#to);
    else await this.#addData(chunk, this.#place, this.#to, this.#writer);
    return undefined;
  }

  async finish(): Promise<TakenSnapshot> {
    const { expected } = this.#to ?? {};
    if (this.#writer === undefined || expected === undefined || this.#membership === undefined) {
      throw new Error('the stream has not begun');
    }
    const { clusterID, index, term } = expected;
    const files = this.#files.sort((a, b) => a.fileID - b.fileID);
    const description = { clusterID, index, term, membership: this.#membership, files };
    return { description, sizeBytes: await this.#writer.finish(description) };
  }

  async close(): Promise<void> {
    this.#abort.abort();
    const external = this.#external;
    this.#external = undefined;
    try {
      await external?.file.close();
    } finally {
      await this.#writer?.close();
    }
  }

  async #addData(
    chunk: SnapshotChunk,
    place: ChunkPlace,
    { dragonboat }: IntakePlace,
    writer: SnapshotFileWriter,
  ): Promise<void> {
    if (dragonboat === undefined) throw new Error('the group takes no snapshot of Dragonboat');
    this.#parser ??= new DragonboatFileParser(WHAT, chunk.fileSize, {
      sessions: (bytes) => writer.writeSessions(dragonboat.fromDragonboat(bytes)),
      data: (piece) => writer.write(piece),
    });
    await this.#parser.push(chunk.data);
    if (!place.isLastOfFile) return;
    this.#parser.finish();
    await writer.endData();
  }

  async #addExternal(chunk: SnapshotChunk, place: ChunkPlace, to: IntakePlace): Promise<void> {
    const external = (this.#external ??= await this.#openExternal(chunk, to));
    external.checksum = crc32(chunk.data, external.checksum);
    await external.file.write(chunk.data, place.offset);
    if (!place.isLastOfFile) return;
    await external.file.sync();
    this.#external = undefined;
    await external.file.close();
    const { fileID, sizeBytes, checksum, metadata } = external;
    this.#files.push({ name: externalFileName(fileID), fileID, sizeBytes, checksum, metadata });
  }

  async #openExternal({ fileInfo, fileSize: sizeBytes }: SnapshotChunk, to: IntakePlace): Promise<OpenFile> {
    // Neither may happen: the chunk was checked.
    if (fileInfo === undefined) throw new Error('an external file without its info');
    const { fileID } = fileInfo;
    const path = join(to.folder, externalFileName(fileID));
    const file = new PacedFile(await to.fileSystem.open(path, 'create'));
    return { file, fileID, metadata: new Uint8Array(fileInfo.metadata), sizeBytes, checksum: 0 };
  }
}
