import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { type Socket, createConnection } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { MAX_MESSAGE_BYTES, encodeMessageBatch } from '@drakkar/raftio';
import { WebSocket } from 'ws';
import {
  type TestHost,
  TestHosts,
  never,
  numberedBatch,
  termsOf,
  until,
  heldBytes,
} from '@drakkar/raftio/transport/testing';
import { createWsRaftRPC } from './index.js';

const hosts = new TestHosts(createWsRaftRPC);
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  await hosts.stop();
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const MESSAGES = '/raft/v1/messages';

/** That the host still serves, after whatever was done to it. */
async function expectAlive(host: TestHost): Promise<void> {
  const peer = await hosts.start();
  const before = host.received.length;
  const connection = await peer.rpc.getConnection(host.address, never);
  await connection.sendMessageBatch(numberedBatch(777));
  await until('the host still receives', () => host.received.length > before);
  expect(termsOf(host.received).at(-1)).toBe(777);
}

function rawClient(host: TestHost): { socket: Socket; answer: () => string; closed: Promise<unknown> } {
  const socket = createConnection(host.port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.on('error', () => undefined);
  const closed = new Promise((resolve) => socket.on('close', resolve));
  cleanups.push(() => socket.destroy());
  return { socket, answer: () => Buffer.concat(chunks).toString('latin1'), closed };
}

function handshake(path: string, protocol: string): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
    `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ${protocol}\r\n\r\n`
  );
}

async function openClient(host: TestHost, headers: Record<string, string> = {}): Promise<WebSocket> {
  const url = `ws://${host.address}${MESSAGES}`;
  const ws = new WebSocket(url, 'drakkar.v1', { perMessageDeflate: false, headers });
  ws.on('error', () => undefined);
  cleanups.push(() => {
    ws.terminate();
  });
  await once(ws, 'open');
  return ws;
}

async function closeCode(ws: WebSocket): Promise<number> {
  const [code] = (await once(ws, 'close')) as [number];
  return code;
}

describe('what is not a WebSocket handshake', () => {
  it('is cut off when it is random bytes', async () => {
    const host = await hosts.start();
    for (let round = 0; round < 10; round += 1) {
      const { socket, closed } = rawClient(host);
      socket.write(randomBytes(4096));
      await closed;
    }
    expect(host.received).toEqual([]);
    expect(host.warnings.length).toBeGreaterThan(0);
    await expectAlive(host);
  });

  it('gets 404 on any other path and 426 on ours when it is plain HTTP', async () => {
    const host = await hosts.start();
    const get = async (path: string): Promise<number | undefined> => {
      const outgoing = request({ host: '127.0.0.1', port: host.port, path });
      outgoing.end();
      const [response] = (await once(outgoing, 'response')) as [
        NodeJS.ReadableStream & { statusCode?: number },
      ];
      response.resume();
      return response.statusCode;
    };
    expect(await get('/')).toBe(404);
    expect(await get(MESSAGES)).toBe(426);
    expect(await get('/raft/v1/snapshots')).toBe(426);
    await expectAlive(host);
  });

  it('gets 404 for an upgrade on another path and 426 for another version of the protocol', async () => {
    const host = await hosts.start();
    for (const [path, protocol, status] of [
      ['/', 'drakkar.v1', 404],
      ['/raft/v2/messages', 'drakkar.v1', 404],
      [MESSAGES, 'drakkar.v2', 426],
      [MESSAGES, 'chat', 426],
    ] as const) {
      const { socket, answer, closed } = rawClient(host);
      socket.write(handshake(path, protocol));
      await closed;
      expect(answer()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    }
    await expectAlive(host);
  });

  it('is cut off in time when it stalls, however it does', async () => {
    const host = await hosts.start({ options: { handshakeTimeoutMs: 200 } });
    const silent = rawClient(host);
    const dripping = rawClient(host);
    dripping.socket.write(`GET ${MESSAGES} HTTP/1.1\r\nHost: x\r\n`);
    const drip = setInterval(() => dripping.socket.write('X-A: b\r\n'), 20);
    const answered = rawClient(host);
    answered.socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n');
    await Promise.all([silent.closed, dripping.closed, answered.closed]);
    clearInterval(drip);
    expect(answered.answer()).toContain('404');
    await expectAlive(host);
  });

  it('is refused when its headers are too long', async () => {
    const host = await hosts.start();
    const { socket, answer, closed } = rawClient(host);
    socket.write(`GET ${MESSAGES} HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`);
    await closed;
    expect(answer()).toContain('400');
    await expectAlive(host);
  });

  it('does not pass the bound on connections', async () => {
    const host = await hosts.start({ options: { maxConnections: 2 } });
    const held = [rawClient(host), rawClient(host)];
    await Promise.all(held.map(({ socket }) => once(socket, 'connect')));
    const third = rawClient(host);
    await third.closed;
    expect(host.warnings.map((warning) => warning.message)).toEqual([
      expect.stringContaining('maxConnections'),
    ]);
    for (const { socket, closed } of held) {
      socket.destroy();
      await closed;
    }
    await expectAlive(host);
  });

  it('keeps no host out, however many come and say nothing', async () => {
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
});

describe('a client that speaks WebSocket', () => {
  it('is closed with 1003 for a text frame', async () => {
    const host = await hosts.start();
    const ws = await openClient(host);
    ws.send('text');
    expect(await closeCode(ws)).toBe(1003);
    expect(host.warnings.map((warning) => warning.message)).toEqual([expect.stringContaining('wrong type')]);
    await expectAlive(host);
  });

  it('is closed with 1007 for bytes that are no batch, and nothing after them is delivered', async () => {
    const host = await hosts.start();
    const ws = await openClient(host);
    ws.send(encodeMessageBatch(numberedBatch(1)));
    ws.send(Buffer.from([0x0a, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3]));
    ws.send(encodeMessageBatch(numberedBatch(2)));
    expect(await closeCode(ws)).toBe(1007);
    expect(termsOf(host.received)).toEqual([1]);
    expect(host.warnings.map((warning) => warning.message)).toEqual([
      expect.stringContaining('malformed content'),
    ]);
    await expectAlive(host);
  });

  it.each(['ping', 'pong'] as const)(
    'is closed with 1008 for a %s with a content, which a batch becomes when one bit flips',
    async (kind) => {
      const host = await hosts.start();
      const ws = await openClient(host);
      ws[kind](Buffer.from('batch'));
      expect(await closeCode(ws)).toBe(1008);
      expect(host.warnings.map((warning) => warning.message)).toEqual([
        expect.stringContaining('a sign of life of 5 bytes'),
      ]);
      await expectAlive(host);
    },
  );

  it('gets nothing in without the checksum of a batch, once it has said who it is', async () => {
    const host = await hosts.start();
    const ws = await openClient(host, { 'drakkar-from': 'a:1' });
    ws.send(encodeMessageBatch({ ...numberedBatch(1), features: 1 }).subarray(0, -6));
    expect(await closeCode(ws)).toBe(1007);
    expect([host.received, host.rpc.counters?.().damagedBatches]).toEqual([[], 1]);
  });

  it('is closed with 1009 for a frame above the limit, before it is read', async () => {
    const host = await hosts.start();
    const { socket, answer } = rawClient(host);
    socket.write(handshake(MESSAGES, 'drakkar.v1'));
    await until('the handshake is through', () => answer().includes('\r\n\r\n'));
    const header = Buffer.alloc(14);
    header[0] = 0x82;
    header[1] = 0xff;
    header.writeBigUInt64BE(BigInt(MAX_MESSAGE_BYTES + 1), 2);
    socket.write(header);
    await until('the close frame is there', () => answer().includes('\x88\x02\x03\xf1'));
    expect(host.received).toEqual([]);
    await expectAlive(host);
  });

  it('is closed for random bytes in place of frames', async () => {
    const host = await hosts.start();
    for (let round = 0; round < 20; round += 1) {
      const { socket, answer, closed } = rawClient(host);
      socket.write(handshake(MESSAGES, 'drakkar.v1'));
      await until('the handshake is through', () => answer().includes('\r\n\r\n'));
      socket.end(randomBytes(2000));
      await closed;
    }
    expect(host.received).toEqual([]);
    await expectAlive(host);
  });

  it('can vanish in the middle of a frame', async () => {
    const host = await hosts.start();
    const { socket, answer } = rawClient(host);
    socket.write(handshake(MESSAGES, 'drakkar.v1'));
    await until('the handshake is through', () => answer().includes('\r\n\r\n'));
    socket.write(Buffer.from([0x82, 0xfe, 0x10, 0x00, 0, 0, 0, 0, 1, 2, 3]));
    socket.resetAndDestroy();
    await expectAlive(host);
    expect(host.received.length).toBe(1);
  });

  it('is warned of a few times only when it does it a thousand times', async () => {
    const startMs = performance.now();
    const host = await hosts.start();
    for (let round = 0; round < 100; round += 1) {
      const ws = await openClient(host);
      ws.send(Buffer.from([0xff]));
      await closeCode(ws);
    }
    expect(host.warnings.length).toBeGreaterThan(0);
    // Three in five seconds.
    expect(host.warnings.length).toBeLessThan(10 + ((performance.now() - startMs) / 5000) * 3);
  });

  it('makes the host hold nothing by flooding with pings and reading no pong', async () => {
    const host = await hosts.start();
    const { socket, answer } = rawClient(host);
    socket.write(handshake(MESSAGES, 'drakkar.v1'));
    await until('the handshake is through', () => answer().includes('\r\n\r\n'));
    socket.pause();
    const ping = Buffer.from([0x89, 0x80, 0, 0, 0, 0]);
    const flood = Buffer.concat(Array.from({ length: 8000 }, () => ping));
    const before = heldBytes();
    for (let round = 0; round < 40; round += 1) {
      await new Promise((resolve, reject) => {
        socket.write(flood, (error) => {
          if (error) reject(error);
          else resolve(undefined);
        });
      });
    }
    // A pong that is held takes a hundred bytes and more, and there were 320,000 pings.
    expect(heldBytes() - before).toBeLessThan(16 * 1024 * 1024);
    await expectAlive(host);
  });
});
