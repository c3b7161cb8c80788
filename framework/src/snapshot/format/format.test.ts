import { describe, expect, it } from '@jest/globals';
import { SNAPSHOT_HEADER_BLOCK_BYTES, emptyMembership } from '@drakkar/raftio';
import fc from 'fast-check';
import { ManualClock } from '../../runtime/testing/manual-clock.js';
import { collect, membershipOf, never, noise } from '../testing/fixture.js';
import { MemoryDisk } from '../testing/memory-disk.js';
import { BLOCK_HEADER_BYTES, MAX_BLOCK_BYTES } from './block.js';
import { type CompressionType, loadSnappy, snappyLength } from '../../compression/snappy.js';
import { type SnapshotDescription, decodeDescription, encodeDescription } from './description.js';
import { decodeHeaderBlock, encodeHeaderBlock } from './header-block.js';
import { SnapshotFileReader } from './reader.js';
import { SnapshotFileVerifier, verifySnapshotFile } from './verifier.js';
import { SnapshotFileWriter } from './writer.js';

const PATH = '/snapshot.data';

const description: SnapshotDescription = {
  clusterID: 7,
  index: 1000,
  term: 3,
  membership: membershipOf(1, 2, 3),
  files: [{ name: 'external-file-9', fileID: 9, sizeBytes: 5, checksum: 0xdead_beef, metadata: noise(9, 7) }],
};

interface Content {
  sessions: Uint8Array;
  pieces: Uint8Array[];
  compression?: CompressionType;
  blockSizeBytes?: number;
}

async function write(disk: MemoryDisk, content: Content): Promise<number> {
  const { compression = 'none', blockSizeBytes = 64 } = content;
  const writer = await SnapshotFileWriter.create(disk, PATH, {
    compression,
    blockSizeBytes,
    clock: new ManualClock(),
    signal: never(),
  });
  await writer.writeSessions(content.sessions);
  for (const piece of content.pieces) await writer.write(piece);
  return writer.finish(description);
}

async function readAll(disk: MemoryDisk): Promise<{ sessions: Uint8Array; data: Uint8Array }> {
  const reader = await SnapshotFileReader.open(disk, PATH);
  try {
    const sessions = await reader.readSessions();
    return { sessions, data: await collect(reader) };
  } finally {
    await reader.close();
  }
}

/** Something that compresses well. */
const repetitive = (sizeBytes: number): Uint8Array => new Uint8Array(sizeBytes).map((_, i) => i % 7);

describe.each<CompressionType>(['none', 'snappy'])('a snapshot file, compression %s', (compression) => {
  it('gives back what was written, whatever the sizes', async () => {
    const size = fc.oneof(fc.constantFrom(0, 1, 15, 16, 17, 63, 64, 65, 127, 128, 129), fc.nat(600));
    const pieces = fc.array(fc.tuple(size, fc.boolean()), { maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(
        size,
        pieces,
        fc.constantFrom(1, 16, 64, 100),
        async (sessionSize, sizes, blockSizeBytes) => {
          const disk = new MemoryDisk();
          const content = {
            sessions: noise(1, sessionSize),
            pieces: sizes.map(([bytes, random], i) => (random ? noise(i, bytes) : repetitive(bytes))),
            compression,
            blockSizeBytes,
          };
          const sizeBytes = await write(disk, content);
          expect(disk.tree().get(PATH)).toBe(sizeBytes);
          const { sessions, data } = await readAll(disk);
          expect(Buffer.compare(sessions, content.sessions)).toBe(0);
          expect(Buffer.compare(data, Buffer.concat(content.pieces))).toBe(0);
          expect(await verifySnapshotFile(disk, PATH, never())).toMatchObject({ sizeBytes, description });
        },
      ),
      { numRuns: 60 },
    );
  });

  it('is checked whatever pieces it passes by in', async () => {
    const disk = new MemoryDisk();
    await write(disk, { sessions: noise(1, 70), pieces: [repetitive(300)], compression });
    const bytes = await disk.readFile(PATH);
    for (const step of [1, 3, 16, 17, 1000, 1024, 1025, bytes.length]) {
      const verifier = new SnapshotFileVerifier(PATH);
      for (let at = 0; at < bytes.length; at += step) verifier.push(bytes.subarray(at, at + step));
      expect(verifier.finish().description).toEqual(description);
    }
  });

  it('shows every single flipped bit, to the reader and to the check', async () => {
    const disk = new MemoryDisk();
    await write(disk, { sessions: noise(1, 40), pieces: [repetitive(90), noise(2, 30)], compression });
    const good = await disk.readFile(PATH);
    expect((await readAll(disk)).data).toHaveLength(120);
    const missed: string[] = [];
    for (let bit = 0; bit < good.length * 8; bit++) {
      const bad = good.slice();
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      disk.damage(PATH, () => bad);
      if ((await outcome(readAll(disk))) !== 'ERR_SNAPSHOT_CORRUPT') missed.push(`reader, bit ${bit}`);
      const check = verifySnapshotFile(disk, PATH, never());
      if ((await outcome(check)) !== 'ERR_SNAPSHOT_CORRUPT') missed.push(`check, bit ${bit}`);
      disk.operations.length = 0;
    }
    expect(missed).toEqual([]);
  });

  it('shows a cut at every offset, and anything behind its end', async () => {
    const disk = new MemoryDisk();
    await write(disk, { sessions: noise(1, 40), pieces: [noise(2, 130)], compression });
    const good = await disk.readFile(PATH);
    const missed: string[] = [];
    const variants = [
      ...Array.from({ length: good.length }, (_, size) => good.subarray(0, size)),
      Buffer.concat([good, new Uint8Array(1)]),
      Buffer.concat([good, new Uint8Array(BLOCK_HEADER_BYTES)]),
      Buffer.concat([good, good.subarray(SNAPSHOT_HEADER_BLOCK_BYTES)]),
    ];
    for (const bytes of variants) {
      disk.damage(PATH, () => bytes);
      if ((await outcome(readAll(disk))) !== 'ERR_SNAPSHOT_CORRUPT')
        missed.push(`reader, ${bytes.length} bytes`);
      const check = verifySnapshotFile(disk, PATH, never());
      if ((await outcome(check)) !== 'ERR_SNAPSHOT_CORRUPT') missed.push(`check, ${bytes.length} bytes`);
    }
    expect(missed).toEqual([]);
  });
});

async function outcome(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'fine';
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
}

describe('a snapshot file', () => {
  it('reports where it is damaged, and hands nothing of the damaged block on', async () => {
    const disk = new MemoryDisk();
    await write(disk, { sessions: noise(1, 10), pieces: [noise(2, 64 * 4)] });
    const second = SNAPSHOT_HEADER_BLOCK_BYTES + BLOCK_HEADER_BYTES + 10 + BLOCK_HEADER_BYTES + 64;
    disk.damage(PATH, (bytes) => bytes.fill(0, second + 40, second + 42));
    const reader = await SnapshotFileReader.open(disk, PATH);
    const got: number[] = [];
    const reading = (async () => {
      for await (const piece of reader) got.push(piece.length);
    })();
    await expect(reading).rejects.toMatchObject({
      code: 'ERR_SNAPSHOT_CORRUPT',
      details: { path: PATH, offset: second },
      message: `${PATH} is damaged at offset ${second}: wrong checksum of the block`,
    });
    expect(got).toEqual([64]);
    await reader.close();
  });

  it('is opened only with a whole description, which others than its reader rely upon', async () => {
    const disk = new MemoryDisk();
    await write(disk, { sessions: noise(1, 10), pieces: [noise(2, 64)] });
    const good = await disk.readFile(PATH);
    const start = SNAPSHOT_HEADER_BLOCK_BYTES + BLOCK_HEADER_BYTES + 10 + BLOCK_HEADER_BYTES + 64;
    expect(start).toBeLessThan(good.length);
    const missed: number[] = [];
    for (let bit = start * 8; bit < good.length * 8; bit++) {
      const bad = good.slice();
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      disk.damage(PATH, () => bad);
      if ((await outcome(SnapshotFileReader.open(disk, PATH))) !== 'ERR_SNAPSHOT_CORRUPT') missed.push(bit);
    }
    expect(missed).toEqual([]);
  });

  it('shows two whole blocks that have changed places', async () => {
    const disk = new MemoryDisk();
    await write(disk, { sessions: new Uint8Array(0), pieces: [noise(2, 128)] });
    disk.damage(PATH, (bytes) => {
      const size = BLOCK_HEADER_BYTES + 64;
      const first = bytes.slice(SNAPSHOT_HEADER_BLOCK_BYTES, SNAPSHOT_HEADER_BLOCK_BYTES + size);
      bytes.copyWithin(
        SNAPSHOT_HEADER_BLOCK_BYTES,
        SNAPSHOT_HEADER_BLOCK_BYTES + size,
        SNAPSHOT_HEADER_BLOCK_BYTES + 2 * size,
      );
      bytes.set(first, SNAPSHOT_HEADER_BLOCK_BYTES + size);
      return bytes;
    });
    expect(await outcome(readAll(disk))).toBe('ERR_SNAPSHOT_CORRUPT');
    expect(await outcome(verifySnapshotFile(disk, PATH, never()))).toBe('ERR_SNAPSHOT_CORRUPT');
  });

  it('can be read twice, and compresses what can be', async () => {
    const disk = new MemoryDisk();
    const data = repetitive(200_000);
    const sizeBytes = await write(disk, {
      sessions: new Uint8Array(0),
      pieces: [data],
      compression: 'snappy',
      blockSizeBytes: 65_536,
    });
    expect(sizeBytes).toBeLessThan(30_000);
    const reader = await SnapshotFileReader.open(disk, PATH);
    expect(Buffer.compare(await collect(reader), data)).toBe(0);
    expect(Buffer.compare(await collect(reader), data)).toBe(0);
    expect(reader.header).toMatchObject({ dataStoreSize: 200_000, sessionSize: 0 });
    await reader.close();
    await reader.close();
  });

  it('names no files outside of its folder', () => {
    const [file] = description.files;
    if (file === undefined) throw new Error('no file');
    const hostile = [
      [{ ...file, name: '../../etc/passwd' }],
      [{ ...file, name: 'external-file-8' }],
      [file, file],
      [file, { ...file, fileID: 8, name: 'external-file-8' }],
    ];
    for (const files of hostile) {
      const bytes = encodeDescription({ ...description, files });
      expect(() => decodeDescription(bytes, PATH, 0)).toThrow('the description can');
    }
    expect(decodeDescription(encodeDescription(description), PATH, 0)).toEqual(description);
  });

  it('is distinguished, with another format version, from a damaged one', async () => {
    const disk = new MemoryDisk();
    await write(disk, { sessions: noise(1, 40), pieces: [] });
    disk.damage(PATH, (bytes) => {
      const block = bytes.slice(0, SNAPSHOT_HEADER_BLOCK_BYTES);
      const newer = encodeHeaderBlock({ ...decodeHeaderBlock(block, PATH), version: 2 });
      bytes.set(newer);
      return bytes;
    });
    await expect(SnapshotFileReader.open(disk, PATH)).rejects.toMatchObject({
      code: 'ERR_INCOMPATIBLE_DATA',
    });
  });

  it('keeps a membership, and files, of any size', async () => {
    const disk = new MemoryDisk();
    const membership = emptyMembership();
    for (let id = 1; id <= 20_000; id++) membership.addresses.set(id, `some.host.example.org:${id}`);
    const writer = await SnapshotFileWriter.create(disk, PATH, {
      compression: 'none',
      clock: new ManualClock(),
      signal: never(),
    });
    await writer.finish({ ...description, membership });
    const { description: found } = await verifySnapshotFile(disk, PATH, never());
    expect(found.membership.addresses.get(20_000)).toBe('some.host.example.org:20000');
    const reader = await SnapshotFileReader.open(disk, PATH);
    expect(reader.description.membership.addresses.size).toBe(20_000);
    await reader.close();
  });
});

describe('SnapshotFileWriter', () => {
  const start = (disk: MemoryDisk, signal = never()): Promise<SnapshotFileWriter> =>
    SnapshotFileWriter.create(disk, PATH, {
      compression: 'none',
      clock: new ManualClock(),
      signal,
      blockSizeBytes: 64,
    });

  it('takes writes that are not awaited, in their order', async () => {
    const disk = new MemoryDisk();
    const writer = await start(disk);
    const pieces = Array.from({ length: 50 }, (_, i) => noise(i, 1 + ((i * 13) % 90)));
    for (const piece of pieces) void writer.write(piece);
    await writer.finish(description);
    expect(Buffer.compare((await readAll(disk)).data, Buffer.concat(pieces))).toBe(0);
  });

  it('fails permanently with its first error, also when nobody waited for it', async () => {
    const disk = new MemoryDisk();
    const writer = await start(disk);
    disk.failure = { at: disk.operations.length + 1, code: 'ENOSPC' };
    void writer.write(noise(1, 1000));
    await expect(writer.finish(description)).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(writer.write(noise(1, 1))).rejects.toMatchObject({ code: 'ENOSPC' });
    await writer.close();
  });

  it('stops when its signal aborts, and takes nothing after its end', async () => {
    const disk = new MemoryDisk();
    const abort = new AbortController();
    const writer = await start(disk, abort.signal);
    await writer.write(noise(1, 10));
    abort.abort();
    await expect(writer.write(noise(1, 10))).rejects.toMatchObject({ code: 'ERR_SNAPSHOT_STOPPED' });
    await writer.close();
    const other = await SnapshotFileWriter.create(disk, '/other', {
      compression: 'none',
      clock: new ManualClock(),
      signal: never(),
    });
    await other.finish(description);
    await expect(other.write(noise(1, 1))).rejects.toMatchObject({ code: 'ERR_INVALID_OPERATION' });
  });

  it('refuses what is no bytes', async () => {
    const disk = new MemoryDisk();
    const writer = await start(disk);
    await expect(writer.write('text' as unknown as Uint8Array)).rejects.toMatchObject({
      code: 'ERR_INVALID_OPTION',
    });
    await writer.close();
    await expect(
      SnapshotFileWriter.create(disk, '/x', {
        compression: 'none',
        clock: new ManualClock(),
        signal: never(),
        blockSizeBytes: MAX_BLOCK_BYTES + 1,
      }),
    ).rejects.toMatchObject({ code: 'ERR_INVALID_OPTION' });
  });

  it('waits for the disk: at most two blocks are on their way', async () => {
    const disk = new MemoryDisk();
    const held: (() => void)[] = [];
    const open = disk.open.bind(disk);
    disk.open = async (path, mode) => {
      const file = await open(path, mode);
      const write = file.write.bind(file);
      return Object.assign(file, {
        write: async (data: Uint8Array, offset: number) => {
          await new Promise<void>((resolve) => held.push(resolve));
          await write(data, offset);
        },
      });
    };
    const writer = await start(disk);
    let taken = 0;
    const writing = (async () => {
      for (let i = 0; i < 20; i++) {
        await writer.write(noise(i, 64));
        taken++;
      }
      return writer.finish(description);
    })();
    let done = false;
    void writing.then(() => (done = true));
    let written = 0;
    while (!done) {
      await new Promise((resolve) => setImmediate(resolve));
      expect(taken - written).toBeLessThanOrEqual(2);
      expect(held.length).toBeLessThanOrEqual(1);
      if (held.length > 0) written++;
      held.shift()?.();
    }
    expect(taken).toBe(20);
    expect((await readAll(disk)).data).toHaveLength(20 * 64);
  });
});

describe('snappy', () => {
  it('allocates no more than allowed, whatever the block says', async () => {
    const snappy = await loadSnappy();
    const small = await snappy.compress(repetitive(1000));
    expect(snappyLength(small)).toBe(1000);
    await expect(snappy.decompress(small, 999)).rejects.toThrow('a block of 1000 bytes, not 999');
    const bomb = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x0f, 0);
    await expect(snappy.decompress(bomb, 1000)).rejects.toThrow('a block of 4294967295 bytes, not 1000');
    expect(snappyLength(Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0x7f))).toBeUndefined();
    await expect(snappy.decompress(Uint8Array.of(0x80), 1000)).rejects.toThrow('a block of undefined bytes');
  });
});
