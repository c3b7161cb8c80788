import { SNAPSHOT_CHUNK_SIZE_BYTES, type SnapshotChunk, type SnapshotFile } from '@drakkar/raftio';
import type { ExternalFile } from '../format/description.js';
import { chunkSizeBytes, fileChunkCount, streamChunkCount } from './chunks.js';
import { StreamHeadCheck } from './stream-head.js';

/** A chunk in its place. */
export interface ChunkPlace {
  /** Of its file, in bytes. */
  offset: number;
  isFirstOfFile: boolean;
  isLastOfFile: boolean;
  isLast: boolean;
}

/**
 * Knows which chunk must come next in a stream, down to its size. Whatever else comes ends the stream: chunks have no
 * second chance, for a transport keeps their order and loses none within a stream.
 */
export class StreamCheck {
  readonly #head: StreamHeadCheck;
  /** Of the data file, then of the external files, which are known once the data file is complete. */
  readonly #fileSizes: number[];
  #files: readonly ExternalFile[] = [];
  #fileNumber = 0;
  #fileChunkID = 0;
  #filepath = '';

  private constructor(head: StreamHeadCheck, first: SnapshotChunk) {
    this.#head = head;
    this.#fileSizes = [first.fileSize];
  }

  /** @returns what is wrong with the first chunk of a stream, or the check of all that follow, the first included */
  static start(first: SnapshotChunk, deploymentID: number): StreamCheck | string {
    const head = StreamHeadCheck.start(first, deploymentID);
    return typeof head === 'string' ? head : new StreamCheck(head, first);
  }

  /** What the data file says about the external files that are to follow. Returns what is wrong with it. */
  expectFiles(files: readonly ExternalFile[]): string | undefined {
    this.#files = files;
    // One by one: there may be more than a call takes arguments.
    for (const { sizeBytes } of files) this.#fileSizes.push(sizeBytes);
    const count = streamChunkCount(this.#fileSizes);
    const { chunkCount } = this.#head;
    return chunkCount === count ? undefined : `chunkCount ${chunkCount}, not ${count}`;
  }

  /** The external file that the next chunk belongs to. */
  get externalFile(): ExternalFile | undefined {
    return this.#files[this.#fileNumber - 1];
  }

  /** @returns where the chunk belongs, or what is wrong with it */
  next(chunk: SnapshotChunk): ChunkPlace | string {
    const problem = this.#head.problemOf(chunk) ?? this.#fileProblem(chunk);
    if (problem !== undefined) return problem;
    const fileSize = this.#fileSizes[this.#fileNumber] ?? 0;
    const place: ChunkPlace = {
      offset: this.#fileChunkID * SNAPSHOT_CHUNK_SIZE_BYTES,
      isFirstOfFile: this.#fileChunkID === 0,
      isLastOfFile: this.#fileChunkID === fileChunkCount(fileSize) - 1,
      isLast: this.#head.isLast,
    };
    if (place.isLast && !place.isLastOfFile) return 'the last chunk does not end its file';
    this.#head.taken();
    this.#fileChunkID++;
    this.#filepath = chunk.filepath;
    if (place.isLastOfFile) {
      this.#fileNumber++;
      this.#fileChunkID = 0;
    }
    return place;
  }

  #fileProblem(chunk: SnapshotChunk): string | undefined {
    const fileSize = this.#fileSizes[this.#fileNumber];
    if (fileSize === undefined) return 'more files than there should be';
    const expected = {
      fileSize,
      fileChunkID: this.#fileChunkID,
      fileChunkCount: fileChunkCount(fileSize),
      chunkSize: chunkSizeBytes(fileSize, this.#fileChunkID),
    };
    for (const field of ['fileSize', 'fileChunkID', 'fileChunkCount', 'chunkSize'] as const) {
      if (chunk[field] !== expected[field]) return `${field} ${chunk[field]}, not ${expected[field]}`;
    }
    if (chunk.data.length !== chunk.chunkSize)
      return `${chunk.data.length} bytes of data, not ${chunk.chunkSize}`;
    if (this.#fileChunkID > 0 && chunk.filepath !== this.#filepath) return 'another filepath within a file';
    const file = this.externalFile;
    if (chunk.hasFileInfo !== (file !== undefined)) return `hasFileInfo ${chunk.hasFileInfo}`;
    return file === undefined ? undefined : fileInfoProblem(chunk.fileInfo, file);
  }
}

function fileInfoProblem(info: SnapshotFile | undefined, file: ExternalFile): string | undefined {
  if (info?.fileID !== file.fileID) return `file ${info?.fileID}, not ${file.fileID}`;
  if (info.fileSize !== file.sizeBytes) return `a file info of ${info.fileSize} bytes, not ${file.sizeBytes}`;
  return Buffer.compare(info.metadata, file.metadata) === 0
    ? undefined
    : 'another metadata than in the snapshot';
}
