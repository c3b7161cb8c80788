import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { SNAPSHOT_CHUNK_SIZE_BYTES, encodeSnapshotChunk } from '@drakkar/raftio';
import { WebSocket } from 'ws';
import {
  RecordingSink,
  type TestHost,
  TestHosts,
  isSettled,
  never,
  numberedBatch,
  numberedChunk,
  settlesWithin,
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

interface Pair {
  a: TestHost;
  b: TestHost;
  sinks: RecordingSink[];
}

async function pair(gate?: RecordingSink['gate'], snapshotWindowBytes?: number): Promise<Pair> {
  const sinks: RecordingSink[] = [];
  const a = await hosts.start({ options: snapshotWindowBytes === undefined ? {} : { snapshotWindowBytes } });
  const b = await hosts.start({
    chunkSinkFactory: () => {
      const sink = new RecordingSink();
      sink.gate = gate;
      sinks.push(sink);
      return sink;
    },
  });
  return { a, b, sinks };
}

/** A promise and what settles it. */
function gateway(): { open: (taken: boolean) => void; passed: Promise<boolean> } {
  let open!: (taken: boolean) => void;
  const passed = new Promise<boolean>((resolve) => {
    open = resolve;
  });
  return { open, passed };
}

describe('a snapshot stream', () => {
  it('delivers chunks unaltered, in order, one at a time, and ends in order', async () => {
    const { a, b, sinks } = await pair(async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return true;
    });
    const connection = await a.rpc.getSnapshotConnection(b.address, never);
    const data = Array.from({ length: 6 }, (_, i) => new Uint8Array(SNAPSHOT_CHUNK_SIZE_BYTES).fill(i + 1));
    for (const [i, bytes] of data.entries()) await connection.sendSnapshotChunk(numberedChunk(i, 6, bytes));
    await connection.finish();
    const [sink] = sinks;
    expect(sinks.length).toBe(1);
    expect(sink?.closes).toBe(1);
    expect(sink?.maxConcurrent).toBe(1);
    expect(sink?.chunks.map((chunk) => chunk.chunkID)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(
      sink?.chunks.filter((chunk, i) => Buffer.compare(chunk.data, data[i] as Uint8Array) !== 0),
    ).toEqual([]);
    await expect(connection.sendSnapshotChunk(numberedChunk(6, 6, new Uint8Array(1)))).rejects.toMatchObject({
      code: 'ERR_CONNECTION_CLOSED',
    });
    await connection.finish();
    expect(b.warnings).toEqual([]);
  });

  it('makes the sender wait while the sink is busy, and messages go on meanwhile', async () => {
    const gates = [gateway(), gateway(), gateway(), gateway()];
    let next = 0;
    const { a, b, sinks } = await pair(() => gates[next++]?.passed ?? Promise.resolve(true), 100 * KIB);
    const connection = await a.rpc.getSnapshotConnection(b.address, never);
    const chunk = (id: number): ReturnType<typeof numberedChunk> =>
      numberedChunk(id, 8, new Uint8Array(60 * KIB));
    await connection.sendSnapshotChunk(chunk(0));
    const second = connection.sendSnapshotChunk(chunk(1));
    const third = connection.sendSnapshotChunk(chunk(2));
    const finished = connection.finish();
    expect(await settlesWithin(second, 100)).toBe(false);
    expect(sinks[0]?.chunks.length).toBe(1);
    const messages = await a.rpc.getConnection(b.address, never);
    await messages.sendMessageBatch(numberedBatch(1));
    await until('the message is there', () => b.received.length === 1);
    gates[0]?.open(true);
    await second;
    expect(await isSettled(third)).toBe(false);
    for (const gate of gates) gate.open(true);
    await third;
    await finished;
    expect(sinks[0]?.chunks.length).toBe(3);
    expect(sinks[0]?.closes).toBe(1);
  });

  it('bounds what a slow sink makes both sides hold', async () => {
    const gate = gateway();
    const { a, b, sinks } = await pair(() => gate.passed, 256 * KIB);
    const connection = await a.rpc.getSnapshotConnection(b.address, never);
    const data = new Uint8Array(64 * KIB);
    const before = process.memoryUsage().arrayBuffers;
    const sends = Array.from({ length: 500 }, (_, i) =>
      connection.sendSnapshotChunk(numberedChunk(i, 500, data)),
    );
    const outcomes = Promise.allSettled(sends);
    await until('the first has arrived', () => sinks[0]?.chunks.length === 1);
    expect(await settlesWithin(sends[10] as Promise<void>, 100)).toBe(false);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 1024 * KIB);
    gate.open(true);
    await connection.finish();
    expect((await outcomes).filter(({ status }) => status === 'rejected')).toEqual([]);
    expect(sinks[0]?.chunks.length).toBe(500);
  });

  it('is not read ahead of a busy sink when the sender ignores the window', async () => {
    const gate = gateway();
    const { b, sinks } = await pair(() => gate.passed);
    const ws = new WebSocket(`ws://${b.address}/raft/v1/snapshots`, 'drakkar.v1', {
      generateMask: () => undefined,
    });
    cleanups.push(() => {
      ws.terminate();
    });
    await once(ws, 'open');
    const chunk = encodeSnapshotChunk(numberedChunk(0, 40, new Uint8Array(1024 * KIB)));
    let accepted = 0;
    const allAccepted = (async () => {
      for (; accepted < 40; accepted += 1) await new Promise((resolve) => ws.send(chunk, resolve));
    })();
    expect(await settlesWithin(allAccepted, 500)).toBe(false);
    expect(accepted).toBeLessThan(20);
    expect(sinks[0]?.chunks.length).toBe(1);
    gate.open(true);
    await until('the rest has arrived', () => sinks[0]?.chunks.length === 40);
    await allAccepted;
  });

  it('outlives a sink that is busy for longer than the dead peer timeout', async () => {
    const options = { pingIntervalMs: 10, deadPeerTimeoutMs: 200 };
    const gate = gateway();
    const sink = new RecordingSink();
    sink.gate = () => gate.passed;
    const a = await hosts.start({ options });
    const b = await hosts.start({ options, chunkSinkFactory: () => sink });
    const connection = await a.rpc.getSnapshotConnection(b.address, never);
    for (let id = 0; id < 6; id += 1) {
      await connection.sendSnapshotChunk(numberedChunk(id, 6, new Uint8Array(1024 * KIB)));
    }
    const finished = connection.finish();
    expect(await settlesWithin(finished, 800)).toBe(false);
    gate.open(true);
    await finished;
    expect([sink.chunks.length, sink.closes]).toEqual([6, 1]);
  });

  it('carries streams side by side, each to a sink of its own', async () => {
    const { a, b, sinks } = await pair();
    const connections = await Promise.all([1, 2, 3].map(() => a.rpc.getSnapshotConnection(b.address, never)));
    await Promise.all(
      connections.map(async (connection, i) => {
        for (let id = 0; id < 20; id += 1) {
          await connection.sendSnapshotChunk(numberedChunk(id, 20, new Uint8Array(10 * KIB).fill(i)));
        }
        await connection.finish();
      }),
    );
    const marks = sinks.map((sink) => [...new Set(sink.chunks.map((chunk) => chunk.data[0]))]);
    expect(marks.map((mark) => mark.length)).toEqual([1, 1, 1]);
    expect(marks.flat().sort()).toEqual([0, 1, 2]);
    expect(sinks.map((sink) => [sink.chunks.length, sink.closes])).toEqual([
      [20, 1],
      [20, 1],
      [20, 1],
    ]);
  });

  it('finishes when there was no chunk at all', async () => {
    const { a, b, sinks } = await pair();
    const connection = await a.rpc.getSnapshotConnection(b.address, never);
    await connection.finish();
    expect(sinks.map((sink) => [sink.chunks.length, sink.closes])).toEqual([[0, 1]]);
  });
});

describe('a snapshot stream that fails', () => {
  it('notifies the sender when a chunk is refused', async () => {
    const { a, b, sinks } = await pair(async (chunk) => chunk.chunkID < 2, 100 * KIB);
    const connection = await a.rpc.getSnapshotConnection(b.address, never);
    const sends = Array.from({ length: 50 }, (_, i) =>
      connection.sendSnapshotChunk(numberedChunk(i, 50, new Uint8Array(60 * KIB))),
    );
    const outcomes = await Promise.allSettled(sends);
    expect(outcomes.at(-1)).toMatchObject({
      status: 'rejected',
      reason: { code: 'ERR_CONNECTION_CLOSED', details: { refused: true } },
    });
    await expect(connection.finish()).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    expect(sinks[0]?.chunks.map((chunk) => chunk.chunkID)).toEqual([0, 1, 2]);
    expect(sinks[0]?.closes).toBe(1);
  });

  it('treats a sink that throws as a refusal, and notifies its own host', async () => {
    const { a, b, sinks } = await pair(() => Promise.reject(new Error('disk full')));
    const connection = await a.rpc.getSnapshotConnection(b.address, never);
    await connection.sendSnapshotChunk(numberedChunk(0, 1, new Uint8Array(10)));
    await expect(connection.finish()).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    expect(sinks[0]?.closes).toBe(1);
    expect(b.warnings.map((warning) => warning.message)).toEqual([expect.stringContaining('disk full')]);
  });

  it('closes the sink once when the sender cuts the stream', async () => {
    const { a, b, sinks } = await pair();
    const connection = await a.rpc.getSnapshotConnection(b.address, never);
    await connection.sendSnapshotChunk(numberedChunk(0, 9, new Uint8Array(10 * KIB)));
    await until('the chunk is there', () => sinks[0]?.chunks.length === 1);
    connection.close();
    connection.close();
    await until('the sink is closed', () => sinks[0]?.closes === 1);
    await expect(connection.sendSnapshotChunk(numberedChunk(1, 9, new Uint8Array(1)))).rejects.toMatchObject({
      code: 'ERR_CONNECTION_CLOSED',
    });
    await expect(connection.finish()).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    await b.rpc.stop();
    expect(sinks[0]?.closes).toBe(1);
  });

  it('is cut while a chunk is being taken: the sink is closed when the loss is seen, and once', async () => {
    const gate = gateway();
    const { a, b, sinks } = await pair(() => gate.passed);
    const connection = await a.rpc.getSnapshotConnection(b.address, never);
    const sent = connection.sendSnapshotChunk(numberedChunk(0, 9, new Uint8Array(10 * KIB)));
    await sent;
    await until('the chunk is there', () => sinks[0]?.chunks.length === 1);
    connection.close();
    gate.open(true);
    await until('the sink is closed', () => sinks[0]?.closes === 1);
    await b.rpc.stop();
    expect(sinks[0]?.closes).toBe(1);
  });

  it('rejects the sender when the receiver stops, sink busy or not', async () => {
    const { a, b, sinks } = await pair(() => new Promise(() => undefined));
    const connection = await a.rpc.getSnapshotConnection(b.address, never);
    await connection.sendSnapshotChunk(numberedChunk(0, 1, new Uint8Array(10)));
    const finished = expect(connection.finish()).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
    await until('the chunk is there', () => sinks[0]?.chunks.length === 1);
    await b.rpc.stop();
    expect(sinks[0]?.closes).toBe(1);
    await finished;
  });

  it('ends a stream of bytes that are no chunk, and closes its sink', async () => {
    const { b, sinks } = await pair();
    const ws = new WebSocket(`ws://${b.address}/raft/v1/snapshots`, 'drakkar.v1');
    cleanups.push(() => {
      ws.terminate();
    });
    await once(ws, 'open');
    ws.send(Buffer.from([0xff, 0xff, 0xff, 0xff]));
    const [code] = (await once(ws, 'close')) as [number];
    expect(code).toBe(1007);
    expect(sinks.map((sink) => [sink.chunks.length, sink.closes])).toEqual([[0, 1]]);
    expect(b.warnings.length).toBe(1);
  });

  it('gives up on a receiver that answers nonsense', async () => {
    const { WebSocketServer } = await import('ws');
    const { freePort } = await import('@drakkar/raftio/transport/testing');
    const port = await freePort();
    const server = new WebSocketServer({ host: '127.0.0.1', port });
    server.on('connection', (ws) => {
      ws.send(Buffer.from([3]));
    });
    await once(server, 'listening');
    cleanups.push(() => {
      server.close();
    });
    const a = await hosts.start();
    const connection = await a.rpc.getSnapshotConnection(`127.0.0.1:${port}`, never);
    await expect(connection.finish()).rejects.toMatchObject({ code: 'ERR_CONNECTION_CLOSED' });
  });
});
