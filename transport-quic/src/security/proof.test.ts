import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { MutualTLSConfig } from '@drakkar/raftio';
import { type Identity, IdentityFiles, Newcomers } from '@drakkar/raftio/transport';
import {
  CertificateFolder,
  TestCA,
  type TestHost,
  TestHosts,
  freePort,
  never,
  numberedBatch,
  until,
} from '@drakkar/raftio/transport/testing';
import { chooseEngine } from '../choose-engine.js';
import type { Channel, EngineListener } from '../engine.js';
import { type QuicTransportOptions, createQuicRaftRPC } from '../index.js';
import { FramePort } from '../protocol/frame-port.js';
import { FrameType, makeFrame } from '../protocol/frames.js';
import { decodeHello, decodeRefusal, encodeHello } from '../protocol/hello.js';
import { RawClient, helloFor } from '../testing/raw-client.js';
import { type Transcript, makeProof } from './proof.js';

const ENGINE_OPTIONS = { handshakeTimeoutMs: 5000, closeTimeoutMs: 500, deadPeerTimeoutMs: 10_000 };
const hosts = new TestHosts<QuicTransportOptions>(createQuicRaftRPC);
const clients: RawClient[] = [];
const listeners: EngineListener[] = [];
let folder: CertificateFolder;
let ca: TestCA;
let files: MutualTLSConfig;

beforeAll(async () => {
  folder = await CertificateFolder.create();
  ca = await TestCA.create('deployment');
  files = await folder.write(ca.pem, await ca.issue());
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await hosts.stop();
  await Promise.all(listeners.splice(0).map((listener) => listener.close()));
});
afterAll(async () => {
  await folder.remove();
});

async function identityOf(mutualTLS: MutualTLSConfig): Promise<Identity> {
  return new IdentityFiles(mutualTLS, () => undefined).current();
}

function proofOf(payload: Uint8Array): { chain: string[]; signature: string } {
  return JSON.parse(Buffer.from(payload).toString()) as { chain: string[]; signature: string };
}

function encodeProof(proof: unknown): Uint8Array {
  return new Uint8Array(Buffer.from(JSON.stringify(proof)));
}

for (const engine of ['quic', 'webtransport-h2'] as const) {
  /** A client that has said hello to a host with mutual TLS, and what both have said. */
  const hello = async (host: TestHost): Promise<{ client: RawClient; transcript: Transcript }> => {
    const client = await RawClient.connect(engine, host.address, true);
    clients.push(client);
    const clientHello = encodeHello(helloFor(engine, host.address, { mutualTLS: true }));
    client.send(FrameType.Hello, clientHello);
    const serverHello = await client.hears(FrameType.Hello);
    await client.hears(FrameType.Proof);
    const binding = new Uint8Array(Buffer.from(decodeHello(serverHello).binding, 'base64'));
    return { client, transcript: { clientHello, serverHello, binding } };
  };
  const start = (): Promise<TestHost> => hosts.start({ options: { engine }, mutualTLS: files });
  const expectRefused = async (client: RawClient, proof: Uint8Array): Promise<string> => {
    client.send(FrameType.Proof, proof);
    const { reason } = decodeRefusal(await client.hears(FrameType.Refuse));
    await client.endsSoon();
    expect(client.frame(FrameType.Ready)).toBeUndefined();
    return reason;
  };

  describe(`the proof of a client, by ${engine}`, () => {
    it('is accepted once, in the session that it was made for', async () => {
      const host = await start();
      const identity = await identityOf(files);
      const first = await hello(host);
      const proof = makeProof('client', identity, first.transcript);
      first.client.send(FrameType.Proof, proof);
      await first.client.hears(FrameType.Ready);
      const second = await hello(host);
      expect(await expectRefused(second.client, proof)).toMatch(/possession/);
    });

    it('is refused with the certificate of another and a key of its own', async () => {
      const host = await start();
      const mine = await identityOf(await folder.write(ca.pem, await (await TestCA.create('me')).issue()));
      const { client, transcript } = await hello(host);
      const { chain } = proofOf(await client.hears(FrameType.Proof));
      const { signature } = proofOf(makeProof('client', mine, transcript));
      expect(await expectRefused(client, encodeProof({ chain, signature }))).toMatch(/possession/);
    });

    it("is refused when it is the server's own, given back", async () => {
      const host = await start();
      const { client } = await hello(host);
      expect(await expectRefused(client, await client.hears(FrameType.Proof))).toMatch(/possession/);
    });

    it('is refused for another binding, other nonces, another role', async () => {
      const host = await start();
      const identity = await identityOf(files);
      const changes: ((transcript: Transcript) => Uint8Array)[] = [
        (transcript) => makeProof('client', identity, { ...transcript, binding: new Uint8Array(32) }),
        (transcript) =>
          makeProof('client', identity, {
            ...transcript,
            clientHello: encodeHello(helloFor(engine, host.address, { mutualTLS: true })),
          }),
        (transcript) => makeProof('client', identity, { ...transcript, serverHello: new Uint8Array(9) }),
        (transcript) => makeProof('server', identity, transcript),
      ];
      for (const change of changes) {
        const { client, transcript } = await hello(host);
        expect(await expectRefused(client, change(transcript))).toMatch(/possession/);
      }
      expect(host.received).toEqual([]);
    });

    it('is refused when it is none', async () => {
      const host = await start();
      const { chain, signature } = proofOf(
        makeProof('client', await identityOf(files), (await hello(host)).transcript),
      );
      const none = [
        {},
        [],
        { chain: [], signature },
        { chain: ['AAAA'], signature },
        { chain, signature: '' },
        { chain: [7], signature },
        { chain: Array.from({ length: 9 }, () => chain[0]), signature },
      ];
      for (const proof of none) {
        const { client } = await hello(host);
        expect(await expectRefused(client, encodeProof(proof))).toMatch(/.{5,}/);
      }
      const from = await start();
      const connection = await from.rpc.getConnection(host.address, never);
      await connection.sendMessageBatch(numberedBatch(1));
      await until('the host serves on', () => host.received.length === 1);
    });
  });

  describe(`somebody in between, by ${engine}`, () => {
    it('is noticed by the dialling side when passing on everything', async () => {
      const host = await start();
      const from = await start();
      const { engine: relay } = await chooseEngine(engine, ENGINE_OPTIONS);
      const port = await freePort();
      const pipe = async (victim: Channel): Promise<void> => {
        const early: Uint8Array[] = [];
        const up: { stream?: Channel } = {};
        victim.attach({
          onData: (bytes) => {
            if (up.stream === undefined) early.push(new Uint8Array(bytes));
            else up.stream.write(new Uint8Array(bytes));
          },
          onEnd: () => {
            up.stream?.destroy();
            victim.destroy();
          },
        });
        const upstream = await relay.connect({
          host: '127.0.0.1',
          port: host.port,
          mutualTLS: true,
          timeoutMs: 5000,
          signal: never,
        });
        upstream.attach({
          onData: (bytes) => {
            victim.write(new Uint8Array(bytes));
          },
          onEnd: () => {
            victim.destroy();
          },
        });
        up.stream = upstream;
        for (const bytes of early) upstream.write(bytes);
      };
      listeners.push(
        await relay.listen({
          host: '127.0.0.1',
          port,
          address: `127.0.0.1:${port}`,
          mutualTLS: true,
          maxSessions: 10,
          newcomers: new Newcomers(10),
          onChannel: (channel) => void pipe(channel),
          onRefused: () => undefined,
        }),
      );
      await expect(from.rpc.getConnection(`127.0.0.1:${port}`, never)).rejects.toMatchObject({
        code: 'ERR_TLS',
        message: expect.stringContaining('in between'),
      });
      expect(host.received).toEqual([]);
    });
  });

  describe(`a server that is none of the deployment, by ${engine}`, () => {
    /** A server that answers each hello with frames of its own. */
    const impostor = async (
      answer: (clientHello: Uint8Array, channel: Channel) => Uint8Array[],
    ): Promise<string> => {
      const { engine: chosen } = await chooseEngine(engine, ENGINE_OPTIONS);
      const port = await freePort();
      const address = `127.0.0.1:${port}`;
      const onChannel = (channel: Channel): void => {
        const peer = new FramePort(channel, {
          onFrame: (type, payload) => {
            if (type !== FrameType.Hello) return;
            for (const frame of answer(new Uint8Array(payload), channel)) peer.sendBytes(frame);
          },
          onEnd: () => {
            channel.destroy();
          },
        });
      };
      listeners.push(
        await chosen.listen({
          host: '127.0.0.1',
          port,
          address,
          mutualTLS: true,
          maxSessions: 10,
          newcomers: new Newcomers(10),
          onChannel,
          onRefused: () => undefined,
        }),
      );
      return address;
    };
    const helloBack = (to: string, channel: Channel): Uint8Array =>
      encodeHello(
        helloFor(engine, to, {
          mutualTLS: true,
          binding: Buffer.from(channel.binding() ?? []).toString('base64'),
        }),
      );

    it('gets neither messages nor a proof', async () => {
      const from = await start();
      const stranger = await identityOf(
        await folder.write(ca.pem, await (await TestCA.create('deployment')).issue()),
      );
      const others = new Map<string, (transcript: Transcript) => Uint8Array[]>([
        ['no proof', () => []],
        ['its own', (transcript) => [makeFrame(FrameType.Proof, makeProof('server', stranger, transcript))]],
        ['an empty one', () => [makeFrame(FrameType.Proof, encodeProof({ chain: [], signature: '' }))]],
      ]);
      for (const [what, proofs] of others) {
        const heard: number[] = [];
        const address = await impostor((clientHello, channel) => {
          heard.push(1);
          const { to } = decodeHello(clientHello);
          const serverHello = helloBack(to, channel);
          const transcript = { clientHello, serverHello, binding: channel.binding() ?? new Uint8Array(0) };
          return [makeFrame(FrameType.Hello, serverHello), ...proofs(transcript), makeFrame(FrameType.Ready)];
        });
        const attempt = from.rpc.getConnection(address, never);
        await expect(attempt.then(() => what)).rejects.toMatchObject({
          code: what === 'no proof' ? 'ERR_CONNECT_FAILED' : 'ERR_TLS',
        });
        expect([what, heard.length]).toEqual([what, 1]);
      }
    });
  });
}
