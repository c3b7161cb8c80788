import {
  SNAPSHOT_CHUNK_SIZE_BYTES,
  SNAPSHOT_HEADER_BLOCK_BYTES,
  type SnapshotChunk,
  type SnapshotFile,
} from '@drakkar/raftio';
import { MAX_DESCRIPTION_BYTES, externalFileName } from '../format/description.js';
import { dragonboatFileName, lastPart } from '../format/dragonboat-names.js';
import { chunkSizeBytes, fileChunkCount } from './chunks.js';
import type { ChunkPlace } from './stream-check.js';
import { StreamHeadCheck } from './stream-head.js';

/** What our description of an external file takes beside its metadata, generously. */
const FILE_DESCRIPTION_BYTES = 128;

/** A file of the stream, as its first chunk says. */
interface StreamFile {
  filepath: string;
  sizeBytes: number;
  /** `undefined`: the data file. */
  info: SnapshotFile | undefined;
}

/**
 * Knows which chunk must come next in a stream of Dragonboat v2.1.7. There the external files are known only as they
 * come: how many chunks there are in all is what all of them must add up to.
 */
export class DragonboatStreamCheck {
  readonly #head: StreamHeadCheck;
  readonly #fileIDs = new Set<number>();
  #descriptionBytes = 0;
  /** The file that the last chunk was of; `undefined`: it is complete. */
  #file: StreamFile | undefined;
  #isDataComplete = false;
  #fileChunkID = 0;

  private constructor(head: StreamHeadCheck) {
    this.#head = head;
  }

  /** @returns what is wrong with the first chunk of a stream, or the check of all that follow, the first included */
  static start(first: SnapshotChunk, deploymentID: number): DragonboatStreamCheck | string {
    const head = StreamHeadCheck.start(first, deploymentID);
    return typeof head === 'string' ? head : new DragonboatStreamCheck(head);
  }

  /** @returns where the chunk belongs, or what is wrong with it */
  next(chunk: SnapshotChunk): ChunkPlace | string {
    const problem = this.#head.problemOf(chunk) ?? this.#fileProblem(chunk) ?? this.#sizeProblem(chunk);
    if (problem !== undefined) return problem;
    const place: ChunkPlace = {
      offset: this.#fileChunkID * SNAPSHOT_CHUNK_SIZE_BYTES,
      isFirstOfFile: this.#fileChunkID === 0,
      isLastOfFile: this.#fileChunkID === chunk.fileChunkCount - 1,
      isLast: this.#head.isLast,
    };
    if (place.isFirstOfFile) this.#file = fileOf(chunk);
    this.#head.taken();
    this.#fileChunkID++;
    if (place.isLastOfFile) {
      this.#file = undefined;
      this.#isDataComplete = true;
      this.#fileChunkID = 0;
    }
    return place;
  }

  #fileProblem(chunk: SnapshotChunk): string | undefined {
    const file = this.#file;
    if (file === undefined) return this.#newFileProblem(chunk);
    if (chunk.filepath !== file.filepath) return 'another filepath within a file';
    if (chunk.fileSize !== file.sizeBytes) return `fileSize ${chunk.fileSize}, not ${file.sizeBytes}`;
    if (chunk.hasFileInfo !== (file.info !== undefined)) return `hasFileInfo ${chunk.hasFileInfo}`;
    return file.info === undefined || sameInfo(chunk.fileInfo, file.info)
      ? undefined
      : 'another file info within a file';
  }

  #newFileProblem(chunk: SnapshotChunk): string | undefined {
    const { fileSize, index, hasFileInfo } = chunk;
    if (hasFileInfo !== this.#isDataComplete) return `hasFileInfo ${hasFileInfo}`;
    const least = hasFileInfo ? 1 : SNAPSHOT_HEADER_BLOCK_BYTES;
    if (!Number.isSafeInteger(fileSize) || fileSize < least) return `fileSize ${fileSize}`;
    const name = lastPart(chunk.filepath);
    if (hasFileInfo) return this.#externalProblem(chunk, name);
    const expected = dragonboatFileName(index);
    return name === expected ? undefined : `filepath ${show(chunk.filepath)}, not ${expected}`;
  }

  #externalProblem({ fileInfo, fileSize, filepath }: SnapshotChunk, name?: string): string | undefined {
    if (fileInfo === undefined) return 'an external file without its info';
    const { fileID, metadata } = fileInfo;
    if (fileInfo.fileSize !== fileSize) return `a file info of ${fileInfo.fileSize} bytes, not ${fileSize}`;
    const expected = externalFileName(fileID);
    if (name !== expected) return `filepath ${show(filepath)}, not ${expected}`;
    if (this.#fileIDs.has(fileID)) return `external file ${fileID} a second time`;
    this.#descriptionBytes += metadata.length + FILE_DESCRIPTION_BYTES;
    if (this.#descriptionBytes > MAX_DESCRIPTION_BYTES) {
      return `more than ${MAX_DESCRIPTION_BYTES} bytes of metadata of external files`;
    }
    this.#fileIDs.add(fileID);
    return undefined;
  }

  #sizeProblem(chunk: SnapshotChunk): string | undefined {
    const expected = {
      fileChunkID: this.#fileChunkID,
      fileChunkCount: fileChunkCount(chunk.fileSize),
      chunkSize: chunkSizeBytes(chunk.fileSize, this.#fileChunkID),
    };
    for (const field of ['fileChunkID', 'fileChunkCount', 'chunkSize'] as const) {
      if (chunk[field] !== expected[field]) return `${field} ${chunk[field]}, not ${expected[field]}`;
    }
    if (chunk.data.length !== chunk.chunkSize)
      return `${chunk.data.length} bytes of data, not ${chunk.chunkSize}`;
    const missing = chunk.fileChunkCount - this.#fileChunkID;
    return missing > this.#head.remaining
      ? `${missing} chunks of a file, where ${this.#head.remaining} are left of the stream`
      : undefined;
  }
}

function fileOf({ filepath, fileSize, fileInfo, hasFileInfo }: SnapshotChunk): StreamFile {
  return { filepath, sizeBytes: fileSize, info: hasFileInfo ? fileInfo : undefined };
}

function sameInfo(a: SnapshotFile | undefined, b: SnapshotFile): boolean {
  return a?.fileID === b.fileID && a.fileSize === b.fileSize && Buffer.compare(a.metadata, b.metadata) === 0;
}

/** For a log line: it is as long as its sender likes. */
function show(text: string): string {
  return JSON.stringify(text.slice(-100));
}
