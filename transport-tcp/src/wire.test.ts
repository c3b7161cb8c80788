import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type MessageBatch,
  MessageType,
  decodeDragonboatBatch,
  decodeMessageBatch,
  decodeSnapshotChunk,
  encodeMessageBatch,
  encodeSnapshotChunk,
  makeMessage,
} from '@drakkar/raftio';
import { RecordingSink, TestHosts, never, numberedBatch, until } from '@drakkar/raftio/transport/testing';
import { FrameReader } from './frame-reader.js';
import { Method, encodeFrame } from './frames.js';
import { decodeFarewell, decodeHello, encodeHello } from './hello.js';
import { createTcpRaftRPC } from './index.js';
import { HELLO_MESSAGES, RawPeers, frame, goldenFrames, payloadOf } from './testing/wire.js';

const hosts = new TestHosts(createTcpRaftRPC);
const raw = new RawPeers();
const dragonboat = { options: { peers: 'dragonboat' } } as const;
const ofDragonboat = goldenFrames('frames-dragonboat.jsonl');
const ofDrakkar = goldenFrames('frames-drakkar.jsonl');

afterEach(async () => {
  await hosts.stop();
  await raw.end();
});

function framesOf(bytes: Uint8Array, pieceBytes: number): [number, Uint8Array][] {
  const frames: [number, Uint8Array][] = [];
  const reader = new FrameReader({
    limitOf: () => bytes.length,
    onFrame: (method, payload) => frames.push([method, payload]),
    isPaused: () => false,
    onDamaged: () => undefined,
  });
  for (let at = 0; at < bytes.length; at += pieceBytes) reader.push(bytes.subarray(at, at + pieceBytes));
  return frames;
}

function decodeDragonboat(payload: Uint8Array): MessageBatch {
  return decodeDragonboatBatch(payload);
}

function golden(what: string): Uint8Array {
  const found = ofDrakkar.find((each) => each.what === what);
  if (found === undefined) throw new Error(`no golden frame: ${what}`);
  return payloadOf(found);
}

describe('frames', () => {
  it.each([...ofDragonboat, ...ofDrakkar])('encodes as the golden bytes have it: $what', (each) => {
    const pieces = encodeFrame(each.method, payloadOf(each));
    expect(Buffer.concat(pieces).toString('hex')).toBe(each.frame.toString('hex'));
  });

  it.each([1, 2, 7, 16, 17, 100_000])('reads golden bytes that come in pieces of %i bytes', (pieceBytes) => {
    const all = [...ofDragonboat, ...ofDrakkar];
    const frames = framesOf(Buffer.concat(all.map((each) => each.frame)), pieceBytes);
    expect(frames.map(([method]) => method)).toEqual(all.map(({ method }) => method));
    frames.forEach(([, payload], i) => {
      expect(Buffer.from(payload).equals(payloadOf(all[i] as (typeof all)[0]))).toBe(true);
    });
  });

  it('holds a frame that comes in small pieces in a few large ones', () => {
    const payload = new Uint8Array(300_000).map((_, i) => i % 251);
    const bytes = frame(Method.Batch, payload);
    const frames: Uint8Array[] = [];
    const reader = new FrameReader({
      limitOf: () => bytes.length,
      onFrame: (_method, whole) => frames.push(whole),
      isPaused: () => false,
      onDamaged: () => undefined,
    });
    let most = 0;
    for (let at = 0, pieceBytes = 1; at < bytes.length; at += pieceBytes, pieceBytes = 1 + (at % 7)) {
      // Each in memory of its own, as a socket gives it.
      reader.push(new Uint8Array(bytes.subarray(at, at + pieceBytes)));
      most = Math.max(most, reader.pieceCount);
    }
    expect(most).toBeLessThan(bytes.length / 4096 + 16);
    expect(frames.map((whole) => Buffer.compare(whole, payload))).toEqual([0]);
  });

  it('gives payloads that no later bytes change', () => {
    const bytes = Buffer.concat([frame(Method.Batch, new Uint8Array(100).fill(1)), Buffer.alloc(100_000)]);
    const [[, payload] = [0, new Uint8Array(0)]] = framesOf(bytes.subarray(0, 116), 116);
    bytes.fill(9);
    expect(payload.every((byte) => byte === 1)).toBe(true);
  });
});

describe('hellos', () => {
  it('say who speaks, and whom it means, as the golden bytes have it', () => {
    const [from, to] = ['10.0.0.1:4000', 'host-2.example:4000'];
    for (const [hello, what] of [
      [{ who: 'messages', from, to }, 'hello of a client, messages'],
      [{ who: 'snapshot', from, to }, 'hello of a client, snapshot'],
      [{ who: 'messages', from, to: undefined }, 'hello of a client that means nobody in particular'],
      [{ who: 'host', from: to, to: undefined }, 'hello of the host'],
    ] as const) {
      expect(Buffer.from(encodeHello(hello)).toString()).toBe(Buffer.from(golden(what)).toString());
      expect(decodeHello(golden(what))).toEqual(hello);
    }
    expect(decodeFarewell(golden('farewell'))).toMatch(/^this host is host-3.example:4000, not/);
  });

  it('are refused when they are of another version, with any content', () => {
    const other = Buffer.from('drakkar-tcp/2\u001b[2J messages');
    expect(() => decodeHello(other)).toThrow('it speaks "drakkar-tcp/2?[2J", this host speaks drakkar-tcp/1');
    expect(decodeHello(Buffer.from('drakkar-tcp/1 host\na:1\n\nof a later version'))).toMatchObject({
      who: 'host',
      from: 'a:1',
    });
  });
});

describe('a host among those of Dragonboat', () => {
  const [election, entry] = ofDragonboat;
  const chunk = ofDragonboat.find(({ method }) => method === Method.Chunk);
  if (election === undefined || entry === undefined || chunk === undefined) throw new Error('golden frames');

  it('sends batches byte for byte as such hosts do, and nothing else', async () => {
    const sent: Buffer[] = [];
    const address = await raw.server((socket) => socket.on('data', (bytes: Buffer) => sent.push(bytes)));
    const host = await hosts.start(dragonboat);
    const connection = await host.rpc.getConnection(address, never);
    for (const each of [election, entry]) {
      await connection.sendMessageBatch(decodeDragonboat(payloadOf(each)));
    }
    const expected = Buffer.concat([election.frame, entry.frame]).toString('hex');
    await until('both are sent', () => Buffer.concat(sent).length >= expected.length / 2);
    expect(Buffer.concat(sent).toString('hex')).toBe(expected);
  });

  it('sends the chunks of a snapshot likewise, and takes the end of the connection for the end', async () => {
    const sent: Buffer[] = [];
    const address = await raw.server((socket) => socket.on('data', (bytes: Buffer) => sent.push(bytes)));
    const host = await hosts.start(dragonboat);
    const connection = await host.rpc.getSnapshotConnection(address, never);
    await connection.sendSnapshotChunk(decodeSnapshotChunk(payloadOf(chunk)));
    await connection.finish();
    // The members in it are a map, which Go writes in any order.
    const [[method, payload] = [0, new Uint8Array(0)], ...others] = framesOf(Buffer.concat(sent), 500);
    expect([method, others]).toEqual([Method.Chunk, []]);
    expect(decodeSnapshotChunk(payload)).toEqual(decodeSnapshotChunk(payloadOf(chunk)));
  });

  it('takes batches and chunks on one connection, one snapshot after another', async () => {
    const sink = new RecordingSink();
    const host = await hosts.start({ ...dragonboat, chunkSinkFactory: () => sink });
    const last = decodeSnapshotChunk(payloadOf(chunk));
    // Go gives no checksum, which ours have at their end.
    const encode = (chunkID: number): Uint8Array => encodeSnapshotChunk({ ...last, chunkID }).subarray(0, -6);
    const chunks = [0, 1, 2].map((chunkID) => frame(Method.Chunk, encode(chunkID)));
    const { socket } = raw.client(
      host.port,
      election.frame,
      ...chunks,
      entry.frame,
      ...chunks.slice(0, 2),
      ...chunks,
    );
    await until('all has come', () => sink.chunks.length === 8);
    expect(sink.chunks.map(({ chunkID }) => chunkID)).toEqual([0, 1, 2, 0, 1, 0, 1, 2]);
    expect([sink.maxConcurrent, sink.closes]).toEqual([1, 0]);
    socket.end();
    await until('the sink is closed', () => sink.closes === 1);
    expect(host.received).toEqual([election, entry].map((each) => decodeDragonboat(payloadOf(each))));
    expect(host.rpc.counters?.()).toMatchObject({ clientsWithoutHello: 1 });
  });

  it('ends a connection whose chunk it refuses', async () => {
    const sink = new RecordingSink();
    sink.gate = () => Promise.resolve(false);
    const host = await hosts.start({ ...dragonboat, chunkSinkFactory: () => sink });
    await raw.client(host.port, chunk.frame, chunk.frame, entry.frame).ended;
    expect([sink.chunks.length, sink.closes, host.received.length]).toEqual([1, 1, 0]);
  });

  it('sends nothing at which the process of such a host could end, and counts it', async () => {
    const [a, b] = [await hosts.start(dragonboat), await hosts.start(dragonboat)];
    const connection = await a.rpc.getConnection(b.address, never);
    expect(await connection.peerKind).toBe('dragonboat');
    const batch = numberedBatch(2);
    const preVote = makeMessage({ type: MessageType.RequestPreVote, from: 1, to: 2, clusterID: 3, term: 9 });
    await connection.sendMessageBatch({ ...batch, requests: [preVote] });
    await connection.sendMessageBatch({ ...batch, requests: [preVote, ...batch.requests] });
    await until('a batch is there', () => b.received.length === 1);
    expect(b.received[0]?.requests.map(({ type }) => type)).toEqual([MessageType.Replicate]);
    expect(a.rpc.counters?.()).toMatchObject({ withheldMessages: 2 });
    expect(a.warnings[0]?.message).toMatch(/withheld from a host of Dragonboat/);
  });

  it('asks a host with the other setting to change it, and is asked the same', async () => {
    const go = await hosts.start(dragonboat);
    const ours = await hosts.start();
    await expect(ours.rpc.getConnection(go.address, never)).rejects.toMatchObject({
      code: 'ERR_CONNECT_FAILED',
      message: expect.stringMatching(/refused.*set the same on every host/),
    });
    const connection = await go.rpc.getConnection(ours.address, never);
    await connection.sendMessageBatch(decodeDragonboat(payloadOf(entry)));
    expect((await connection.closed)?.message).toMatch(/closed|lost|broke/);
    expect(ours.warnings[0]?.message).toMatch(/without a hello, as Dragonboat does.*peers: 'dragonboat'/);
    expect(ours.received).toEqual([]);
  });
});

describe('a host among its own kind', () => {
  it('says hello before anything else, and then sends frames as the golden bytes have them', async () => {
    const sent: Buffer[] = [];
    const answer = frame(Method.Hello, encodeHello({ who: 'host', from: 'host-2.example:4000' }));
    const address = await raw.server((socket) => {
      socket.on('data', (bytes: Buffer) => sent.push(bytes));
      socket.write(answer);
    });
    const host = await hosts.start();
    const connection = await host.rpc.getConnection(address, never, 'host-2.example:4000');
    const batch = golden('batch as version 0.1 encodes it');
    await connection.sendMessageBatch(decodeMessageBatch(batch));
    const to = 'host-2.example:4000';
    const hello = frame(Method.Hello, encodeHello({ who: 'messages', from: host.address, to }));
    await until('the batch is sent', () => Buffer.concat(sent).length >= hello.length + 16 + batch.length);
    expect(Buffer.concat(sent).subarray(0, hello.length).equals(hello)).toBe(true);
    const [next] = framesOf(Buffer.concat(sent).subarray(hello.length), 1000);
    expect(next?.[0]).toBe(Method.Batch);
  });

  it('takes a batch that comes in single bytes', async () => {
    const host = await hosts.start();
    const batch = encodeMessageBatch(numberedBatch(7));
    const bytes = Buffer.concat([frame(Method.Hello, HELLO_MESSAGES), frame(Method.Batch, batch)]);
    const { socket } = raw.client(host.port);
    socket.setNoDelay(true);
    for (const byte of bytes) socket.write(Uint8Array.of(byte));
    await until('the batch is there', () => host.received.length === 1);
    expect(host.received).toEqual([decodeMessageBatch(batch)]);
  });
});
