import { describe, expect, it } from '@jest/globals';
import { encodeMessageBatch } from '../raftpb/message-codec.js';
import { makeEntry } from '../raftpb/entry.js';
import { type Message, type MessageBatch, MessageType, makeMessage } from '../raftpb/types.js';
import { BatchWatch, type FrameHead, StreamWatch } from './batch-watch.js';

const LARGE_BYTES = 200 * 1024;

function message(type: MessageType, clusterID: number, sizeBytes = 0): Message {
  const cmd = new Uint8Array(sizeBytes).fill(0xff);
  const entries = sizeBytes === 0 ? [] : [makeEntry({ term: 4, index: 1, cmd })];
  return makeMessage({ type, from: 1, to: 2, clusterID, term: 300 + clusterID, entries });
}

const batchOf = (requests: Message[]): MessageBatch => ({
  requests,
  deploymentID: 1,
  sourceAddress: 'a:1',
  binVer: 210,
});

const MIXED = batchOf([
  message(MessageType.Heartbeat, 1),
  message(MessageType.HeartbeatResp, 2),
  message(MessageType.Replicate, 3, LARGE_BYTES),
  message(MessageType.Heartbeat, 4),
  message(MessageType.Replicate, 5, LARGE_BYTES),
  message(MessageType.Heartbeat, 6),
]);

/** After each piece the groups that were reported, each with its term. */
function reportsOf(bytes: Uint8Array, pieceBytes: number): string[] {
  const reports: string[] = [];
  let last = '';
  const watch = new BatchWatch((messages) => {
    last = messages.map(({ clusterID, term, from, to }) => `${clusterID}@${term} ${from}>${to}`).join(', ');
  });
  watch.begin(bytes.length);
  for (let at = 0; at + pieceBytes < bytes.length; at += pieceBytes) {
    const piece = bytes.slice(at, at + pieceBytes);
    watch.add(piece);
    piece.fill(0); // It is not the watch's to keep.
    if (reports.at(-1) !== last) reports.push(last);
  }
  return reports;
}

describe('BatchWatch', () => {
  it.each([1, 7, 64, 1_000, 65_536])(
    'reports messages of leaders as they begin, and none that has not, in pieces of %d bytes',
    (pieceBytes) => {
      const reports = reportsOf(encodeMessageBatch(MIXED), pieceBytes);
      const first = '1@301 1>2, 3@303 1>2';
      const all = `${first}, 4@304 1>2, 5@305 1>2`;
      expect(reports.at(-1)).toBe(all);
      expect(reports).toContain(first);
      for (const report of reports) expect(all.startsWith(report)).toBe(true);
    },
  );

  it('says nothing of a small batch', () => {
    const small = batchOf([
      message(MessageType.Replicate, 1, 1_000),
      message(MessageType.Replicate, 2, 1_000),
    ]);
    expect(reportsOf(encodeMessageBatch(small), 500)).toEqual(['']);
  });

  it('is not held up by what is no batch', () => {
    for (const byte of [0x00, 0x0a, 0x0b, 0x10, 0xff]) {
      const bytes = new Uint8Array(LARGE_BYTES).fill(byte);
      expect(() => reportsOf(bytes, 1_000)).not.toThrow();
    }
  });

  it('says nothing of an earlier batch, nor of one that is whole', () => {
    const heard: number[] = [];
    const watch = new BatchWatch((messages) => messages.forEach(({ clusterID }) => heard.push(clusterID)));
    for (const clusterID of [1, 2]) {
      const bytes = encodeMessageBatch(batchOf([message(MessageType.Replicate, clusterID, LARGE_BYTES)]));
      watch.begin(bytes.length);
      watch.add(bytes.subarray(0, 1_000));
    }
    expect(heard).toEqual([1, 2]);
    watch.begin(100);
    watch.add(new Uint8Array(50));
    expect(heard).toEqual([1, 2]);
  });

  it('reports a bounded number of messages', () => {
    let most = 0;
    const watch = new BatchWatch((messages) => (most = Math.max(most, messages.length)));
    const many = Array.from({ length: 10_000 }, (_, i) => message(MessageType.Heartbeat, i + 1));
    const bytes = encodeMessageBatch(batchOf(many));
    watch.begin(bytes.length);
    watch.add(bytes.subarray(0, bytes.length - 1));
    expect(most).toBe(64);
  });
});

/** A length of two bytes before each batch, in KiB, and a byte that says that it is a frame. */
function headOf(bytes: Uint8Array): FrameHead {
  if (bytes[0] !== 1) throw new RangeError('no frame');
  if (bytes.length < 5) return undefined;
  const [, a = 0, b = 0, c = 0, d = 0] = bytes;
  return { headBytes: 5, batchBytes: ((a << 24) | (b << 16) | (c << 8) | d) >>> 0 };
}

function framed(batch: Uint8Array): Uint8Array {
  const head = Buffer.alloc(5);
  head[0] = 1;
  head.writeUInt32BE(batch.length, 1);
  return Buffer.concat([head, batch]);
}

describe('StreamWatch', () => {
  it.each([1, 5, 999, 65_536, 1_000_000])(
    'finds the large batches of a stream, in pieces of %d bytes',
    (size) => {
      const small = framed(encodeMessageBatch(batchOf([message(MessageType.Heartbeat, 9)])));
      const large = framed(encodeMessageBatch(MIXED));
      const other = framed(encodeMessageBatch(batchOf([message(MessageType.Replicate, 8, LARGE_BYTES)])));
      const stream = Buffer.concat([small, small, large, small, other, small]);
      const groups = new Set<number>();
      const watch = new StreamWatch(
        (messages) => messages.forEach(({ clusterID }) => groups.add(clusterID)),
        headOf,
      );
      for (let at = 0; at < stream.length; at += size) {
        const piece = Uint8Array.prototype.slice.call(stream, at, at + size);
        watch.read(piece);
        piece.fill(0); // It is not the watch's to keep.
      }
      // All of it at once is nothing that anybody waits for.
      expect([...groups]).toEqual(size > stream.length ? [] : [1, 3, 4, 5, 8]);
    },
  );

  it('gives up on what is no frame, in silence', () => {
    let reports = 0;
    const watch = new StreamWatch(() => (reports += 1), headOf);
    for (let i = 0; i < 100; i += 1) watch.read(new Uint8Array(10_000).fill(0x0a));
    expect(reports).toBe(0);
    expect(watch).toMatchObject({ isLost: true, isMidBatch: false });
  });

  it.each([1, 7])('knows between which bytes a batch is not whole, in pieces of %d', (size) => {
    const one = framed(encodeMessageBatch(batchOf([message(MessageType.Heartbeat, 9)])));
    const stream = Buffer.concat([one, one]);
    const watch = new StreamWatch(() => undefined, headOf);
    expect(watch.isMidBatch).toBe(false);
    for (let at = 0; at < stream.length; at += size) {
      watch.read(stream.subarray(at, at + size));
      expect(watch.isMidBatch).toBe(Math.min(at + size, stream.length) % one.length !== 0);
    }
    expect(watch.isLost).toBe(false);
  });

  it('counts the frames that come in the midst of a batch, as when its length was damaged', () => {
    const watch = new StreamWatch(() => undefined, headOf);
    const one = framed(encodeMessageBatch(batchOf([message(MessageType.Heartbeat, 9)])));
    const large = framed(new Uint8Array(100_000));
    watch.read(large.subarray(0, 1_000));
    watch.read(large.subarray(1_000, 2_000));
    expect(watch.framesWithin).toBe(0);
    watch.read(one);
    watch.read(Buffer.concat([one, one]));
    watch.read(one.subarray(1));
    expect(watch.framesWithin).toBe(2);
    watch.read(new Uint8Array(100_000));
    expect(watch.framesWithin).toBe(0);
  });
});
