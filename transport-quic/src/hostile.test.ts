import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  RecordingSink,
  type TestHost,
  TestHosts,
  never,
  numberedBatch,
  termsOf,
  until,
} from '@drakkar/raftio/transport/testing';
import { encodeMessageBatch } from '@drakkar/raftio';
import { type QuicTransportOptions, createQuicRaftRPC } from './index.js';
import { FrameType, MAX_FRAME_PAYLOAD_BYTES, writeHeader, writeUint32 } from './protocol/frames.js';
import { decodeRefusal, encodeHello } from './protocol/hello.js';
import { RawClient, helloFor } from './testing/raw-client.js';

const hosts = new TestHosts<QuicTransportOptions>(createQuicRaftRPC);
const clients: RawClient[] = [];

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await hosts.stop();
});

function kept(client: RawClient): RawClient {
  clients.push(client);
  return client;
}

async function expectServes(host: TestHost, engine: 'quic' | 'webtransport-h2'): Promise<void> {
  const from = await hosts.start({ options: { engine } });
  const connection = await from.rpc.getConnection(host.address, never);
  await connection.sendMessageBatch(numberedBatch(77));
  await until('the host serves on', () => termsOf(host.received).includes(77));
}

/** A Begin frame of a message that says to be of `length` bytes. */
function begin(length: number, bytes: Uint8Array): Uint8Array {
  const payload = new Uint8Array(4 + bytes.length);
  writeUint32(payload, 0, length);
  payload.set(bytes, 4);
  return payload;
}

function random(sizeBytes: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: sizeBytes }, () => {
    state = (state * 1_103_515_245 + 12_345) & 0x7fffffff;
    return state >>> 16;
  });
}

const wellFormed = encodeMessageBatch(numberedBatch(1));

for (const engine of ['quic', 'webtransport-h2'] as const) {
  const options = { engine, handshakeTimeoutMs: 1000, closeTimeoutMs: 300 } satisfies QuicTransportOptions;

  describe(`a hello that is none, by ${engine}`, () => {
    const hellos: [string, (target: string) => Uint8Array][] = [
      ['garbage', () => random(300, 1)],
      ['not JSON', () => new Uint8Array(Buffer.from('{"protocol":'))],
      ['an array', () => new Uint8Array(Buffer.from('[1]'))],
      ['nothing', () => new Uint8Array(0)],
      ['too long', (to) => encodeHello(helloFor(engine, to, { from: 'x'.repeat(5000) }))],
      ['another protocol', (to) => encodeHello(helloFor(engine, to, { protocol: 'drakkar-quic/9' }))],
      ['a short nonce', (to) => encodeHello(helloFor(engine, to, { nonce: 'aaaa' }))],
      ['a window of nothing', (to) => encodeHello(helloFor(engine, to, { windowBytes: 0 }))],
      ['a window of everything', (to) => encodeHello(helloFor(engine, to, { windowBytes: 2 ** 52 }))],
      ['another deployment', (to) => encodeHello(helloFor(engine, to, { deploymentID: 2 }))],
      ['another engine', (to) => encodeHello(helloFor('webtransport', to))],
    ];

    it('is refused with a reason, and the host serves on', async () => {
      const host = await hosts.start({ options });
      for (const [what, make] of hellos) {
        const client = kept(await RawClient.connect(engine, host.address));
        client.send(FrameType.Hello, make(host.address));
        const { reason } = decodeRefusal(await client.hears(FrameType.Refuse));
        expect(`${what}: ${reason}`).toMatch(/: .{5,}/);
        await client.endsSoon();
      }
      expect(host.received).toEqual([]);
      expect(host.warnings.length).toBeGreaterThan(0);
      await expectServes(host, engine);
    });

    it('is not waited for indefinitely', async () => {
      const host = await hosts.start({ options });
      const silent = kept(await RawClient.connect(engine, host.address));
      silent.write(new Uint8Array([FrameType.Hello, 0]));
      await silent.endsSoon();
      await until('it is told', () => host.warnings.some(({ message }) => message.includes('in time')));
      await expectServes(host, engine);
    });

    it.each([true, false])(
      'keeps no host out, however many there are (opened a stream: %s)',
      async (opens) => {
        const host = await hosts.start({
          options: { ...options, maxConnections: 20, handshakeTimeoutMs: 120_000 },
        });
        const from = await hosts.start({ options });
        const early = await from.rpc.getConnection(host.address, never);
        await early.sendMessageBatch(numberedBatch(1));
        await until('one came before them', () => host.received.length === 1);
        for (let count = 0; count < 24; count += 1) {
          const silent = kept(await RawClient.connect(engine, host.address));
          if (opens) silent.write(new Uint8Array([FrameType.Hello, 0]));
        }
        await expectServes(host, engine);
        await early.sendMessageBatch(numberedBatch(2));
        await until('who came before them is still there', () => termsOf(host.received).includes(2));
        expect(host.warnings[0]?.message).toContain('too many');
      },
    );

    it('does not let in what comes before it', async () => {
      const host = await hosts.start({ options });
      for (const type of [
        FrameType.Begin,
        FrameType.Proof,
        FrameType.Ready,
        FrameType.Credit,
        FrameType.End,
      ]) {
        const client = kept(await RawClient.connect(engine, host.address));
        client.send(type, begin(wellFormed.length, wellFormed));
        await client.endsSoon();
        expect(client.frame(FrameType.Ready)).toBeUndefined();
      }
      expect(host.received).toEqual([]);
    });
  });

  describe(`frames that are not as they must be, by ${engine}`, () => {
    const attacks: [string, (client: RawClient) => void][] = [
      ['an unknown type', ({ channel }) => channel.write(new Uint8Array([99, 0, 0, 0, 0]))],
      ['type 0', ({ channel }) => channel.write(new Uint8Array(64))],
      [
        'too long a frame',
        ({ channel }) => {
          const header = new Uint8Array(5);
          writeHeader(header, 0, FrameType.More, MAX_FRAME_PAYLOAD_BYTES + 1);
          channel.write(header);
        },
      ],
      ['too long a message', (client) => client.send(FrameType.Begin, begin(0xffffffff, wellFormed))],
      ['more than the message has', (client) => client.send(FrameType.Begin, begin(3, wellFormed))],
      ['more of no message', (client) => client.send(FrameType.More, wellFormed)],
      ['a message without length', (client) => client.send(FrameType.Begin, new Uint8Array(3))],
      [
        'a message in a message',
        (client) => {
          client.send(FrameType.Begin, begin(1000, wellFormed));
          client.send(FrameType.Begin, begin(wellFormed.length, wellFormed));
        },
      ],
      [
        'nothing more of a message',
        (client) => {
          client.send(FrameType.Begin, begin(1000, wellFormed));
          client.send(FrameType.More, new Uint8Array(0));
        },
      ],
      ['credit for nothing', (client) => client.send(FrameType.Credit, new Uint8Array([0, 0, 0, 1]))],
      ['half a credit', (client) => client.send(FrameType.Credit, new Uint8Array(2))],
      ['a second hello', (client) => client.send(FrameType.Hello, new Uint8Array(9))],
      ['an end of messages', (client) => client.send(FrameType.End)],
      ['an answer', (client) => client.send(FrameType.Done)],
      ['malformed content', (client) => client.send(FrameType.Begin, begin(20, random(20, 3)))],
    ];

    it('cost the client its connection and nobody else anything', async () => {
      const host = await hosts.start({ options });
      for (const [what, attack] of attacks) {
        const client = kept(await RawClient.greeted(engine, host.address));
        attack(client);
        await client.endsSoon().catch((error: unknown) => {
          throw new Error(`${what}: ${String(error)}`);
        });
      }
      expect(host.received).toEqual([]);
      expect(host.warnings[0]?.message).toMatch(/broke the protocol/);
      await expectServes(host, engine);
    });

    it('random bytes do not, after the hello', async () => {
      const host = await hosts.start({ options });
      for (let seed = 1; seed <= 20; seed++) {
        const client = kept(await RawClient.greeted(engine, host.address));
        const bytes = random(2000, seed);
        bytes[0] = 1 + (seed % 11);
        for (let at = 1; at < 4; at++) bytes[at] = 0;
        client.write(bytes);
        await client.endsSoon();
      }
      await expectServes(host, engine);
    });
  });

  describe(`a sender that does not mind its credit, by ${engine}`, () => {
    const windowBytes = 64 * 1024;

    it('loses its connection when the sink of a snapshot is slow', async () => {
      const sink = new RecordingSink();
      sink.gate = () => new Promise(() => undefined);
      const host = await hosts.start({
        options: { ...options, snapshotWindowBytes: windowBytes },
        chunkSinkFactory: () => sink,
      });
      const client = kept(await RawClient.greeted(engine, host.address, { kind: 'snapshots' }));
      const { encodeSnapshotChunk } = await import('@drakkar/raftio');
      const { numberedChunk } = await import('@drakkar/raftio/transport/testing');
      const chunk = encodeSnapshotChunk(numberedChunk(0, 9, new Uint8Array(20_000)));
      for (let count = 0; count < 9; count++) client.send(FrameType.Begin, begin(chunk.length, chunk));
      await client.endsSoon();
      await until('the sink is closed', () => sink.closes === 1);
      expect(sink.chunks.length).toBe(1);
      expect(host.warnings[0]?.message).toMatch(/credit/);
    });

    it('is let be when messages are taken as they come', async () => {
      const host = await hosts.start({ options: { ...options, receiveWindowBytes: windowBytes } });
      const client = kept(await RawClient.greeted(engine, host.address));
      for (let count = 0; count < 5000; count++)
        client.send(FrameType.Begin, begin(wellFormed.length, wellFormed));
      await until('all arrive', () => host.received.length === 5000);
      expect(host.warnings).toEqual([]);
    });
  });
}

describe('UDP datagrams of every kind at the port of engine quic', () => {
  it('leave a connection and the host as they are', async () => {
    const host = await hosts.start({ options: { engine: 'quic' } });
    const from = await hosts.start({ options: { engine: 'quic' } });
    const connection = await from.rpc.getConnection(host.address, never);
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    for (let seed = 1; seed <= 300; seed++) {
      const datagram = random(1 + ((seed * 37) % 1400), seed);
      if (seed % 2 === 0) datagram.set([0xc0 | (seed % 16), 0, 0, 0, 1].slice(0, datagram.length));
      await new Promise((resolve) => {
        socket.send(datagram, host.port, '127.0.0.1', resolve);
      });
    }
    socket.close();
    await connection.sendMessageBatch(numberedBatch(5));
    await until('the connection carries on', () => termsOf(host.received).includes(5));
    await expectServes(host, 'quic');
  });
});
