import {
  BIN_VER,
  SNAPSHOT_CHUNK_SIZE_BYTES,
  type SnapshotChunk,
  type SnapshotFile,
  encodeMembership,
} from '@drakkar/raftio';
import type { ExternalFile } from '../format/description.js';
import { chunkSizeBytes, fileChunkCount, streamChunkCount } from './chunks.js';

const CONSTANT = [
  'clusterID',
  'nodeID',
  'from',
  'index',
  'term',
  'chunkCount',
  'deploymentID',
  'binVer',
] as const;

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
  readonly #head: SnapshotChunk;
  readonly #membership: Uint8Array;
  /** Of the data file, then of the external files, which are known once the data file is complete. */
  readonly #fileSizes: number[];
  #files: readonly ExternalFile[] = [];
  #chunkID = 0;
  #fileNumber = 0;
  #fileChunkID = 0;
  #filepath = '';

  private constructor(first: SnapshotChunk) {
    this.#head = { ...first, data: new Uint8Array(0) };
    this.#membership = encodeMembership(first.membership);
    this.#fileSizes = [first.fileSize];
  }

  /** @returns what is wrong with the first chunk of a stream, or the check of all that follow, the first included */
  static start(first: SnapshotChunk, deploymentID: number): StreamCheck | string {
    if (first.binVer !== BIN_VER) return `binVer ${first.binVer}, not ${BIN_VER}`;
    if (first.deploymentID !== deploymentID) return `deployment ${first.deploymentID}, not ${deploymentID}`;
    for (const field of ['clusterID', 'nodeID', 'from', 'index', 'term', 'chunkCount'] as const) {
      if (!Number.isSafeInteger(first[field]) || first[field] < 1) return `${field} ${first[field]}`;
    }
    if (!Number.isSafeInteger(first.fileSize) || first.fileSize < 1) return `fileSize ${first.fileSize}`;
    if (first.from === first.nodeID) return `from node ${first.from} to itself`;
    if (first.chunkCount < first.fileChunkCount) return `chunkCount ${first.chunkCount}`;
    return new StreamCheck(first);
  }

  /** What the data file says about the external files that are to follow. Returns what is wrong with it. */
  expectFiles(files: readonly ExternalFile[]): string | undefined {
    this.#files = files;
    // One by one: there may be more than a call takes arguments.
    for (const { sizeBytes } of files) this.#fileSizes.push(sizeBytes);
    const count = streamChunkCount(this.#fileSizes);
    return this.#head.chunkCount === count ? undefined : `chunkCount ${this.#head.chunkCount}, not ${count}`;
  }

  /** The external file that the next chunk belongs to. */
  get externalFile(): ExternalFile | undefined {
    return this.#files[this.#fileNumber - 1];
  }

  /** @returns where the chunk belongs, or what is wrong with it */
  next(chunk: SnapshotChunk): ChunkPlace | string {
    const problem = this.#headProblem(chunk) ?? this.#fileProblem(chunk);
    if (problem !== undefined) return problem;
    const fileSize = this.#fileSizes[this.#fileNumber] ?? 0;
    const place: ChunkPlace = {
      offset: this.#fileChunkID * SNAPSHOT_CHUNK_SIZE_BYTES,
      isFirstOfFile: this.#fileChunkID === 0,
      isLastOfFile: this.#fileChunkID === fileChunkCount(fileSize) - 1,
      isLast: this.#chunkID === this.#head.chunkCount - 1,
    };
    if (place.isLast && !place.isLastOfFile) return 'the last chunk does not end its file';
    this.#chunkID++;
    this.#fileChunkID++;
    this.#filepath = chunk.filepath;
    if (place.isLastOfFile) {
      this.#fileNumber++;
      this.#fileChunkID = 0;
    }
    return place;
  }

  #headProblem(chunk: SnapshotChunk): string | undefined {
    for (const field of CONSTANT) {
      if (chunk[field] !== this.#head[field]) return `${field} ${chunk[field]}, not ${this.#head[field]}`;
    }
    if (Buffer.compare(encodeMembership(chunk.membership), this.#membership) !== 0) {
      return 'another membership than in the first chunk';
    }
    return chunk.chunkID === this.#chunkID ? undefined : `chunkID ${chunk.chunkID}, not ${this.#chunkID}`;
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
