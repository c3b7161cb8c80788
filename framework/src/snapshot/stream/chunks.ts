import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import {
  BIN_VER,
  EMPTY_BYTES,
  type Membership,
  SNAPSHOT_CHUNK_SIZE_BYTES,
  type SnapshotChunk,
  type SnapshotFile,
} from '@drakkar/raftio';
import type { IFile, IFileSystem } from '../../fs/file-system.js';
import { corrupt, readPart } from '../format/corrupt.js';
import { SnapshotFileVerifier } from '../format/verifier.js';
import { DATA_FILE_NAME } from '../store/names.js';
import type { SnapshotLease } from '../store/snapshot-store.js';

/** What every chunk of a stream says. */
export interface StreamHead {
  clusterID: number;
  from: number;
  /** Node that the snapshot is for. */
  to: number;
  index: number;
  term: number;
  membership: Membership;
  deploymentID: number;
  /** Identity of the group and fingerprint of the settings, as in messages. */
  groupID?: number;
  settings?: number;
}

/** Chunks that a file takes; an empty file takes one, so that it is heard of. */
export function fileChunkCount(fileSizeBytes: number): number {
  return Math.max(1, Math.ceil(fileSizeBytes / SNAPSHOT_CHUNK_SIZE_BYTES));
}

/** Size of chunk number `fileChunkID` of a file. */
export function chunkSizeBytes(fileSizeBytes: number, fileChunkID: number): number {
  return Math.min(SNAPSHOT_CHUNK_SIZE_BYTES, fileSizeBytes - fileChunkID * SNAPSHOT_CHUNK_SIZE_BYTES);
}

/** Chunks of a snapshot with all its files. */
export function streamChunkCount(fileSizesBytes: readonly number[]): number {
  return fileSizesBytes.reduce((sum, sizeBytes) => sum + fileChunkCount(sizeBytes), 0);
}

/** Sees the bytes of a file go by and throws ErrSnapshotCorrupt, at the latest when they have ended. */
interface Check {
  push(bytes: Uint8Array): void;
  finish(): void;
}

/** What chunks say of the file that they are of. */
export interface SentFile {
  /** Name on the wire; receivers of ours choose their own. */
  name: string;
  sizeBytes: number;
  info: SnapshotFile | undefined;
}

interface SourceFile extends SentFile {
  path: string;
  check: Check;
}

function externalCheck(path: string, expected: number): Check {
  let checksum = 0;
  return {
    push: (bytes) => {
      checksum = crc32(bytes, checksum);
    },
    finish: () => {
      if (checksum !== expected) throw corrupt(path, 0, 'wrong checksum');
    },
  };
}

function dataFile({ folder, sizeBytes }: SnapshotLease): SourceFile {
  const path = join(folder, DATA_FILE_NAME);
  const check = new SnapshotFileVerifier(path);
  return { path, name: DATA_FILE_NAME, sizeBytes, info: undefined, check };
}

function externalFiles({ folder, description }: SnapshotLease): SourceFile[] {
  return description.files.map(({ name, fileID, sizeBytes, metadata, checksum }) => {
    const path = join(folder, name);
    const info = { filepath: name, fileSize: sizeBytes, fileID, metadata };
    return { path, name, sizeBytes, info, check: externalCheck(path, checksum) };
  });
}

/** Where in its stream a chunk is. */
export type StreamPlace = Pick<SnapshotChunk, 'chunkID' | 'chunkCount'>;

/**
 * The chunks of a snapshot, read from the disk one at a time. The snapshot is checked on its way: the last chunk of a
 * damaged file is never given.
 */
export async function* chunksOf(
  fs: IFileSystem,
  lease: SnapshotLease,
  head: StreamHead,
): AsyncGenerator<SnapshotChunk, void, undefined> {
  const files = [dataFile(lease), ...externalFiles(lease)];
  const chunkCount = streamChunkCount(files.map(({ sizeBytes }) => sizeBytes));
  yield* chunksOfFiles(fs, files, head, { chunkID: 0, chunkCount });
}

/** The chunks of the external files alone, of which the first has its place at `from`. */
export async function* externalChunksOf(
  fs: IFileSystem,
  lease: SnapshotLease,
  head: StreamHead,
  from: StreamPlace,
): AsyncGenerator<SnapshotChunk, void, undefined> {
  yield* chunksOfFiles(fs, externalFiles(lease), head, from);
}

async function* chunksOfFiles(
  fs: IFileSystem,
  files: readonly SourceFile[],
  head: StreamHead,
  from: StreamPlace,
): AsyncGenerator<SnapshotChunk, void, undefined> {
  const { chunkCount } = from;
  let { chunkID } = from;
  for (const source of files) {
    const { path, check } = source;
    const file = await fs.open(path, 'read');
    try {
      const count = fileChunkCount(source.sizeBytes);
      for (let fileChunkID = 0; fileChunkID < count; fileChunkID++, chunkID++) {
        const data = await readChunk(file, source, fileChunkID);
        check.push(data);
        if (fileChunkID === count - 1) check.finish();
        yield makeChunk(head, source, { data, chunkID, chunkCount, fileChunkID });
      }
    } finally {
      await file.close();
    }
  }
}

async function readChunk(
  file: IFile,
  { path, sizeBytes }: SourceFile,
  fileChunkID: number,
): Promise<Uint8Array> {
  const size = chunkSizeBytes(sizeBytes, fileChunkID);
  if (size === 0) return EMPTY_BYTES;
  // A buffer of its own: the transport may still hold the one before.
  const data = new Uint8Array(size);
  const offset = fileChunkID * SNAPSHOT_CHUNK_SIZE_BYTES;
  const read = await readPart(file, path, data, offset);
  if (read < size) throw corrupt(path, offset + read, 'the file was cut');
  return data;
}

export function makeChunk(
  head: StreamHead,
  file: SentFile,
  place: Pick<SnapshotChunk, 'data' | 'chunkID' | 'chunkCount' | 'fileChunkID'>,
): SnapshotChunk {
  return {
    clusterID: head.clusterID,
    nodeID: head.to,
    from: head.from,
    index: head.index,
    term: head.term,
    membership: head.membership,
    deploymentID: head.deploymentID,
    groupID: head.groupID ?? 0,
    settings: head.settings ?? 0,
    binVer: BIN_VER,
    chunkSize: place.data.length,
    filepath: file.name,
    fileSize: file.sizeBytes,
    fileChunkCount: fileChunkCount(file.sizeBytes),
    hasFileInfo: file.info !== undefined,
    fileInfo: file.info,
    ...place,
  };
}
