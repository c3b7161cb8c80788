import { readFileSync } from 'node:fs';
import { type ConnectionOptions, connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type MutualTLSConfig, encodeMessageBatch } from '@drakkar/raftio';
import {
  CertificateFolder,
  RecordingSink,
  TestCA,
  TestHosts,
  mutualTLSTests,
  never,
  numberedBatch,
  numberedChunk,
  settlesWithin,
  termsOf,
  until,
} from '@drakkar/raftio/transport/testing';
import { Method } from './frames.js';
import { createTcpRaftRPC } from './index.js';
import { HELLO_MESSAGES, frame } from './testing/wire.js';

mutualTLSTests(createTcpRaftRPC);

const hosts = new TestHosts(createTcpRaftRPC);
const dragonboat = { peers: 'dragonboat' } as const;
let folder: CertificateFolder;
let ca: TestCA;
let foreignCA: TestCA;

beforeAll(async () => {
  folder = await CertificateFolder.create();
  ca = await TestCA.create('deployment');
  foreignCA = await TestCA.create('somebody else');
});
afterEach(async () => {
  await hosts.stop();
});
afterAll(async () => {
  await folder.remove();
});

async function files(issuer = ca): Promise<MutualTLSConfig> {
  return folder.write(ca.pem, await issuer.issue());
}

/** What a client hears that says hello and sends a batch; empty when the host lets it in and says nothing. */
function heardBy(port: number, options: ConnectionOptions): Promise<{ heard: Buffer; session?: Buffer }> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let session: Buffer | undefined;
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options }, () => {
      socket.write(frame(Method.Hello, HELLO_MESSAGES));
      socket.end(frame(Method.Batch, encodeMessageBatch(numberedBatch(1))));
    });
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.on('session', (latest) => (session = latest));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve({ heard: Buffer.concat(chunks), ...(session && { session }) }));
  });
}

describe('a listening host', () => {
  it('takes no TLS before 1.2, and no client without a certificate', async () => {
    const identity = await files();
    const host = await hosts.start({ mutualTLS: identity });
    const own = { cert: readFileSync(identity.certFile), key: readFileSync(identity.keyFile) };
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    expect((await heardBy(host.port, { ...own, ...old })).heard.length).toBe(0);
    expect((await heardBy(host.port, {})).heard.length).toBe(0);
    expect(host.received).toEqual([]);
    expect((await heardBy(host.port, own)).heard.length).toBeGreaterThan(0);
    await until('the batch of the third is there', () => host.received.length === 1);
  });

  it('lets nobody in by resuming a session from before its CA was distrusted', async () => {
    const identity = await files();
    const host = await hosts.start({ mutualTLS: identity });
    const own = { cert: readFileSync(identity.certFile), key: readFileSync(identity.keyFile) };
    const first = await heardBy(host.port, own);
    expect(first.heard.length).toBeGreaterThan(0);
    await folder.write(foreignCA.pem, await foreignCA.issue(), identity);
    const again = await heardBy(host.port, { ...own, ...(first.session && { session: first.session }) });
    expect(again.heard.length).toBe(0);
  });
});

describe('a connection over TLS', () => {
  it('is not given up while it is idle', async () => {
    const options = { pingIntervalMs: 20, deadPeerTimeoutMs: 200 };
    const a = await hosts.start({ options, mutualTLS: await files() });
    const b = await hosts.start({ options, mutualTLS: await files() });
    const connection = await a.rpc.getConnection(b.address, never);
    expect(await settlesWithin(connection.closed, 700)).toBe(false);
    await connection.sendMessageBatch(numberedBatch(1));
    await until('the batch is there', () => b.received.length === 1);
  });
});

describe('hosts among those of Dragonboat', () => {
  it('exchange messages and snapshots over mutual TLS', async () => {
    const sink = new RecordingSink();
    const a = await hosts.start({ options: dragonboat, mutualTLS: await files() });
    const mutualTLS = await files();
    const b = await hosts.start({ options: dragonboat, mutualTLS, chunkSinkFactory: () => sink });
    await (await a.rpc.getConnection(b.address, never)).sendMessageBatch(numberedBatch(5));
    await until('the batch is there', () => termsOf(b.received).includes(5));
    const stream = await a.rpc.getSnapshotConnection(b.address, never);
    for (const id of [0, 1]) {
      await stream.sendSnapshotChunk(numberedChunk(id, 2, new Uint8Array(1_000_000).fill(id + 1)));
    }
    await stream.finish();
    expect(sink.chunks.map(({ data }) => [data.length, data[999_999]])).toEqual([
      [1_000_000, 1],
      [1_000_000, 2],
    ]);
    expect(sink.closes).toBe(1);
  });

  it('end a connection at once whose client has a certificate of another CA, and take nothing from it', async () => {
    const a = await hosts.start({ options: dragonboat, mutualTLS: await files(foreignCA) });
    const b = await hosts.start({ options: dragonboat, mutualTLS: await files() });
    const attempt = a.rpc.getConnection(b.address, never).then(async (connection) => {
      await connection.sendMessageBatch(numberedBatch(1)).catch(() => undefined);
      return connection.closed;
    });
    expect(await attempt.catch((error: unknown) => error)).toBeInstanceOf(Error);
    await until('it was told', () => b.warnings.some(({ message }) => message.includes('handshake')));
    expect(b.received).toEqual([]);
  });
});
