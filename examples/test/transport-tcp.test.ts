import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import { encodeMessageBatch } from '@drakkar/raftio';
import {
  type CreateTransport,
  TestHosts,
  isSettled,
  mutualTLSTests,
  never,
  numberedBatch,
  settlesWithin,
  termsOf,
  until,
} from '@drakkar/raftio/transport/testing';
import { FrameType, encodeHeader, helloOf } from '../transport-tcp/src/frames.js';
import { adapterModule } from '../transport-tcp/src/index.js';
import { Link } from '../transport-tcp/src/link.js';
import { type TcpOptions, resolveOptions } from '../transport-tcp/src/options.js';
import { MessageConnection } from '../transport-tcp/src/outbound.js';
import { TcpRaftRPC } from '../transport-tcp/src/tcp-raft-rpc.js';

/** What it has in common with every transport is asked by `npm run conformance`; here is what is its own. */
const create: CreateTransport<Partial<TcpOptions>> = (config, handler, sinks, options = {}) =>
  new TcpRaftRPC(config, handler, sinks, resolveOptions(options));

mutualTLSTests(create);

const hosts = new TestHosts(create);
const sockets = new Set<Socket>();
let server: Server | undefined;

afterEach(async () => {
  await hosts.stop();
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  const closing = server;
  server = undefined;
  if (closing !== undefined) await new Promise((resolve) => closing.close(resolve));
});

const frame = (type: FrameType, payload: Uint8Array): Buffer =>
  Buffer.concat([encodeHeader(type, payload), payload]);
const hello = frame(FrameType.Hello, helloOf('messages'));

/** A client that has said what it wants to say, and what it has heard. */
function client(port: number, ...words: Uint8Array[]): { socket: Socket; ended: Promise<unknown> } {
  const socket = connect(port, '127.0.0.1');
  sockets.add(socket);
  socket.on('error', () => undefined).resume();
  for (const word of words) socket.write(word);
  return { socket, ended: once(socket, 'close') };
}

/** A server that accepts, and then does what it is told. */
async function serverThat(does: (socket: Socket) => void): Promise<string> {
  server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    does(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('the transport on TCP', () => {
  it('is a transport with every capability', () => {
    expect(adapterModule.kind).toBe('transport');
    expect(adapterModule.capabilities).toEqual({ mutualTLS: true, snapshots: true, network: true });
  });

  it('takes a batch that comes in single bytes', async () => {
    const host = await hosts.start();
    const bytes = Buffer.concat([hello, frame(FrameType.Data, encodeMessageBatch(numberedBatch(7)))]);
    const { socket } = client(host.port);
    socket.setNoDelay(true);
    for (const byte of bytes) socket.write(Uint8Array.of(byte));
    await until('the batch is there', () => host.received.length === 1);
    expect(termsOf(host.received)).toEqual([7]);
  });

  it('ends a connection whose frames are too long, unknown or not due, and reports it', async () => {
    const host = await hosts.start();
    const tooLong = encodeHeader(FrameType.Data, new Uint8Array(0)).fill(0xff, 1, 5);
    const longHello = frame(FrameType.Hello, new Uint8Array(641));
    const otherVersion = frame(FrameType.Hello, Buffer.from('drakkar-tcp/9 messages'));
    for (const words of [
      [longHello],
      [otherVersion],
      [hello, tooLong],
      [hello, frame(FrameType.Taken, new Uint8Array(0))],
    ]) {
      await client(host.port, ...words).ended;
    }
    expect(host.received).toEqual([]);
    await until('each was told of', () => host.warnings.length >= 3);
    expect(host.warnings[0]?.message).toMatch(/a frame of 641 bytes, of at most 640/);
    expect(host.warnings[1]?.message).toMatch(/another protocol/);
  });

  it('ends a connection at a header in which a bit flipped, before it waits for what the length says', async () => {
    const host = await hosts.start();
    const data = frame(FrameType.Data, encodeMessageBatch(numberedBatch(7)));
    for (let bit = 0; bit < 9 * 8; bit++) {
      const flipped = Buffer.from(data);
      flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
      await client(host.port, hello, flipped).ended;
    }
    expect(host.received).toEqual([]);
    expect(host.warnings[0]?.message).toMatch(/the checksum of a frame from .* does not match/);
  });

  it('does not wait indefinitely for a hello, nor hold more connections than it may', async () => {
    const host = await hosts.start({ options: { connectTimeoutMs: 100, maxConnections: 2 } });
    const silent = [client(host.port), client(host.port)];
    await until('both are held', () => silent.every(({ socket }) => !socket.connecting));
    await client(host.port).ended;
    await Promise.all(silent.map(({ ended }) => ended));
    const isTold = (what: string): boolean => host.warnings.some(({ message }) => message.includes(what));
    await until('both kinds were told of', () => isTold('maxConnections') && isTold('no hello in time'));
    expect(host.received).toEqual([]);
  });

  it('refuses a pending batch whose write a dead socket reports as done', async () => {
    let report: (() => void) | undefined;
    // Like a socket of node:net: destroyed in the middle of a write, it says that the write is done.
    const socket = new Duplex({
      read: () => undefined,
      writev: (_chunks, callback) => {
        report = callback;
      },
      emitClose: false,
    });
    const connection = new MessageConnection(new Link(socket as Socket, 'peer'), 1);
    const sent = connection.sendMessageBatch(numberedBatch(1));
    sent.catch(() => undefined);
    await until('it is being written', () => report !== undefined);
    socket.destroy();
    report?.();
    expect(await isSettled(sent)).toBe(false);
    socket.emit('close');
    await expect(sent).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
  });

  it('gives up a peer that falls silent, and not one that merely has nothing to say', async () => {
    const options = { pingIntervalMs: 20, deadPeerTimeoutMs: 200 };
    const a = await hosts.start({ options });
    const b = await hosts.start({ options });
    const dead = await serverThat((socket) => socket.write(frame(FrameType.Hello, helloOf('host'))));
    const idle = await a.rpc.getConnection(b.address, never);
    const connection = await a.rpc.getConnection(dead, never);
    expect((await connection.closed)?.message).toMatch(/no sign of life/);
    expect(await settlesWithin(idle.closed, 500)).toBe(false);
  });

  it('refuses a server that is no host, one that says nothing, and one that hangs up', async () => {
    const a = await hosts.start({ options: { connectTimeoutMs: 200 } });
    for (const does of [
      (socket: Socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
      () => true,
      (socket: Socket) => socket.destroy(),
    ]) {
      const address = await serverThat(does);
      await expect(a.rpc.getConnection(address, never)).rejects.toMatchObject({ code: 'ERR_CONNECT_FAILED' });
      server?.close();
    }
  });
});
