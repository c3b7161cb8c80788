import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type Socket, createConnection } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it } from '@jest/globals';
import { MAX_MESSAGE_BYTES, encodeMessageBatch, encodeSnapshotChunk } from '@drakkar/raftio';
import {
  RecordingSink,
  type TestHost,
  TestHosts,
  never,
  numberedBatch,
  numberedChunk,
  termsOf,
  until,
  heldBytes,
  takesAtMost,
} from '@drakkar/raftio/transport/testing';
import { createGrpcRaftRPC } from './index.js';
import { NUMBER_BYTES } from './message-numbers.js';
import { MESSAGES_PATH, SNAPSHOTS_PATH } from './service.js';
import { Http2Peer, framed } from './testing/http2-peer.js';

const hosts = new TestHosts(createGrpcRaftRPC);
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
  await hosts.stop();
});

const MIB = 1024 * 1024;
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const Status = { OK: 0, InvalidArgument: 3, ResourceExhausted: 8, Aborted: 10, Unimplemented: 12 };

/** That the host still serves, after whatever was done to it. */
async function expectAlive(host: TestHost): Promise<void> {
  const peer = await hosts.start();
  const before = host.received.length;
  const connection = await peer.rpc.getConnection(host.address, never);
  await connection.sendMessageBatch(numberedBatch(777));
  await until('the host still receives', () => host.received.length > before);
  expect(termsOf(host.received).at(-1)).toBe(777);
}

function rawClient(host: TestHost): { socket: Socket; answer: () => Buffer; closed: Promise<unknown> } {
  const socket = createConnection(host.port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.on('close', resolve));
  cleanups.push(() => socket.destroy());
  return { socket, answer: () => Buffer.concat(chunks), closed };
}

function peerOf(host: TestHost): Http2Peer {
  const peer = new Http2Peer(`http://${host.address}`);
  cleanups.push(() => {
    peer.destroy();
  });
  return peer;
}

/** A frame of HTTP/2. */
function frame(type: number, flags: number, streamID: number, payload = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(streamID, 5);
  return Buffer.concat([head, payload]);
}
const SETTINGS = frame(4, 0, 0);

describe('what is not gRPC', () => {
  it('is cut off when it is random bytes, at once or after the preface', async () => {
    const host = await hosts.start();
    for (let round = 0; round < 10; round += 1) {
      const { socket, closed } = rawClient(host);
      socket.write(Buffer.concat([Buffer.from(round % 2 === 0 ? '' : PREFACE), randomBytes(4096)]));
      await closed;
    }
    expect(host.received).toEqual([]);
    expect(host.warnings.length).toBeGreaterThan(0);
    await expectAlive(host);
  });

  it('is answered with 400 when it is HTTP/1', async () => {
    const host = await hosts.start();
    const { socket, answer, closed } = rawClient(host);
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    await closed;
    expect(answer().toString()).toMatch(/^HTTP\/1.1 400 /);
    expect(host.warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining('it does not speak gRPC'),
    ]);
  });

  it('is cut off in time when it stalls: silent, with the preface only, or without a call', async () => {
    const host = await hosts.start({ options: { handshakeTimeoutMs: 200 } });
    const silent = rawClient(host);
    const dripping = rawClient(host);
    dripping.socket.write(PREFACE.slice(0, 10));
    const greeting = rawClient(host);
    greeting.socket.write(PREFACE);
    const settled = rawClient(host);
    settled.socket.write(Buffer.concat([Buffer.from(PREFACE), SETTINGS]));
    await Promise.all([silent, dripping, greeting, settled].map(({ closed }) => closed));
    expect(host.warnings.map(({ message }) => message)).toContain(
      'a client did not complete its handshake in time',
    );
    await expectAlive(host);
  });

  it('is cut off soon when it breaks HTTP/2 in a way that Node.js does not report', async () => {
    const host = await hosts.start();
    const tooLong = Buffer.from([0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]);
    const badHeaders = frame(1, 4, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]));
    for (const bad of [tooLong, badHeaders]) {
      await takesAtMost(3000, async () => {
        const { socket, closed } = rawClient(host);
        socket.write(Buffer.concat([Buffer.from(PREFACE), SETTINGS, bad]));
        await closed;
      });
    }
    await expectAlive(host);
  });

  it('gets no room for huge headers', async () => {
    const host = await hosts.start();
    const peer = peerOf(host);
    const call = peer.call(MESSAGES_PATH, { 'x-a': 'a'.repeat(100_000) });
    call.stream.end(framed(encodeMessageBatch(numberedBatch(1))));
    expect((await call.ended).grpcStatus).toBeUndefined();
    expect(host.received).toEqual([]);
    await expectAlive(host);
  });

  it('may flood with pings and settings and read no answer: the host holds nothing', async () => {
    const host = await hosts.start();
    const { socket, closed } = rawClient(host);
    let isClosed = false;
    void closed.then(() => (isClosed = true));
    socket.write(Buffer.concat([Buffer.from(PREFACE), SETTINGS]));
    await until('the host answers', () => socket.bytesRead > 0);
    socket.pause();
    const ping = Buffer.concat([SETTINGS, frame(6, 0, 0, Buffer.alloc(8))]);
    const flood = Buffer.concat(Array.from({ length: 20_000 }, () => ping));
    const before = heldBytes();
    for (let round = 0; round < 20 && !isClosed; round += 1) {
      await Promise.race([new Promise((resolve) => socket.write(flood, resolve)), closed]);
    }
    expect(heldBytes() - before).toBeLessThan(32 * MIB);
    await expectAlive(host);
  });
});

describe('a client that speaks gRPC', () => {
  it('gets UNIMPLEMENTED for another path, and 415 for another kind of content', async () => {
    const host = await hosts.start();
    const peer = peerOf(host);
    expect(await peer.call('/transportpb.Transport/Other').ended).toMatchObject({
      grpcStatus: Status.Unimplemented,
    });
    expect(await peer.call('/other.Service/RaftMessage').ended).toMatchObject({
      grpcStatus: Status.Unimplemented,
    });
    expect(await peer.call(MESSAGES_PATH, { 'content-type': 'text/plain' }).ended).toMatchObject({
      httpStatus: 415,
    });
    await expectAlive(host);
  });

  it('gets INVALID_ARGUMENT for what is no batch; nothing after it is delivered, other streams go on', async () => {
    const host = await hosts.start();
    const peer = peerOf(host);
    const other = peer.call(MESSAGES_PATH);
    const call = peer.call(MESSAGES_PATH);
    call.stream.write(framed(encodeMessageBatch(numberedBatch(1))));
    call.stream.write(framed(Buffer.from([0x0a, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3])));
    call.stream.write(framed(encodeMessageBatch(numberedBatch(2))));
    const end = await call.ended;
    expect(end).toMatchObject({ grpcStatus: Status.InvalidArgument });
    expect(end.message).toContain('malformed content');
    expect(host.warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining('malformed content'),
    ]);
    other.stream.write(framed(encodeMessageBatch(numberedBatch(3))));
    await until('the other stream carries', () => termsOf(host.received).includes(3));
    expect(termsOf(host.received)).toEqual([1, 3]);
  });

  it('gets INVALID_ARGUMENT for what is no chunk, and the sink is closed', async () => {
    const sink = new RecordingSink();
    const host = await hosts.start({ chunkSinkFactory: () => sink });
    const call = peerOf(host).call(SNAPSHOTS_PATH);
    call.stream.write(framed(encodeSnapshotChunk(numberedChunk(0, 2, new Uint8Array(10)))));
    call.stream.write(framed(Buffer.from([0xff])));
    expect(await call.ended).toMatchObject({ grpcStatus: Status.InvalidArgument });
    expect(sink.closes).toBe(1);
    expect(sink.chunks.length).toBe(1);
  });

  it('gets RESOURCE_EXHAUSTED for a length above the limit, before any of it is read', async () => {
    const host = await hosts.start();
    const peer = peerOf(host);
    for (const length of [MAX_MESSAGE_BYTES + NUMBER_BYTES + 1, 0xffff_ffff]) {
      const before = process.memoryUsage().arrayBuffers;
      const call = peer.call(MESSAGES_PATH);
      call.stream.write(framed(new Uint8Array(0), { length }));
      expect(await call.ended).toMatchObject({ grpcStatus: Status.ResourceExhausted });
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MIB);
    }
    await expectAlive(host);
  });

  it('is refused when it compresses: a flag without it, rubbish, a bomb, a sound batch', async () => {
    // Made first: a connection without a call is closed after a while, and a bomb takes long to make.
    const charge = framed(gzipSync(Buffer.alloc(MAX_MESSAGE_BYTES + MIB)), { compressed: 1 });
    const host = await hosts.start({ options: { closeTimeoutMs: 20_000 } });
    const peer = peerOf(host);
    const flagged = peer.call(MESSAGES_PATH);
    flagged.stream.write(framed(gzipSync(encodeMessageBatch(numberedBatch(1))), { compressed: 1 }));
    expect(await flagged.ended).toMatchObject({ grpcStatus: Status.InvalidArgument });
    const gzip = { 'grpc-encoding': 'gzip' };
    const rubbish = peer.call(MESSAGES_PATH, gzip);
    rubbish.stream.write(framed(randomBytes(100), { compressed: 1 }));
    expect((await rubbish.ended).grpcStatus).not.toBe(Status.OK);
    const bomb = peer.call(MESSAGES_PATH, gzip);
    bomb.stream.write(charge);
    expect(await bomb.ended).toMatchObject({ grpcStatus: Status.ResourceExhausted });
    const sound = peer.call(MESSAGES_PATH, gzip);
    sound.stream.write(framed(gzipSync(encodeMessageBatch(numberedBatch(2))), { compressed: 1 }));
    expect(await sound.ended).toMatchObject({ grpcStatus: Status.ResourceExhausted });
    expect(host.received).toEqual([]);
    await expectAlive(host);
  });

  it('can vanish in the middle of a message', async () => {
    const host = await hosts.start();
    const peer = peerOf(host);
    const call = peer.call(MESSAGES_PATH);
    call.stream.write(framed(encodeMessageBatch(numberedBatch(1))).subarray(0, 12));
    await call.headers;
    peer.destroy();
    await expectAlive(host);
    expect(termsOf(host.received)).toEqual([777]);
  });

  it('is warned of a few times only when it does it a hundred times', async () => {
    const startMs = performance.now();
    const host = await hosts.start();
    const peer = peerOf(host);
    for (let round = 0; round < 100; round += 1) {
      const call = peer.call(MESSAGES_PATH);
      call.stream.write(framed(Buffer.from([0xff])));
      await call.ended;
    }
    expect(host.warnings.length).toBeGreaterThan(0);
    // Three in five seconds.
    expect(host.warnings.length).toBeLessThan(10 + ((performance.now() - startMs) / 5000) * 3);
  });

  it('is held to the bounds on calls and on connections', async () => {
    const host = await hosts.start({ options: { maxConnections: 2, maxStreamsPerConnection: 2 } });
    const [first, second] = [peerOf(host), peerOf(host)];
    const calls = [first.call(MESSAGES_PATH), first.call(MESSAGES_PATH), second.call(MESSAGES_PATH)];
    await Promise.all(calls.map(({ headers }) => headers));
    const third = first.call(MESSAGES_PATH);
    third.stream.write(framed(encodeMessageBatch(numberedBatch(3))));
    const refused = rawClient(host);
    await refused.closed;
    expect(host.warnings.map(({ message }) => message)).toEqual([expect.stringContaining('maxConnections')]);
    expect(host.received).toEqual([]);
    calls[0]?.stream.end();
    await until('the third call gets its turn', () => host.received.length === 1);
  });

  it('is not kept out by any number of clients that call nothing', async () => {
    const host = await hosts.start({ options: { maxConnections: 24, handshakeTimeoutMs: 120_000 } });
    const early = await (await hosts.start()).rpc.getConnection(host.address, never);
    await early.sendMessageBatch(numberedBatch(1));
    await until('one came before them', () => host.received.length === 1);
    const strangers = Array.from({ length: 60 }, () => rawClient(host));
    await Promise.all(strangers.map(({ socket }) => once(socket, 'connect')));
    await Promise.all(strangers.slice(0, 30).map(({ closed }) => closed));
    await expectAlive(host);
    await early.sendMessageBatch(numberedBatch(2));
    await until('who came before them is still there', () => host.received.length === 3);
    expect(host.warnings[0]?.message).toContain('too many');
  });

  it('loses its connection some time after its last call', async () => {
    const host = await hosts.start({ options: { closeTimeoutMs: 50 } });
    const peer = peerOf(host);
    const call = peer.call(MESSAGES_PATH);
    call.stream.end();
    expect(await call.ended).toMatchObject({ grpcStatus: Status.OK });
    await peer.closed;
    expect(peer.session.destroyed).toBe(true);
  });

  it('is given up when it falls silent', async () => {
    const host = await hosts.start({ options: { pingIntervalMs: 50, deadPeerTimeoutMs: 300 } });
    await takesAtMost(4000, async () => {
      const { socket, closed } = rawClient(host);
      socket.write(Buffer.concat([Buffer.from(PREFACE), SETTINGS, frame(4, 1, 0)]));
      await once(socket, 'data');
      await closed;
    });
  });
});
