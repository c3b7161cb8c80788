import { crc32 } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import {
  BIN_VER,
  EMPTY_BYTES,
  SNAPSHOT_CHUNK_SIZE_BYTES,
  type SnapshotChunk,
  isDrakkarError,
} from '@drakkar/raftio';
import fc from 'fast-check';
import type { IFile, IFileSystem, OpenMode } from '../../fs/file-system.js';
import { encodeExportRecord } from '../store/export-record.js';
import { CLUSTER_ID, collect, makeStore, membershipOf, never } from '../testing/fixture.js';
import {
  INDEX,
  TERM,
  assemble,
  externalContents,
  externalMetadata,
  hostileFiles,
  soundFile,
} from '../testing/hostile-file.js';
import { MemoryDisk } from '../testing/memory-disk.js';
import { DEPLOYMENT_ID, TARGET_DIR, makeTarget, traces } from '../testing/stream-fixture.js';
import { MAX_BLOCK_BYTES, Section } from './block.js';
import { encodeDescription, externalFileName } from './description.js';
import { SnapshotFileReader } from './reader.js';
import { verifySnapshotFile } from './verifier.js';

const PATH = '/x/snapshot.data';
const EXPORT_DIR = '/export';
const DOCUMENTED = ['ERR_SNAPSHOT_CORRUPT', 'ERR_INCOMPATIBLE_DATA'];

async function put(disk: MemoryDisk, path: string, content: Uint8Array): Promise<void> {
  await disk.makeDir(path.slice(0, path.lastIndexOf('/')));
  const file = await disk.open(path, 'overwrite');
  await file.write(content, 0);
  await file.close();
}

/** Fails when more is read at once than a block has. */
class WatchedDisk extends MemoryDisk {
  override async open(path: string, mode: OpenMode): Promise<IFile> {
    const file = await super.open(path, mode);
    return {
      ...file,
      read: (buffer, offset) => {
        expect(buffer.length).toBeLessThanOrEqual(MAX_BLOCK_BYTES);
        return file.read(buffer, offset);
      },
    };
  }
}

/** What came of it: `undefined`, or the code of an error that is documented; fails on any other. */
async function outcome(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (isDrakkarError(error) && DOCUMENTED.includes(error.code)) return error.code;
    throw error;
  }
}

async function readAll(fs: IFileSystem): Promise<void> {
  const reader = await SnapshotFileReader.open(fs, PATH);
  try {
    expect((await reader.readSessions()).length).toBe(reader.header.sessionSize);
    for await (const piece of reader) expect(piece.length).toBeLessThanOrEqual(MAX_BLOCK_BYTES);
    expect((await collect(reader)).length).toBe(reader.header.dataStoreSize);
  } finally {
    await reader.close();
  }
}

/** The stream of the file, and of the external files that a sound one has. */
function chunksOf(bytes: Uint8Array, externalFiles: number, namedFiles = externalFiles): SnapshotChunk[] {
  const contents = externalContents(externalFiles);
  const fileChunkCount = Math.ceil(bytes.length / SNAPSHOT_CHUNK_SIZE_BYTES);
  const head = {
    clusterID: CLUSTER_ID,
    nodeID: 2,
    from: 1,
    index: INDEX,
    term: TERM,
    membership: membershipOf(1, 2, 3),
    deploymentID: DEPLOYMENT_ID,
    binVer: BIN_VER,
    chunkCount: fileChunkCount + namedFiles,
    hasFileInfo: false,
    fileInfo: undefined,
  };
  const data = Array.from({ length: fileChunkCount }, (_, i): SnapshotChunk => {
    const piece = bytes.subarray(i * SNAPSHOT_CHUNK_SIZE_BYTES, (i + 1) * SNAPSHOT_CHUNK_SIZE_BYTES);
    const place = { chunkID: i, fileChunkID: i, fileChunkCount, chunkSize: piece.length };
    return { ...head, ...place, data: piece, fileSize: bytes.length, filepath: 'snapshot.data' };
  });
  const external = contents.map((content, i): SnapshotChunk => {
    const filepath = externalFileName(i + 1);
    const fileSize = content.length;
    const fileInfo = { filepath, fileSize, fileID: i + 1, metadata: externalMetadata(i) };
    const place = { chunkID: fileChunkCount + i, fileChunkID: 0, fileChunkCount: 1, chunkSize: fileSize };
    return { ...head, ...place, data: content, fileSize, filepath, hasFileInfo: true, fileInfo };
  });
  return [...data, ...external];
}

describe('hostile snapshot files with right checksums', () => {
  it('are refused by the reader and the check, or are read in bounded pieces', async () => {
    const seen = new Map<string | undefined, number>();
    await fc.assert(
      fc.asyncProperty(hostileFiles, async ({ bytes, isSound, isCompressed }) => {
        const disk = new WatchedDisk();
        await put(disk, PATH, bytes);
        const read = await outcome(() => readAll(disk));
        const verified = await outcome(async () => {
          await verifySnapshotFile(disk, PATH, never());
        });
        if (isSound) expect(read).toBeUndefined();
        // The check does not decompress, and sees all else.
        if (verified !== undefined || !isCompressed) expect(read).toBe(verified);
        seen.set(read, (seen.get(read) ?? 0) + 1);
      }),
    );
    expect([...seen.keys()]).toEqual(expect.arrayContaining([undefined, 'ERR_SNAPSHOT_CORRUPT']));
  });

  it('leave nothing behind at a receiver that does not take them', async () => {
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(hostileFiles, async ({ bytes, externalFiles, isSound }) => {
        const disk = new MemoryDisk();
        const { receiver, received } = makeTarget(disk);
        const sink = receiver.createSink();
        let isTaken = true;
        for (const chunk of chunksOf(bytes, externalFiles)) isTaken &&= await sink.addChunk(chunk);
        sink.close();
        await receiver.stop();
        if (isSound) expect(isTaken).toBe(true);
        expect(received.length).toBe(isTaken ? 1 : 0);
        if (isTaken) taken++;
        else expect(traces(disk)).toEqual([]);
      }),
    );
    expect(taken).toBeGreaterThan(0);
  });

  it('are refused by an import, which leaves nothing, or are imported', async () => {
    let imported = 0;
    await fc.assert(
      fc.asyncProperty(hostileFiles, fc.boolean(), async ({ bytes, externalFiles, isSound }, knowsSize) => {
        const disk = new MemoryDisk();
        const contents = externalContents(externalFiles);
        await put(disk, `${EXPORT_DIR}/snapshot.data`, bytes);
        for (const [i, content] of contents.entries())
          await put(disk, `${EXPORT_DIR}/${externalFileName(i + 1)}`, content);
        const sizeBytes = contents.reduce((sum, { length }) => sum + length, bytes.length);
        const record = encodeExportRecord({
          clusterID: CLUSTER_ID,
          index: INDEX,
          term: TERM,
          deploymentID: DEPLOYMENT_ID,
          hardHash: 1n,
          nodeID: 1,
          raftAddress: 'host1:1',
          membership: membershipOf(1, 2, 3),
          payloadChecksum: crc32(bytes.subarray(1_024)),
          sizeBytes: knowsSize || isSound ? sizeBytes : 1,
        });
        await put(disk, `${EXPORT_DIR}/export.json`, record);
        const store = makeStore(disk, TARGET_DIR);
        const result = await outcome(async () => {
          await store.importFrom(EXPORT_DIR, membershipOf(2), { signal: never() });
        });
        if (isSound) expect(result).toBeUndefined();
        if (result === undefined) imported++;
        else expect(traces(disk)).toEqual([]);
      }),
    );
    expect(imported).toBeGreaterThan(0);
  });

  it('are refused when a block is larger than any may be', async () => {
    const stored = new Uint8Array(MAX_BLOCK_BYTES + 1);
    const block = { section: Section.Data, isCompressed: false, rawBytes: stored.length, stored };
    const file = soundFile(1, false, 0);
    file.blocks.splice(1, 1, block);
    const disk = new WatchedDisk();
    await put(disk, PATH, assemble(file));
    expect(await outcome(() => readAll(disk))).toBe('ERR_SNAPSHOT_CORRUPT');
    const verified = outcome(async () => {
      await verifySnapshotFile(disk, PATH, never());
    });
    expect(await verified).toBe('ERR_SNAPSHOT_CORRUPT');
  });

  it('may name more external files than a call takes arguments', async () => {
    const count = 200_000;
    const file = soundFile(1, false, 0);
    const files = Array.from({ length: count }, (_, i) => ({
      name: externalFileName(i + 1),
      fileID: i + 1,
      sizeBytes: 0,
      checksum: 0,
      metadata: EMPTY_BYTES,
    }));
    const stored = encodeDescription({
      clusterID: CLUSTER_ID,
      index: INDEX,
      term: TERM,
      membership: membershipOf(1, 2, 3),
      files,
    });
    file.blocks.pop();
    for (let at = 0; at < stored.length; at += MAX_BLOCK_BYTES) {
      const piece = stored.subarray(at, at + MAX_BLOCK_BYTES);
      file.blocks.push({
        section: Section.Description,
        isCompressed: false,
        rawBytes: piece.length,
        stored: piece,
      });
    }
    const { receiver } = makeTarget(new MemoryDisk());
    const sink = receiver.createSink();
    for (const chunk of chunksOf(assemble(file), 0, count)) expect(await sink.addChunk(chunk)).toBe(true);
    sink.close();
    await receiver.stop();
  });
});
