import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { MAX_MESSAGE_BYTES, encodeMessageBatch } from '@drakkar/raftio';
import {
  RecordingSink,
  type TestHost,
  TestHosts,
  never,
  numberedBatch,
  numberedChunk,
  termsOf,
  until,
} from '@drakkar/raftio/transport/testing';
import { FrameReader } from './frame-reader.js';
import { Method } from './frames.js';
import { decodeFarewell, encodeFarewell, encodeHello } from './hello.js';
import { type TcpTransportOptions, createTcpRaftRPC } from './index.js';
import { HELLO_MESSAGES, HELLO_SNAPSHOT, RawPeers, frame, goldenFrames } from './testing/wire.js';

const hosts = new TestHosts<TcpTransportOptions>(createTcpRaftRPC);
const raw = new RawPeers();
const hello = frame(Method.Hello, HELLO_MESSAGES);
const batch = (term: number): Buffer => frame(Method.Batch, encodeMessageBatch(numberedBatch(term)));

afterEach(async () => {
  await hosts.stop();
  await raw.end();
});

/** That the host still serves, after whatever was done to it. */
async function expectAlive(host: TestHost): Promise<void> {
  const client = raw.client(host.port, hello, batch(777));
  await until('the host still receives', () => termsOf(host.received).at(-1) === 777);
  client.socket.destroy();
}

/** The words with which the host has ended a connection: its last frame. */
function farewellIn(heard: Buffer): string {
  const words: string[] = [];
  const reader = new FrameReader({
    limitOf: () => heard.length,
    onFrame: (method, payload) => method === Method.Farewell && words.push(decodeFarewell(payload)),
    isPaused: () => false,
    onDamaged: () => undefined,
  });
  reader.push(heard);
  return words.join();
}

function withFlip(bytes: Uint8Array, bit: number): Buffer {
  const flipped = Buffer.from(bytes);
  flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return flipped;
}

const HEADER_BITS = 16 * 8;

describe('bits that are flipped on the way', () => {
  const frames = [
    ...goldenFrames('frames-drakkar.jsonl').map((each) => each.frame),
    ...goldenFrames('frames-dragonboat.jsonl').map((each) => each.frame),
  ];
  const stream = Buffer.concat(frames);

  /** Reads a stream with one bit flipped; gives how many frames came whole before it, and what became of it. */
  function read(bit: number): { count: number; isAltered: boolean; damaged: number; error: unknown } {
    const result = { count: 0, isAltered: false, damaged: 0, error: undefined as unknown };
    const reader = new FrameReader({
      limitOf: () => MAX_MESSAGE_BYTES,
      onFrame: (method, payload) => {
        const whole = frame(method as Method, payload);
        result.isAltered ||= !whole.equals(frames[result.count] ?? new Uint8Array(0));
        result.count += 1;
      },
      isPaused: () => false,
      onDamaged: () => (result.damaged += 1),
    });
    try {
      reader.push(withFlip(stream, bit));
    } catch (error) {
      result.error = error;
    }
    return result;
  }

  it('change no frame: each ends the connection with a reason, and one in a payload is counted', () => {
    const starts = frames.map((_, i) => Buffer.concat(frames.slice(0, i)).length);
    const wrong: unknown[] = [];
    let tried = 0;
    for (const [i, start] of starts.entries()) {
      const bits = (frames[i]?.length ?? 0) * 8;
      for (let bit = 0; bit < bits; bit += 1, tried += 1) {
        const { count, isAltered, damaged, error } = read(start * 8 + bit);
        const isCounted = damaged === (bit < HEADER_BITS ? 0 : 1);
        const isMalformed = (error as { code?: unknown } | undefined)?.code === 'ERR_MALFORMED';
        if (count !== i || isAltered || !isCounted || !isMalformed)
          wrong.push([i, bit, count, damaged, error]);
      }
    }
    expect(wrong).toEqual([]);
    expect(tried).toBeGreaterThan(10_000);
  });

  it.each(['drakkar', 'dragonboat'] as const)('are counted by a host among those of %s', async (peers) => {
    const host = await hosts.start({ options: { peers } });
    const opening = peers === 'drakkar' ? [hello] : [];
    const good = batch(1);
    for (const at of [3, 5, 9, 14, 16, 30]) {
      const client = raw.client(host.port, ...opening, good, withFlip(batch(2), at * 8));
      await client.ended;
      expect(farewellIn(client.heard())).toMatch(/checksum of .* does not match/);
    }
    expect(termsOf(host.received)).toEqual([1, 1, 1, 1, 1, 1]);
    expect(host.rpc.counters?.()).toMatchObject({ damagedBatches: 2, damagedChunks: 0 });
    expect(host.warnings[0]?.message).toMatch(/checksum/);
  });

  it('end the stream of a snapshot when they are in its answers', async () => {
    const host = await hosts.start();
    const answer = frame(Method.Hello, encodeHello({ who: 'host' }));
    const address = await raw.server((socket) => {
      socket.resume();
      socket.write(Buffer.concat([answer, withFlip(frame(Method.Taken), 40)]));
    });
    const stream = await host.rpc.getSnapshotConnection(address, never);
    const sending = (async () => {
      await stream.sendSnapshotChunk(numberedChunk(0, 1, new Uint8Array(10)));
      await stream.finish();
    })();
    await expect(sending).rejects.toMatchObject({ message: expect.stringMatching(/checksum/) });
  });
});

describe('a client that is no host', () => {
  it('is cut off when it sends random bytes', async () => {
    const host = await hosts.start();
    for (let round = 0; round < 10; round += 1) await raw.client(host.port, randomBytes(4096)).ended;
    expect(host.received).toEqual([]);
    expect(host.warnings.length).toBeGreaterThan(0);
    await expectAlive(host);
  });

  it('learns why it is refused', async () => {
    const host = await hosts.start({ chunkSinkFactory: () => new RecordingSink() });
    const hugeHello = frame(Method.Hello, new Uint8Array(1025));
    for (const [bytes, why] of [
      [[hugeHello], /a frame of method 600 and 1025 bytes, of at most 1024 bytes/],
      [[frame(Method.Hello, Buffer.from('drakkar-tcp/9 messages'))], /it speaks "drakkar-tcp\/9"/],
      [[frame(Method.Hello, encodeHello({ who: 'host' }))], /says hello as a host/],
      [
        [frame(Method.Hello, encodeHello({ who: 'messages', to: 'other:1' }))],
        /this host is 127.*not other:1/,
      ],
      [[batch(1)], /without a hello, as Dragonboat does/],
      [[frame(Method.Taken)], /a frame of method 611 where a hello is due/],
      [[hello, hello], /a frame of method 600 where none is due/],
      [[hello, frame(Method.Chunk, new Uint8Array(3))], /a frame of method 200 where none is due/],
      [[hello, frame(Method.Batch, new Uint8Array(3).fill(255))], /broke the protocol/],
      [[frame(Method.Hello, HELLO_SNAPSHOT), frame(Method.Batch)], /a frame of method 100 where none is due/],
    ] as const) {
      const client = raw.client(host.port, ...bytes);
      await client.ended;
      expect(farewellIn(client.heard())).toMatch(why);
    }
    expect(host.received).toEqual([]);
    await expectAlive(host);
  });

  it('gets nothing in without the checksum of a batch, once it has said who it is', async () => {
    const host = await hosts.start();
    const bare = encodeMessageBatch({ ...numberedBatch(1), features: 1 }).subarray(0, -6);
    const named = frame(Method.Hello, encodeHello({ who: 'messages', from: 'a:1' }));
    const client = raw.client(host.port, named, frame(Method.Batch, bare));
    await client.ended;
    expect(farewellIn(client.heard())).toMatch(/without the checksum/);
    expect([host.received, host.rpc.counters?.().damagedBatches]).toEqual([[], 1]);
  });

  it('does not get the memory that it announces', async () => {
    const host = await hosts.start();
    const header = frame(Method.Batch, Buffer.alloc(MAX_MESSAGE_BYTES + 1)).subarray(0, 16);
    const client = raw.client(host.port, hello, header);
    await client.ended;
    expect(farewellIn(client.heard())).toMatch(/of at most 69206016 bytes/);
  });

  it('is cut off in time when it says nothing, or says it slowly', async () => {
    const host = await hosts.start({ options: { handshakeTimeoutMs: 200 } });
    const clients = [raw.client(host.port), raw.client(host.port, hello.subarray(0, 20))];
    await Promise.all(clients.map(({ ended }) => ended));
    expect(host.warnings[0]?.message).toMatch(/did not complete its handshake in time/);
    await expectAlive(host);
  });

  it('is dropped when maxConnections are open', async () => {
    const host = await hosts.start({ options: { maxConnections: 2 } });
    const held = [raw.client(host.port), raw.client(host.port)];
    await Promise.all(held.map(({ socket }) => once(socket, 'connect')));
    await raw.client(host.port).ended;
    expect(host.warnings[0]?.message).toMatch(/maxConnections/);
    for (const { socket, ended } of held) {
      socket.destroy();
      await ended;
    }
    await expectAlive(host);
  });

  it('pushes out others that say nothing where hosts of Dragonboat say no hello, and none that has sent a batch', async () => {
    const host = await hosts.start({ options: { peers: 'dragonboat', maxConnections: 64 } });
    const speaker = raw.client(host.port, batch(1));
    await until('the batch is there', () => host.received.length === 1);
    const silent = Array.from({ length: 17 }, () => raw.client(host.port));
    await Promise.race(silent.map(({ ended }) => ended));
    speaker.socket.write(batch(2));
    await until('the next batch is there', () => host.received.length === 2);
  });

  it('pushes out others that say nothing, and no host', async () => {
    const host = await hosts.start({ options: { maxConnections: 64 } });
    const peer = await hosts.start();
    const connection = await peer.rpc.getConnection(host.address, never);
    const silent = Array.from({ length: 17 }, () => raw.client(host.port));
    await Promise.race(silent.map(({ ended }) => ended));
    await connection.sendMessageBatch(numberedBatch(1));
    await until('the batch is there', () => host.received.length === 1);
  });
});

describe('a server that is no host', () => {
  it.each([
    [
      'answers in HTTP',
      (socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
      /no frame.*tcp transport/,
    ],
    ['hangs up', (socket) => socket.end(), /hung up in the handshake/],
    ['says nothing', () => true, /no answer .* within 200 ms/],
    [
      'says why',
      (socket) => socket.write(frame(Method.Farewell, encodeFarewell('no\n\u001b[2Jroom'))),
      /refused.*no\?\?\[2Jroom/,
    ],
    ['says hello as a client', (socket) => socket.write(hello), /answers as a client would/],
  ] as [string, (socket: Socket) => unknown, RegExp][])(
    'is refused when it %s',
    async (_what, onSocket, why) => {
      const host = await hosts.start({ options: { connectTimeoutMs: 200 } });
      const address = await raw.server((socket) => {
        socket.resume();
        onSocket(socket);
      });
      await expect(host.rpc.getConnection(address, never)).rejects.toMatchObject({
        code: 'ERR_CONNECT_FAILED',
        message: expect.stringMatching(why),
      });
    },
  );
});
