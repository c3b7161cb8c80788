import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { encodeMessageBatch, type MutualTLSConfig } from '@drakkar/raftio';
import {
  CertificateFolder,
  TestCA,
  TestHosts,
  mutualTLSTests,
  never,
  numberedBatch,
  settlesWithin,
  termsOf,
  until,
} from '@drakkar/raftio/transport/testing';
import { createGrpcRaftRPC } from './index.js';
import { MESSAGES_PATH } from './service.js';
import { Http2Peer, framed } from './testing/http2-peer.js';

mutualTLSTests(createGrpcRaftRPC);

const hosts = new TestHosts(createGrpcRaftRPC);
const cleanups: (() => void)[] = [];
let folder: CertificateFolder;
let ca: TestCA;

beforeAll(async () => {
  folder = await CertificateFolder.create();
  ca = await TestCA.create('deployment');
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) cleanup();
  await hosts.stop();
});
afterAll(async () => {
  await folder.remove();
});

/** The preface of HTTP/2 and empty settings. */
const GREETING = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0';

async function files(): Promise<MutualTLSConfig> {
  return folder.write(ca.pem, await ca.issue());
}

function credentials({ certFile, keyFile }: MutualTLSConfig): { cert: Buffer; key: Buffer } {
  return { cert: readFileSync(certFile), key: readFileSync(keyFile) };
}

describe('a connection on which little is sent', () => {
  it.each([true, false])('stays, however often it is looked at (mutual TLS: %s)', async (isSecure) => {
    const mutualTLS = isSecure ? await files() : undefined;
    const options = { pingIntervalMs: 10, deadPeerTimeoutMs: 60_000 };
    const a = await hosts.start({ mutualTLS, options });
    const b = await hosts.start({ mutualTLS, options });
    const connection = await a.rpc.getConnection(b.address, never);
    for (let term = 1; term <= 5; term += 1) {
      await connection.sendMessageBatch(numberedBatch(term, new Uint8Array(200)));
      await until('the batch is there', () => b.received.length === term);
      expect(await settlesWithin(connection.closed, 40)).toBe(false);
    }
  });
});

describe('a listening host', () => {
  it('serves a client with a certificate, on HTTP/2 over TLS, and none without', async () => {
    const identity = await files();
    const host = await hosts.start({ mutualTLS: identity });
    const answer = await new Promise<string>((resolve) => {
      const chunks: Buffer[] = [];
      const socket = connect(
        { host: '127.0.0.1', port: host.port, ca: ca.pem, ALPNProtocols: ['h2'] },
        () => {
          socket.write(GREETING);
        },
      );
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.on('error', () => undefined);
      socket.on('close', () => {
        resolve(Buffer.concat(chunks).toString('hex'));
      });
    });
    expect(answer).toBe('');
    expect(host.warnings.map(({ message }) => message)).toEqual([
      expect.stringContaining('a client failed the handshake'),
    ]);
    const peer = new Http2Peer(`https://${host.address}`, { ca: ca.pem, ...credentials(identity) });
    cleanups.push(() => {
      peer.destroy();
    });
    const call = peer.call(MESSAGES_PATH);
    call.stream.end(framed(encodeMessageBatch(numberedBatch(1))));
    expect(await call.ended).toMatchObject({ grpcStatus: 0 });
    expect(termsOf(host.received)).toEqual([1]);
  });

  it('accepts TLS 1.2 and 1.3, nothing before, and no other protocol than HTTP/2', async () => {
    const identity = await files();
    const host = await hosts.start({ mutualTLS: identity });
    const attempt = (options: object): Promise<string> =>
      new Promise((resolve) => {
        const socket = connect({
          host: '127.0.0.1',
          port: host.port,
          ca: ca.pem,
          ...credentials(identity),
          minVersion: 'TLSv1',
          ciphers: 'DEFAULT@SECLEVEL=0',
          ALPNProtocols: ['h2'],
          ...options,
        });
        socket.on('secureConnect', () => {
          resolve(`${socket.getProtocol()} ${socket.alpnProtocol}`);
          socket.destroy();
        });
        socket.on('error', () => {
          resolve('refused');
        });
      });
    expect(await attempt({})).toBe('TLSv1.3 h2');
    expect(await attempt({ maxVersion: 'TLSv1.2' })).toBe('TLSv1.2 h2');
    expect(await attempt({ maxVersion: 'TLSv1.1' })).toBe('refused');
    expect(await attempt({ ALPNProtocols: ['http/1.1'] })).toBe('refused');
  });

  it('lets nobody in by resuming a session from before its CA was distrusted', async () => {
    const identity = await files();
    const client = credentials(identity);
    const host = await hosts.start({ mutualTLS: identity });
    const get = (
      version: 'TLSv1.2' | 'TLSv1.3',
      session?: Buffer,
    ): Promise<{ answered: boolean; session: Buffer | undefined }> =>
      new Promise((resolve) => {
        const server = {
          host: '127.0.0.1',
          port: host.port,
          rejectUnauthorized: false,
          ALPNProtocols: ['h2'],
        };
        const versions = { minVersion: version, maxVersion: version };
        const socket = connect({ ...server, ...versions, ...client, ...(session && { session }) }, () => {
          socket.write(GREETING);
        });
        let ticket: Buffer | undefined;
        let answered = false;
        socket.on('session', (latest) => (ticket = latest));
        socket.on('data', () => {
          answered = true;
          // The tickets of TLS 1.3 come with or before the first data.
          setTimeout(() => socket.destroy(), 20);
        });
        socket.on('error', () => undefined);
        socket.on('close', () => {
          resolve({ answered, session: ticket });
        });
      });
    const before = { old: await get('TLSv1.2'), recent: await get('TLSv1.3') };
    expect([before.old.answered, before.recent.answered]).toEqual([true, true]);
    expect(before.recent.session).toBeDefined();
    const foreignCA = await TestCA.create('somebody else');
    await folder.write(foreignCA.pem, await foreignCA.issue(), identity);
    expect((await get('TLSv1.2', before.old.session)).answered).toBe(false);
    expect((await get('TLSv1.3', before.recent.session)).answered).toBe(false);
  });
});

describe('a connection over TLS', () => {
  it('is not given up while it is idle', async () => {
    const options = { pingIntervalMs: 20, deadPeerTimeoutMs: 100 };
    const a = await hosts.start({ mutualTLS: await files(), options });
    const b = await hosts.start({ mutualTLS: await files(), options });
    const connection = await a.rpc.getConnection(b.address, never);
    expect(await settlesWithin(connection.closed, 600)).toBe(false);
    await connection.sendMessageBatch(numberedBatch(1));
    await until('the batch is there', () => b.received.length === 1);
  });
});
