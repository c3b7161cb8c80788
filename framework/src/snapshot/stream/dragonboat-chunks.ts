import { crc32 } from 'node:zlib';
import { SNAPSHOT_CHUNK_SIZE_BYTES, SNAPSHOT_HEADER_BLOCK_BYTES, type SnapshotChunk } from '@drakkar/raftio';
import { ErrSnapshotNotSent } from '../../errors/snapshot.js';
import type { IFileSystem } from '../../fs/file-system.js';
import { throwIfStopped } from '../failure.js';
import { corrupt } from '../format/corrupt.js';
import { encodeDragonboatHeader } from '../format/dragonboat-header.js';
import { dragonboatFileName } from '../format/dragonboat-names.js';
import type { SessionFormat } from '../format/session-format.js';
import type { ByteMeter } from '../progress.js';
import type { SnapshotLease } from '../store/snapshot-store.js';
import {
  type SentFile,
  type StreamHead,
  chunkSizeBytes,
  externalChunksOf,
  fileChunkCount,
  makeChunk,
  streamChunkCount,
} from './chunks.js';

/** What a snapshot file of Dragonboat v2.1.7 begins with; the state machine's data of our own file follows as it is. */
export interface DragonboatImage {
  /** Header block and client sessions. */
  front: Uint8Array;
  /** Of the whole file. */
  sizeBytes: number;
}

/**
 * Reads a snapshot once, for the sizes and the checksum that have to stand in front of its data. Nothing is written:
 * the chunks are made of the same file when it is read again.
 *
 * @throws ErrSnapshotNotSent when the snapshot has what Dragonboat can't take
 * @throws ErrSnapshotCorrupt, ErrSnapshotStopped, errors of the sessions' format and of the file system
 */
export async function dragonboatImageOf(
  { reader, description }: SnapshotLease,
  format: SessionFormat,
  signal: AbortSignal,
  meter: ByteMeter,
): Promise<DragonboatImage> {
  const { index, files } = description;
  const empty = files.find(({ sizeBytes }) => sizeBytes === 0);
  if (empty !== undefined) {
    throw new ErrSnapshotNotSent(
      `external file ${empty.fileID} of the snapshot at ${index} is empty, and Dragonboat v2.1.7 takes no empty file: ` +
        'have the state machine leave such files out, or write something into them',
      { details: { fileID: empty.fileID } },
    );
  }
  const sessions = format.toDragonboat(await reader.readSessions());
  const { dataStoreSize, unreliableTime } = reader.header;
  let payloadChecksum = crc32(sessions);
  for await (const piece of reader) {
    throwIfStopped(signal, `sending the snapshot at ${index}`);
    payloadChecksum = crc32(piece, payloadChecksum);
    meter(piece.length);
  }
  const sessionSize = sessions.length;
  const header = encodeDragonboatHeader({ sessionSize, dataStoreSize, unreliableTime, payloadChecksum });
  return {
    front: Buffer.concat([header, sessions]),
    sizeBytes: SNAPSHOT_HEADER_BLOCK_BYTES + sessionSize + dataStoreSize,
  };
}

/** As `chunksOf`, in the format of Dragonboat v2.1.7. */
export async function* dragonboatChunksOf(
  fs: IFileSystem,
  lease: SnapshotLease,
  head: StreamHead,
  { front, sizeBytes }: DragonboatImage,
): AsyncGenerator<SnapshotChunk, void, undefined> {
  const sizes = [sizeBytes, ...lease.description.files.map((file) => file.sizeBytes)];
  const chunkCount = streamChunkCount(sizes);
  const data: SentFile = { name: dragonboatFileName(head.index), sizeBytes, info: undefined };
  let chunkID = 0;
  for await (const part of inChunks(front, lease, data)) {
    yield makeChunk(head, data, { data: part, chunkID, chunkCount, fileChunkID: chunkID });
    chunkID++;
  }
  yield* externalChunksOf(fs, lease, head, { chunkID, chunkCount });
}

/** The file in pieces of a chunk. The last one is given when all of the file was read, and nothing was wrong with it. */
async function* inChunks(
  front: Uint8Array,
  { reader }: SnapshotLease,
  { name, sizeBytes }: SentFile,
): AsyncGenerator<Uint8Array, void, undefined> {
  const count = fileChunkCount(sizeBytes);
  let number = 0;
  let chunk = new Uint8Array(chunkSizeBytes(sizeBytes, 0));
  let filled = 0;
  let size = 0;
  for await (const piece of piecesOf(front, reader)) {
    size += piece.length;
    if (size > sizeBytes) break;
    for (let at = 0; at < piece.length;) {
      const part = piece.subarray(at, at + chunk.length - filled);
      chunk.set(part, filled);
      at += part.length;
      filled += part.length;
      if (filled < chunk.length || number === count - 1) continue;
      yield chunk;
      number++;
      // A buffer of its own: the transport may still hold the one before.
      chunk = new Uint8Array(chunkSizeBytes(sizeBytes, number));
      filled = 0;
    }
  }
  if (size !== sizeBytes) throw corrupt(name, size, `${size} bytes were read instead of ${sizeBytes}`);
  yield chunk;
}

async function* piecesOf(
  front: Uint8Array,
  data: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < front.length; at += SNAPSHOT_CHUNK_SIZE_BYTES) {
    yield front.subarray(at, at + SNAPSHOT_CHUNK_SIZE_BYTES);
  }
  yield* data;
}
