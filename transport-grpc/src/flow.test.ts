import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createConnection, createServer } from 'node:net';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type IConnection, SNAPSHOT_CHUNK_SIZE_BYTES } from '@drakkar/raftio';
import {
  RecordingSink,
  type TestHost,
  TestHosts,
  isSettled,
  never,
  numberedBatch,
  numberedChunk,
  settlesWithin,
  takesAtMost,
  termsOf,
  until,
  heldBytes,
} from '@drakkar/raftio/transport/testing';
import { createGrpcRaftRPC } from './index.js';

const hosts = new TestHosts(createGrpcRaftRPC);
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  await hosts.stop();
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const KIB = 1024;
const MIB = 1024 * KIB;

/** A peer that reads no message, in a process of its own. */
async function spawnPeer(): Promise<{ child: ChildProcess; address: string }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'testing', 'peer.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanups.push(() => child.kill('SIGKILL'));
  const [line] = (await once(child.stdout as NodeJS.EventEmitter, 'data')) as [Buffer];
  return { child, address: `127.0.0.1:${line.toString().trim()}` };
}

async function fill(connection: IConnection): Promise<{ sent: number; last: Promise<void> }> {
  for (let sent = 1; sent < 2000; sent += 1) {
    const last = connection.sendMessageBatch(numberedBatch(sent, new Uint8Array(64 * KIB)));
    if (!(await settlesWithin(last, 200))) return { sent, last };
  }
  throw new Error('the sender never had to wait');
}

describe('a peer that does not read', () => {
  it('makes the sender wait, and holds little of its memory although it does not wait', async () => {
    const { address } = await spawnPeer();
    const a = await hosts.start();
    const connection = await a.rpc.getConnection(address, never);
    const { sent } = await fill(connection);
    expect(sent * 64 * KIB).toBeLessThan(16 * MIB);
    const before = heldBytes();
    const payload = new Uint8Array(64 * KIB);
    const sends: Promise<void>[] = [];
    for (let term = 1; term <= 2000; term += 1)
      sends.push(connection.sendMessageBatch(numberedBatch(term, payload)));
    const settled = Promise.allSettled(sends);
    const b = await hosts.start();
    const other = await a.rpc.getConnection(b.address, never);
    for (let term = 1; term <= 10; term += 1) {
      await other.sendMessageBatch(numberedBatch(term));
      await until('another peer is served meanwhile', () => b.received.length === term);
    }
    expect(heldBytes() - before).toBeLessThan(16 * MIB);
    connection.close();
    expect((await settled).filter(({ status }) => status === 'fulfilled')).toEqual([]);
  });

  it('holds up nobody when the connection is closed or cut', async () => {
    const { address } = await spawnPeer();
    const a = await hosts.start({ options: { closeTimeoutMs: 50 } });
    const connection = await a.rpc.getConnection(address, never);
    const { last } = await fill(connection);
    connection.close();
    connection.close();
    await expect(last).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    await expect(connection.closed).resolves.toBeUndefined();
  });
});

describe('a sink that is slow', () => {
  it('holds up its sender; both together hold a few chunks', async () => {
    const sink = new RecordingSink();
    const gates: ((taken: boolean) => void)[] = [];
    sink.gate = () => new Promise((resolve) => gates.push(resolve));
    const a = await hosts.start();
    const b = await hosts.start({ chunkSinkFactory: () => sink });
    const connection = await a.rpc.getSnapshotConnection(b.address, never);
    const data = new Uint8Array(SNAPSHOT_CHUNK_SIZE_BYTES);
    const before = heldBytes();
    let taken = 0;
    const sendAll = async (): Promise<void> => {
      for (; taken < 200; taken += 1) await connection.sendSnapshotChunk(numberedChunk(taken, 200, data));
    };
    const sending = sendAll().catch(() => undefined);
    await until('the first chunk is offered', () => gates.length === 1);
    expect(await settlesWithin(sending, 500)).toBe(false);
    expect(heldBytes() - before).toBeLessThan(40 * MIB);
    const takenBefore = taken;
    expect(takenBefore).toBeLessThan(10);
    for (let offered = 2; offered <= 5; offered += 1) {
      gates.shift()?.(true);
      await until('the next is offered', () => gates.length === 1);
    }
    await until('the sender goes on', () => taken > takenBefore);
    expect(sink.maxConcurrent).toBe(1);
    connection.close();
    await sending;
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
    const a = await hosts.start({ options: { pingIntervalMs: 100, deadPeerTimeoutMs: 1500 } });
    const idle = await a.rpc.getConnection(address, never);
    const busy = await a.rpc.getConnection(address, never);
    const { last } = await fill(busy);
    child.kill('SIGSTOP');
    for (const connection of [idle, busy]) {
      await expect(connection.closed).resolves.toMatchObject({
        code: 'ERR_CONNECTION_CLOSED',
        message: expect.stringContaining('no sign of life'),
      });
    }
    await expect(last).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
  });

  it('is not given up while it lives, however long nothing is sent', async () => {
    const options = { pingIntervalMs: 20, deadPeerTimeoutMs: 100 };
    const [a, b] = [await hosts.start({ options }), await hosts.start({ options })];
    const connection = await a.rpc.getConnection(b.address, never);
    expect(await settlesWithin(connection.closed, 600)).toBe(false);
    await connection.sendMessageBatch(numberedBatch(1));
    await until('it is there', () => b.received.length === 1);
  });
});

/** A server whose queue of connections is full: it answers no further SYN, like a host behind a dead link. */
async function deafAddress(): Promise<string> {
  const child = spawn(
    process.execPath,
    [
      '-e',
      `const server = require('node:net').createServer();
      server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
        require('node:fs').writeSync(1, server.address().port + '\\n');
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      });`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  cleanups.push(() => child.kill('SIGKILL'));
  const [line] = (await once(child.stdout as NodeJS.EventEmitter, 'data')) as [Buffer];
  const port = Number(line.toString().trim());
  let connected = 0;
  for (let i = 0; i < 8; i += 1) {
    const socket = createConnection(port, '127.0.0.1', () => (connected += 1));
    socket.on('error', () => undefined);
    cleanups.push(() => socket.destroy());
  }
  await until('the queue has taken what it can', () => connected > 0);
  return `127.0.0.1:${port}`;
}

function sockets(): number {
  return process.getActiveResourcesInfo().filter((name) => /TCP|TLS|GetAddrInfo/.test(name)).length;
}

describe('connecting', () => {
  it('ends in time, and leaves no socket, where nobody answers at all', async () => {
    const address = await deafAddress();
    const a = await hosts.start({ options: { connectTimeoutMs: 300 } });
    const before = sockets();
    await expect(a.rpc.getConnection(address, never)).rejects.toMatchObject({
      code: 'ERR_CONNECT_FAILED',
      message: expect.stringContaining('within 300 ms'),
    });
    const controller = new AbortController();
    const attempt = a.rpc.getConnection(address, controller.signal);
    await turn(); // it is on its way
    controller.abort();
    await expect(attempt).rejects.toMatchObject({
      code: 'ERR_CONNECT_FAILED',
      message: expect.stringContaining('aborted'),
    });
    await until('the sockets are gone', () => sockets() <= before);
  });

  it('ends in time where a peer accepts and says nothing', async () => {
    const server = createServer((socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => server.close());
    const a = await hosts.start({ options: { connectTimeoutMs: 100 } });
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    await expect(a.rpc.getConnection(address, never)).rejects.toMatchObject({
      code: 'ERR_CONNECT_FAILED',
      message: expect.stringContaining('within 100 ms'),
    });
  });

  it('is over when it has failed: the library makes no further connection', async () => {
    let accepted = 0;
    let onSecond!: () => void;
    const second = new Promise<void>((resolve) => {
      onSecond = resolve;
    });
    const server = createServer((socket) => {
      cleanups.push(() => socket.destroy());
      socket.on('error', () => undefined);
      if (++accepted > 1) onSecond();
      else socket.once('data', () => socket.write(Buffer.alloc(64, 0xff)));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => server.close());
    const a = await hosts.start();
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    await expect(a.rpc.getConnection(address, never)).rejects.toMatchObject({ code: 'ERR_CONNECT_FAILED' });
    // The library tries again after a second.
    expect(await settlesWithin(second, 2_000)).toBe(false);
  });

  it('reports who does not listen, and what is no address', async () => {
    const a = await hosts.start();
    const gone = await hosts.make();
    await expect(a.rpc.getConnection(gone.address, never)).rejects.toMatchObject({
      code: 'ERR_CONNECT_FAILED',
      message: expect.stringMatching(new RegExp(`${gone.address}: connect ECONNREFUSED`)),
    });
    for (const address of ['', 'nowhere', 'host:0', '::1:80', 'http://host:80', 'unix:/tmp/x', 'a b:80']) {
      await expect(a.rpc.getConnection(address, never)).rejects.toMatchObject({
        code: 'ERR_INVALID_ADDRESS',
      });
    }
  });

  it('works over IPv6, and the signal has no say once it is through', async () => {
    const [a, b] = [await hosts.start(), await hosts.start({ host: '[::1]' })];
    const controller = new AbortController();
    const connection = await a.rpc.getConnection(b.address, controller.signal);
    controller.abort();
    await connection.sendMessageBatch(numberedBatch(1));
    await until('it is there', () => b.received.length === 1);
    expect(await isSettled(connection.closed)).toBe(false);
  });
});

describe('stop', () => {
  it('settles everything in flight, sends clients the reason, and leaves no handle', async () => {
    const before = sockets();
    const sinks: RecordingSink[] = [];
    const chunkSinkFactory = (): RecordingSink => {
      const sink = new RecordingSink();
      sink.gate = () => new Promise(() => undefined);
      sinks.push(sink);
      return sink;
    };
    const a = await hosts.start();
    const b = await hosts.start({ chunkSinkFactory });
    const messages = await a.rpc.getConnection(b.address, never);
    const back = await b.rpc.getConnection(a.address, never);
    const snapshots = await a.rpc.getSnapshotConnection(b.address, never);
    const inFlight = [
      ...Array.from({ length: 50 }, (_, i) =>
        messages.sendMessageBatch(numberedBatch(i, new Uint8Array(MIB))),
      ),
      ...Array.from({ length: 9 }, (_, i) =>
        snapshots.sendSnapshotChunk(numberedChunk(i, 9, new Uint8Array(MIB))),
      ),
      snapshots.finish(),
    ];
    const outcomes = Promise.allSettled(inFlight);
    await until('the sink is busy', () => sinks[0]?.chunks.length === 1);
    await b.rpc.stop();
    await expect(messages.closed).resolves.toMatchObject({
      code: 'ERR_CONNECTION_CLOSED',
      message: expect.stringContaining('the host is stopping'),
    });
    await expect(back.closed).resolves.toMatchObject({ code: 'ERR_TRANSPORT_STOPPED' });
    await a.rpc.stop();
    expect((await outcomes).some(({ status }) => status === 'rejected')).toBe(true);
    expect(sinks.map(({ closes }) => closes)).toEqual([1]);
    await until('every handle is gone', () => sockets() <= before);
    const successor: TestHost = await hosts.start({ address: b.address });
    expect(termsOf(successor.received)).toEqual([]);
  });

  it('cuts clients that do not go by themselves after closeTimeoutMs', async () => {
    const { Http2Peer } = await import('./testing/http2-peer.js');
    await takesAtMost(3000, async () => {
      const b = await hosts.start({ options: { closeTimeoutMs: 100 } });
      const peer = new Http2Peer(`http://${b.address}`);
      cleanups.push(() => {
        peer.destroy();
      });
      const call = peer.call('/transportpb.Transport/RaftMessage');
      await call.headers;
      await b.rpc.stop();
      await peer.closed;
    });
  });
});
