import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type Socket, createConnection } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type IConnection, MAX_MESSAGE_BYTES, type MessageBatch } from '@drakkar/raftio';
import { WebSocketServer } from 'ws';
import {
  TestHosts,
  type Warning,
  freePort,
  isSettled,
  never,
  settlesWithin,
  numberedBatch,
  termsOf,
  until,
} from '@drakkar/raftio/transport/testing';
import { createWsRaftRPC } from './index.js';

const hosts = new TestHosts(createWsRaftRPC);
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  await hosts.stop();
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const KIB = 1024;
const MIB = 1024 * KIB;

async function spawnPeer(): Promise<{ child: ChildProcess; address: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'testing', 'peer.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanups.push(() => child.kill('SIGKILL'));
  const [line] = (await once(child.stdout as NodeJS.EventEmitter, 'data')) as [Buffer];
  return { child, address: `127.0.0.1:${line.toString().trim()}` };
}

/** A client that has asked for the channel of messages, and says what it is told to. */
function upgraded(port: number): Socket {
  const socket = createConnection(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write(
    `GET /raft/v1/messages HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
      `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: drakkar.v1\r\n\r\n`,
  );
  return socket;
}

/** A peer in this process that takes the connection and reads nothing until told to. */
async function stalledPeer(): Promise<{ address: string; resume: () => void; frames: number[] }> {
  const port = await freePort();
  const server = new WebSocketServer({ host: '127.0.0.1', port });
  const frames: number[] = [];
  let resume = (): void => undefined;
  server.on('connection', (ws) => {
    ws.pause();
    ws.on('message', (data) => frames.push((data as Buffer).length));
    resume = () => {
      ws.resume();
    };
  });
  await once(server, 'listening');
  cleanups.push(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  return {
    address: `127.0.0.1:${port}`,
    resume: () => {
      resume();
    },
    frames,
  };
}

describe('delivery', () => {
  it('delivers batches unaltered and in order', async () => {
    const [a, b] = [await hosts.start(), await hosts.start()];
    const connection = await a.rpc.getConnection(b.address, never);
    const payload = Uint8Array.from({ length: 1000 }, (_, i) => i % 256);
    for (let term = 1; term <= 2000; term += 1)
      await connection.sendMessageBatch(numberedBatch(term, payload));
    await until('all are there', () => b.received.length === 2000);
    expect(termsOf(b.received)).toEqual(Array.from({ length: 2000 }, (_, i) => i + 1));
    const entry = b.received[1234]?.requests[0]?.entries[0];
    expect(Buffer.compare(entry?.cmd ?? new Uint8Array(), payload)).toBe(0);
    expect(b.received[0]?.sourceAddress).toBe('127.0.0.1:1');
    expect(Buffer.isBuffer(entry?.cmd)).toBe(false);
  });

  it('keeps received payloads intact while later ones arrive', async () => {
    const [a, b] = [await hosts.start(), await hosts.start()];
    const connection = await a.rpc.getConnection(b.address, never);
    for (let term = 1; term <= 300; term += 1) {
      await connection.sendMessageBatch(
        numberedBatch(term, new Uint8Array(1 + ((term * 977) % 40_000)).fill(term % 251)),
      );
    }
    await until('all are there', () => b.received.length === 300);
    const spoilt = b.received.filter((batch) => {
      const { term, entries } = batch.requests[0] as MessageBatch['requests'][0];
      const cmd = entries[0]?.cmd ?? new Uint8Array();
      return cmd.length !== 1 + ((term * 977) % 40_000) || cmd.some((byte) => byte !== term % 251);
    });
    expect(spoilt).toEqual([]);
  });

  it('carries a batch close to the limit, refuses one above it and goes on', async () => {
    const [a, b] = [await hosts.start(), await hosts.start()];
    const connection = await a.rpc.getConnection(b.address, never);
    await connection.sendMessageBatch(numberedBatch(1, new Uint8Array(MAX_MESSAGE_BYTES - 4 * KIB).fill(7)));
    await expect(
      connection.sendMessageBatch(numberedBatch(2, new Uint8Array(MAX_MESSAGE_BYTES + 1))),
    ).rejects.toMatchObject({ code: 'ERR_MESSAGE_TOO_LARGE' });
    await connection.sendMessageBatch(numberedBatch(3));
    await until('both are there', () => b.received.length === 2);
    expect(termsOf(b.received)).toEqual([1, 3]);
    expect(b.received[0]?.requests[0]?.entries[0]?.cmd.length).toBe(MAX_MESSAGE_BYTES - 4 * KIB);
  });

  it('keeps connections of one pair of hosts apart', async () => {
    const [a, b] = [await hosts.start(), await hosts.start()];
    const [first, second] = [
      await a.rpc.getConnection(b.address, never),
      await a.rpc.getConnection(b.address, never),
    ];
    first.close();
    await expect(first.closed).resolves.toBeUndefined();
    await second.sendMessageBatch(numberedBatch(9));
    await until('it is there', () => b.received.length === 1);
    await expect(first.sendMessageBatch(numberedBatch(1))).rejects.toMatchObject({
      code: 'ERR_CONNECTION_CLOSED',
    });
  });

  it('works over IPv6', async () => {
    const [a, b] = [await hosts.start(), await hosts.start({ host: '[::1]' })];
    const connection = await a.rpc.getConnection(b.address, never);
    await connection.sendMessageBatch(numberedBatch(1));
    await until('it is there', () => b.received.length === 1);
    expect(termsOf(b.received)).toEqual([1]);
  });

  it('survives a request handler that throws, and reports it', async () => {
    const terms: number[] = [];
    const a = await hosts.start();
    const b = await hosts.start({
      requestHandler: (batch) => {
        const term = batch.requests[0]?.term ?? 0;
        if (term === 1) throw new Error('handler broke');
        terms.push(term);
      },
    });
    const connection = await a.rpc.getConnection(b.address, never);
    await connection.sendMessageBatch(numberedBatch(1));
    await connection.sendMessageBatch(numberedBatch(2));
    await until('the second is there', () => terms.length === 1);
    expect(terms).toEqual([2]);
    expect(b.warnings.map((warning: Warning) => warning.message)).toEqual([
      expect.stringContaining('handler broke'),
    ]);
  });
});

describe('back-pressure', () => {
  const MARK = 2 * MIB;

  async function fill(connection: IConnection): Promise<{ sent: number; last: Promise<void> }> {
    for (let sent = 1; sent < 2000; sent += 1) {
      const last = connection.sendMessageBatch(numberedBatch(sent, new Uint8Array(64 * KIB)));
      if (!(await settlesWithin(last, 100))) return { sent, last };
    }
    throw new Error('the sender never had to wait');
  }

  it('makes the sender of a peer that does not read wait, and lets it go on when the peer does', async () => {
    const peer = await stalledPeer();
    const a = await hosts.start({ options: { highWaterMarkBytes: MARK } });
    const connection = await a.rpc.getConnection(peer.address, never);
    const { sent, last } = await fill(connection);
    expect(sent).toBeGreaterThanOrEqual(MARK / (65 * KIB));
    expect(await isSettled(last)).toBe(false);
    peer.resume();
    await last;
    await until('all arrive', () => peer.frames.length === sent);
    expect(peer.frames.every((size) => size > 64 * KIB)).toBe(true);
  });

  it('bounds memory for a sender that does not wait', async () => {
    const peer = await stalledPeer();
    const a = await hosts.start({ options: { highWaterMarkBytes: MARK } });
    const connection = await a.rpc.getConnection(peer.address, never);
    await fill(connection);
    const before = process.memoryUsage().arrayBuffers;
    const payload = new Uint8Array(64 * KIB);
    const sends: Promise<void>[] = [];
    for (let term = 1; term <= 1000; term += 1)
      sends.push(connection.sendMessageBatch(numberedBatch(term, payload)));
    const settled = Promise.allSettled(sends);
    await new Promise((resolve) => setImmediate(resolve));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MARK + 4 * MIB);
    connection.close();
    const outcomes = await settled;
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toEqual([]);
  });

  it('takes the lower of the host limit and its own option', async () => {
    const peer = await stalledPeer();
    const a = await hosts.start({ sendBufferBytes: 1 });
    const connection = await a.rpc.getConnection(peer.address, never);
    const waiting = connection.sendMessageBatch(numberedBatch(1));
    await waiting;
    const { sent } = await fill(connection);
    expect(sent).toBeLessThan(200);
  });

  it('rejects what waits when the connection is closed', async () => {
    const peer = await stalledPeer();
    const a = await hosts.start({ options: { highWaterMarkBytes: MARK, closeTimeoutMs: 50 } });
    const connection = await a.rpc.getConnection(peer.address, never);
    const { last } = await fill(connection);
    connection.close();
    connection.close();
    await expect(last).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    await expect(connection.closed).resolves.toBeUndefined();
  });
});

describe('a peer that goes away', () => {
  it('is noticed when it is killed', async () => {
    const { child, address } = await spawnPeer();
    const a = await hosts.start();
    const connection = await a.rpc.getConnection(address, never);
    await connection.sendMessageBatch(numberedBatch(1));
    child.kill('SIGKILL');
    await expect(connection.closed).resolves.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    await expect(connection.sendMessageBatch(numberedBatch(2))).rejects.toMatchObject({
      code: 'ERR_CONNECTION_CLOSED',
    });
  });

  it('is noticed when it stops without closing anything, idle or not', async () => {
    const { child, address } = await spawnPeer();
    const a = await hosts.start({
      options: { pingIntervalMs: 100, deadPeerTimeoutMs: 1500, highWaterMarkBytes: MIB },
    });
    const idle = await a.rpc.getConnection(address, never);
    const busy = await a.rpc.getConnection(address, never);
    child.kill('SIGSTOP');
    const sends: Promise<void>[] = [];
    for (let term = 1; term < 200; term += 1)
      sends.push(busy.sendMessageBatch(numberedBatch(term, new Uint8Array(64 * KIB))));
    const outcomes = Promise.allSettled(sends);
    for (const connection of [idle, busy]) {
      const reason = await connection.closed;
      expect(reason).toMatchObject({
        code: 'ERR_CONNECTION_CLOSED',
        message: expect.stringContaining('no sign of life'),
      });
    }
    expect((await outcomes).at(-1)).toMatchObject({
      status: 'rejected',
      reason: { code: 'ERR_CONNECTION_CLOSED' },
    });
  });

  it('is given up by the receiving side too', async () => {
    const b = await hosts.start({ options: { pingIntervalMs: 50, deadPeerTimeoutMs: 300 } });
    const socket = upgraded(b.port);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(socket, 'close');
    expect(Buffer.concat(chunks).toString('latin1')).toContain('101 Switching Protocols');
  });

  it('is given up when it sends signs of life inside a frame that has no end', async () => {
    const b = await hosts.start({ options: { pingIntervalMs: 20, deadPeerTimeoutMs: 100 } });
    const socket = upgraded(b.port);
    socket.write(Buffer.from('82fec00000000000', 'hex')); // 48 KiB are announced
    const pings = setInterval(() => socket.write(Buffer.from('898000000000', 'hex')), 5);
    cleanups.push(() => {
      clearInterval(pings);
    });
    // Not by `once`, which fails for a ping that comes too late.
    await new Promise((resolve) => socket.resume().on('close', resolve));
    expect(b.received).toEqual([]);
  });

  it('is not given up while it lives, however long nothing is sent', async () => {
    const options = { pingIntervalMs: 20, deadPeerTimeoutMs: 100 };
    const [a, b] = [await hosts.start({ options }), await hosts.start({ options })];
    const connection = await a.rpc.getConnection(b.address, never);
    const startMs = performance.now();
    await until('many timeouts have gone by', () => performance.now() - startMs > 600);
    await connection.sendMessageBatch(numberedBatch(1));
    await until('it is there', () => b.received.length === 1);
    expect(await isSettled(connection.closed)).toBe(false);
  });

  it('ends its connections when it stops in order', async () => {
    const [a, b] = [await hosts.start(), await hosts.start()];
    const connection = await a.rpc.getConnection(b.address, never);
    await b.rpc.stop();
    await expect(connection.closed).resolves.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
  });
});

describe('connecting', () => {
  it('fails where nobody listens', async () => {
    const a = await hosts.start();
    const address = `127.0.0.1:${await freePort()}`;
    await expect(a.rpc.getConnection(address, never)).rejects.toMatchObject({
      code: 'ERR_CONNECT_FAILED',
      message: expect.stringContaining(address),
    });
  });

  it('fails for what is not an address', async () => {
    const a = await hosts.start();
    for (const address of [
      '',
      'nowhere',
      'host:0',
      'host:70000',
      '::1:80',
      '[zz]:80',
      'http://host:80',
      'a b:80',
    ]) {
      await expect(a.rpc.getConnection(address, never)).rejects.toMatchObject({
        code: 'ERR_INVALID_ADDRESS',
      });
    }
  });

  it('fails in time when the peer accepts and says nothing', async () => {
    const { createServer } = await import('node:net');
    const server = createServer((socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => server.close());
    const { port } = server.address() as { port: number };
    const a = await hosts.start({ options: { connectTimeoutMs: 100 } });
    await expect(a.rpc.getConnection(`127.0.0.1:${port}`, never)).rejects.toMatchObject({
      code: 'ERR_CONNECT_FAILED',
      message: expect.stringContaining('within 100 ms'),
    });
    const controller = new AbortController();
    const attempt = a.rpc.getConnection(`127.0.0.1:${port}`, controller.signal);
    controller.abort();
    await expect(attempt).rejects.toMatchObject({
      code: 'ERR_CONNECT_FAILED',
      message: expect.stringContaining('aborted'),
    });
    await expect(a.rpc.getConnection(`127.0.0.1:${port}`, AbortSignal.abort())).rejects.toMatchObject({
      code: 'ERR_CONNECT_FAILED',
    });
  });

  it('does not close a connection when the signal that it was made under aborts later', async () => {
    const [a, b] = [await hosts.start(), await hosts.start()];
    const controller = new AbortController();
    const connection = await a.rpc.getConnection(b.address, controller.signal);
    controller.abort();
    await connection.sendMessageBatch(numberedBatch(1));
    await until('it is there', () => b.received.length === 1);
    expect(await isSettled(connection.closed)).toBe(false);
  });

  it('reports a server that is no Drakkar host', async () => {
    const { createServer } = await import('node:http');
    const server = createServer((_request, response) => response.end('hello'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => server.close());
    const { port } = server.address() as { port: number };
    const a = await hosts.start();
    await expect(a.rpc.getConnection(`127.0.0.1:${port}`, never)).rejects.toMatchObject({
      code: 'ERR_CONNECT_FAILED',
      message: expect.stringContaining('status 200'),
    });
  });
});
