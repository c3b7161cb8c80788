import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { MutualTLSConfig } from '@drakkar/raftio';
import {
  CertificateFolder,
  type HostOptions,
  TestCA,
  type TestHost,
  TestHosts,
  mutualTLSTests,
  never,
  numberedBatch,
  settlesWithin,
  termsOf,
  until,
} from '@drakkar/raftio/transport/testing';
import { type WsTransportOptions, createWsRaftRPC } from './index.js';

mutualTLSTests(createWsRaftRPC);

const hosts = new TestHosts(createWsRaftRPC);
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

async function files(): Promise<MutualTLSConfig> {
  return folder.write(ca.pem, await ca.issue());
}

async function startWith(
  mutualTLS: MutualTLSConfig | undefined,
  options: HostOptions<WsTransportOptions> = {},
): Promise<TestHost> {
  return hosts.start({ mutualTLS, ...options });
}

async function expectDelivery(from: TestHost, to: TestHost, term: number): Promise<void> {
  const connection = await from.rpc.getConnection(to.address, never);
  await connection.sendMessageBatch(numberedBatch(term));
  await until('the batch is there', () => termsOf(to.received).includes(term));
}

describe('a listening host', () => {
  it('uses TLS 1.3, and no version before 1.2', async () => {
    const identity = await files();
    const b = await startWith(identity);
    const client = (maxVersion: 'TLSv1.3' | 'TLSv1.1'): Promise<string> =>
      new Promise((resolve) => {
        const socket = connect({
          host: '127.0.0.1',
          port: b.port,
          ca: ca.pem,
          cert: readFileSync(identity.certFile),
          key: readFileSync(identity.keyFile),
          minVersion: 'TLSv1',
          maxVersion,
          ciphers: 'DEFAULT@SECLEVEL=0',
        });
        socket.on('secureConnect', () => {
          resolve(socket.getProtocol() ?? 'none');
          socket.destroy();
        });
        socket.on('error', (error: NodeJS.ErrnoException) => {
          resolve(error.code ?? 'failed');
        });
      });
    expect(await client('TLSv1.3')).toBe('TLSv1.3');
    expect(await client('TLSv1.1')).not.toMatch(/^TLS/);
  });

  it('refuses a client without a certificate', async () => {
    const b = await startWith(await files());
    const answer = await new Promise<string>((resolve) => {
      const chunks: Buffer[] = [];
      const socket = connect({ host: '127.0.0.1', port: b.port, ca: ca.pem }, () => {
        socket.write('GET /raft/v1/messages HTTP/1.1\r\nHost: x\r\n\r\n');
      });
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.on('error', () => undefined);
      socket.on('close', () => {
        resolve(Buffer.concat(chunks).toString());
      });
    });
    expect(answer).toBe('');
    await expectDelivery(await startWith(await files()), b, 1);
  });

  it('lets nobody in by resuming a session from before its CA was distrusted', async () => {
    const credentials = await files();
    const b = await startWith(credentials);
    const [cert, key] = [readFileSync(credentials.certFile), readFileSync(credentials.keyFile)];
    const get = (
      version: 'TLSv1.2' | 'TLSv1.3',
      session?: Buffer,
    ): Promise<{ answer: string; session: Buffer | undefined }> =>
      new Promise((resolve) => {
        const versions = { minVersion: version, maxVersion: version };
        const server = { host: '127.0.0.1', port: b.port, rejectUnauthorized: false };
        const socket = connect({ ...server, ...versions, cert, key, ...(session && { session }) }, () => {
          socket.write('GET /raft/v1/messages HTTP/1.1\r\nHost: x\r\n\r\n');
        });
        let ticket: Buffer | undefined;
        let answer = '';
        socket.on('session', (latest) => (ticket = latest));
        socket.on('data', (chunk: Buffer) => (answer += chunk.toString()));
        socket.on('error', () => undefined);
        socket.on('close', () => {
          resolve({ answer, session: ticket });
        });
      });
    const first = { old: await get('TLSv1.2'), recent: await get('TLSv1.3') };
    expect(first.old.answer).toContain('426');
    expect(first.recent.answer).toContain('426');
    expect(first.recent.session).toBeDefined();
    await folder.write(foreignCA.pem, await foreignCA.issue(), credentials);
    expect((await get('TLSv1.2', first.old.session)).answer).toBe('');
    expect((await get('TLSv1.3', first.recent.session)).answer).toBe('');
  });
});

describe('a connection over TLS', () => {
  it('is not given up while the connection is idle', async () => {
    const options = { pingIntervalMs: 20, deadPeerTimeoutMs: 100 };
    const [a, b] = [await startWith(await files(), { options }), await startWith(await files(), { options })];
    const connection = await a.rpc.getConnection(b.address, never);
    expect(await settlesWithin(connection.closed, 500)).toBe(false);
    await connection.sendMessageBatch(numberedBatch(1));
    await until('the batch is there', () => b.received.length === 1);
  });
});
