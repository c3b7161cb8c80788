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

interface SourceFile {
  path: string;
  /** Name on the wire; receivers choose their own. */
  name: string;
  sizeBytes: number;
  info: SnapshotFile | undefined;
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

function sourceFiles({ folder, description, sizeBytes }: SnapshotLease): SourceFile[] {
  const dataPath = join(folder, DATA_FILE_NAME);
  const data: SourceFile = {
    path: dataPath,
    name: DATA_FILE_NAME,
    sizeBytes,
    info: undefined,
    check: new SnapshotFileVerifier(dataPath),
  };
  const external = description.files.map((file): SourceFile => {
    const path = join(folder, file.name);
    const { name, fileID, metadata } = file;
    const info = { filepath: name, fileSize: file.sizeBytes, fileID, metadata };
    return { path, name, sizeBytes: file.sizeBytes, info, check: externalCheck(path, file.checksum) };
  });
  return [data, ...external];
}

/**
 * The chunks of a snapshot, read from the disk one at a time. The snapshot is checked on its way: the last chunk of a
 * damaged file is never given.
 */
export async function* chunksOf(
  fs: IFileSystem,
  lease: SnapshotLease,
  head: StreamHead,
): AsyncGenerator<SnapshotChunk, void, undefined> {
  const files = sourceFiles(lease);
  const chunkCount = streamChunkCount(files.map(({ sizeBytes }) => sizeBytes));
  let chunkID = 0;
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

function makeChunk(
  head: StreamHead,
  file: SourceFile,
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
