import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { MAX_MESSAGE_BYTES, encodeMessageBatch } from '@drakkar/raftio';
import {
  RecordingSink,
  TestHosts,
  isSettled,
  never,
  numberedBatch,
  numberedChunk,
  settlesWithin,
  termsOf,
  until,
} from '@drakkar/raftio/transport/testing';
import { Method } from './frames.js';
import { encodeHello } from './hello.js';
import { type TcpTransportOptions, createTcpRaftRPC } from './index.js';
import { Link } from './link.js';
import { MessageConnection } from './message-connection.js';
import { RawPeers, frame } from './testing/wire.js';

const MIB = 1024 * 1024;
const hosts = new TestHosts<TcpTransportOptions>(createTcpRaftRPC);
const raw = new RawPeers();
const hostHello = frame(Method.Hello, encodeHello({ who: 'host' }));

afterEach(async () => {
  await hosts.stop();
  await raw.end();
});

/** A server that lets clients in as `peers` do, and reads nothing. */
function silentServer(peers: TcpTransportOptions['peers'], sockets: Socket[] = []): Promise<string> {
  return raw.server((socket) => {
    sockets.push(socket);
    socket.pause();
    if (peers === 'drakkar') socket.write(hostHello);
  });
}

describe.each(['drakkar', 'dragonboat'] as const)('a connection for messages to hosts of %s', (peers) => {
  it('makes its sender wait for a peer that does not read, and delivers all when it does', async () => {
    const sockets: Socket[] = [];
    const address = await silentServer(peers, sockets);
    const host = await hosts.start({ options: { peers, highWaterMarkBytes: MIB } });
    const connection = await host.rpc.getConnection(address, never);
    let taken = 0;
    let takenBytes = 0;
    const payload = new Uint8Array(MIB / 4);
    const sending = (async () => {
      for (; taken < 200; taken += 1) {
        await connection.sendMessageBatch(numberedBatch(taken, payload));
        takenBytes += payload.length;
      }
    })();
    expect(await settlesWithin(sending, 500)).toBe(false);
    expect(takenBytes).toBeLessThan(40 * MIB);
    let arrivedBytes = 0;
    sockets[0]?.on('data', (bytes: Buffer) => (arrivedBytes += bytes.length)).resume();
    await sending;
    await until('all of it has arrived', () => arrivedBytes > 200 * payload.length);
  });

  it('carries the largest batch, refuses a larger one, and goes on', async () => {
    const [a, b] = [await hosts.start({ options: { peers } }), await hosts.start({ options: { peers } })];
    const connection = await a.rpc.getConnection(b.address, never);
    const overhead = encodeMessageBatch(numberedBatch(1, new Uint8Array(MIB))).length - MIB + 16;
    const most = new Uint8Array(MAX_MESSAGE_BYTES - overhead);
    await expect(
      connection.sendMessageBatch(numberedBatch(1, new Uint8Array(MAX_MESSAGE_BYTES))),
    ).rejects.toMatchObject({ code: 'ERR_MESSAGE_TOO_LARGE' });
    await connection.sendMessageBatch(numberedBatch(2, most));
    await until('it is there', () => termsOf(b.received).includes(2));
    expect(b.received[0]?.requests[0]?.entries[0]?.cmd.length).toBe(most.length);
  });

  it('refuses what is pending when it is cut, and reports the reason', async () => {
    const sockets: Socket[] = [];
    const address = await silentServer(peers, sockets);
    const host = await hosts.start({ options: { peers, highWaterMarkBytes: 1 } });
    const connection = await host.rpc.getConnection(address, never);
    const sends = [1, 2, 3].map((term) =>
      connection.sendMessageBatch(numberedBatch(term, new Uint8Array(16 * MIB))),
    );
    const outcomes = Promise.allSettled(sends);
    await until('the connection is there', () => sockets.length === 1);
    sockets[0]?.resetAndDestroy();
    const codes = (await outcomes).map((each) =>
      each.status === 'rejected' ? (each.reason as { code: unknown }).code : 'taken',
    );
    expect(codes).toEqual(['ERR_CONNECTION_CLOSED', 'ERR_CONNECTION_CLOSED', 'ERR_CONNECTION_CLOSED']);
    expect(await connection.closed).toBeInstanceOf(Error);
  });
});

describe('a snapshot stream', () => {
  it('keeps to its window of chunks that the receiver has not taken', async () => {
    const options = { snapshotWindowBytes: 2 * MIB };
    const sink = new RecordingSink();
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    sink.gate = () => opened.then(() => true);
    const a = await hosts.start({ options });
    const b = await hosts.start({ chunkSinkFactory: () => sink });
    const stream = await a.rpc.getSnapshotConnection(b.address, never);
    let sent = 0;
    const sending = (async () => {
      for (; sent < 8; sent += 1) await stream.sendSnapshotChunk(numberedChunk(sent, 8, new Uint8Array(MIB)));
      await stream.finish();
    })();
    await until('the first chunk is handed over', () => sink.chunks.length === 1);
    expect(await settlesWithin(sending, 200)).toBe(false);
    expect(sent).toBeLessThan(3);
    expect(sink.maxConcurrent).toBe(1);
    open();
    await sending;
    expect([sink.chunks.length, sink.maxConcurrent, sink.closes]).toEqual([8, 1, 1]);
  });

  it('waits for a slow receiver among hosts of Dragonboat, and is complete when it has read all', async () => {
    const peers = 'dragonboat' as const;
    const sink = new RecordingSink();
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    sink.gate = () => opened.then(() => true);
    const a = await hosts.start({ options: { peers, snapshotWindowBytes: MIB } });
    const b = await hosts.start({ options: { peers }, chunkSinkFactory: () => sink });
    const stream = await a.rpc.getSnapshotConnection(b.address, never);
    let sent = 0;
    const sending = (async () => {
      for (; sent < 40; sent += 1) {
        await stream.sendSnapshotChunk(numberedChunk(sent, 40, new Uint8Array(MIB)));
      }
      await stream.finish();
    })();
    expect(await settlesWithin(sending, 300)).toBe(false);
    expect([sink.chunks.length, sent < 40]).toEqual([1, true]);
    open();
    await sending;
    expect([sink.chunks.length, sink.maxConcurrent, sink.closes]).toEqual([40, 1, 1]);
  });

  it('waits for the end, however long, when a host of Dragonboat stores the last chunk slowly', async () => {
    const sockets: Socket[] = [];
    const address = await raw.server((socket) => sockets.push(socket));
    const host = await hosts.start({ options: { peers: 'dragonboat', deadPeerTimeoutMs: 100 } });
    const stream = await host.rpc.getSnapshotConnection(address, never);
    await stream.sendSnapshotChunk(numberedChunk(0, 1, new Uint8Array(10)));
    const finished = stream.finish();
    expect(await settlesWithin(finished, 500)).toBe(false);
    sockets[0]?.resume(); // It ends when it has read the end.
    await finished;
  });

  it('fails when a host of Dragonboat hangs up in the middle', async () => {
    const address = await raw.server((socket) => socket.once('data', () => socket.end()));
    const host = await hosts.start({ options: { peers: 'dragonboat' } });
    const stream = await host.rpc.getSnapshotConnection(address, never);
    await stream.sendSnapshotChunk(numberedChunk(0, 2, new Uint8Array(10)));
    const failure = expect.objectContaining({ code: 'ERR_CONNECTION_CLOSED' });
    await until('it is noticed', () => {
      stream.sendSnapshotChunk(numberedChunk(1, 2, new Uint8Array(10))).catch(() => (noticed = true));
      return noticed;
    });
    await expect(stream.finish()).rejects.toEqual(failure);
  });
  let noticed = false;
});

describe('a peer', () => {
  it('is given up when it falls silent, and not when it merely has nothing to say', async () => {
    const options = { pingIntervalMs: 20, deadPeerTimeoutMs: 300 };
    const [a, b] = [await hosts.start({ options }), await hosts.start({ options })];
    const address = await silentServer('drakkar');
    const idle = await a.rpc.getConnection(b.address, never);
    const connection = await a.rpc.getConnection(address, never);
    expect((await connection.closed)?.message).toMatch(/no sign of life from .* for 300 ms/);
    expect(await settlesWithin(idle.closed, 700)).toBe(false);
  });

  it('is given up when it is a host of Dragonboat and stops in the middle of a frame, and not between frames', async () => {
    const options = { peers: 'dragonboat', deadPeerTimeoutMs: 200 } as const;
    const host = await hosts.start({ options });
    const whole = frame(Method.Batch, encodeMessageBatch(numberedBatch(1)));
    const idle = raw.client(host.port, whole);
    const stuck = raw.client(host.port, whole, whole.subarray(0, 40));
    await stuck.ended;
    expect(await settlesWithin(idle.ended, 500)).toBe(false);
    expect(termsOf(host.received)).toEqual([1, 1]);
  });

  it('is given up when it is a host of Dragonboat and reads nothing of what it is sent', async () => {
    const host = await hosts.start({ options: { peers: 'dragonboat', deadPeerTimeoutMs: 50 } });
    const connection = await host.rpc.getConnection(await silentServer('dragonboat'), never);
    const send = connection.sendMessageBatch(numberedBatch(1, new Uint8Array(32 * MIB)));
    await expect(send).rejects.toMatchObject({ message: expect.stringMatching(/nothing passed .* 200 ms/) });
  });

  it('is not given up while a sink is slow', async () => {
    const options = { pingIntervalMs: 20, deadPeerTimeoutMs: 200 };
    const sink = new RecordingSink();
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    sink.gate = () => opened.then(() => true);
    const a = await hosts.start({ options });
    const b = await hosts.start({ options, chunkSinkFactory: () => sink });
    const stream = await a.rpc.getSnapshotConnection(b.address, never);
    await stream.sendSnapshotChunk(numberedChunk(0, 1, new Uint8Array(100)));
    const finish = stream.finish();
    expect(await settlesWithin(finish, 700)).toBe(false);
    open();
    await finish;
    expect(sink.closes).toBe(1);
  });
});

describe('a batch that is pending', () => {
  it('is refused although a dead socket reports its write as done', async () => {
    let report: (() => void) | undefined;
    // Like a socket of node:net: destroyed in the middle of a write, it says that the write is done.
    const duplex = new Duplex({
      read: () => undefined,
      writev: (_chunks, callback) => {
        report = callback;
      },
      emitClose: false,
    });
    const socket = Object.assign(duplex, { setTimeout: () => undefined, bytesRead: 0 }) as unknown as Socket;
    const handlers = { limitOf: () => undefined, onFrame: () => undefined, onClosed: () => undefined };
    const options = { deadPeerTimeoutMs: 1000, closeTimeoutMs: 1000 };
    const link = new Link(socket, 'peer', { peers: 'drakkar', ...options }, handlers);
    const connection = new MessageConnection(link, 'drakkar', 1, () => undefined);
    const sent = connection.sendMessageBatch(numberedBatch(1));
    sent.catch(() => undefined);
    await until('it is being written', () => report !== undefined);
    socket.destroy();
    report?.();
    expect(await isSettled(sent)).toBe(false);
    socket.emit('close');
    await expect(sent).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
  });
});
