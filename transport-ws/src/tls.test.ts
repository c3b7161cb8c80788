import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { MutualTLSConfig } from '@drakkar/raftio';
import { CertificateFolder, type LeafOptions, TestCA } from './testing/certificates.js';
import {
  type HostOptions,
  RecordingSink,
  type TestHost,
  TestHosts,
  freePort,
  never,
  numberedBatch,
  numberedChunk,
  settlesWithin,
  termsOf,
  until,
} from './testing/hosts.js';

const hosts = new TestHosts();
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

async function files(options: LeafOptions = {}, issuer = ca, trusted = ca): Promise<MutualTLSConfig> {
  return folder.write(trusted.pem, await issuer.issue(options));
}

async function startWith(
  mutualTLS: MutualTLSConfig | undefined,
  options: HostOptions = {},
): Promise<TestHost> {
  return hosts.start({ mutualTLS, ...options });
}

async function expectDelivery(from: TestHost, to: TestHost, term: number): Promise<void> {
  const connection = await from.rpc.getConnection(to.address, never);
  await connection.sendMessageBatch(numberedBatch(term));
  await until('the batch is there', () => termsOf(to.received).includes(term));
}

/** The attempt must be refused, say so, and leave nothing received. */
async function expectRefusal(from: TestHost, to: TestHost, code: string, explanation: RegExp): Promise<void> {
  for (const attempt of [
    () => from.rpc.getConnection(to.address, never),
    () => from.rpc.getSnapshotConnection(to.address, never),
  ]) {
    await expect(attempt()).rejects.toMatchObject({ code, message: expect.stringMatching(explanation) });
  }
  expect(to.received).toEqual([]);
}

describe('hosts of one deployment', () => {
  it('exchange messages and snapshots, by IP address', async () => {
    const sink = new RecordingSink();
    const a = await startWith(await files());
    const b = await startWith(await files(), { chunkSinkFactory: () => sink });
    await expectDelivery(a, b, 1);
    await expectDelivery(b, a, 2);
    const connection = await a.rpc.getSnapshotConnection(b.address, never);
    await connection.sendSnapshotChunk(numberedChunk(0, 1, new Uint8Array(3_000_000).fill(9)));
    await connection.finish();
    expect(sink.chunks[0]?.data.every((byte) => byte === 9)).toBe(true);
    expect([...a.warnings, ...b.warnings]).toEqual([]);
  });

  it('exchange messages by name', async () => {
    const a = await startWith(await files());
    const b = await startWith(await files({ dns: ['localhost'], ip: [] }), { host: 'localhost' });
    await expectDelivery(a, b, 1);
    expect(b.received.length).toBe(1);
  });

  it('use TLS 1.3, and no version before 1.2', async () => {
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
});

describe('a client', () => {
  it('is refused with a certificate of a foreign CA, or expired, or not yet valid', async () => {
    const b = await startWith(await files());
    for (const credentials of [
      await files({}, foreignCA),
      await files({ fromDays: -3, toDays: -1 }),
      await files({ fromDays: 1, toDays: 2 }),
    ]) {
      await expectRefusal(await startWith(credentials), b, 'ERR_TLS', /certificate/);
    }
    await expectDelivery(await startWith(await files()), b, 1);
  });

  it('is refused without a certificate', async () => {
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

  it('refuses a server with a certificate of a foreign CA, expired, of another name, or not for servers', async () => {
    const a = await startWith(await files());
    const refusals: [LeafOptions, TestCA, RegExp][] = [
      [{}, foreignCA, /not signed by the CA in this host's caFile/],
      [{ fromDays: -3, toDays: -1 }, ca, /expired/],
      [{ ip: ['127.0.0.2'], dns: ['localhost'] }, ca, /does not name the host/],
      [{ usages: ['clientAuth'] }, ca, /extended key usage/],
    ];
    for (const [options, issuer, explanation] of refusals) {
      await expectRefusal(a, await startWith(await files(options, issuer)), 'ERR_TLS', explanation);
    }
  });

  it('refuses a server whose name is in the certificate only as an address, and the reverse', async () => {
    const a = await startWith(await files());
    const b = await startWith(await files({ ip: ['127.0.0.1'] }), { host: 'localhost' });
    await expectRefusal(a, b, 'ERR_TLS', /does not name the host/);
  });

  it('can not get in by resuming a session from before its CA was distrusted', async () => {
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

  it('is not given up while the connection is idle', async () => {
    const options = { pingIntervalMs: 20, deadPeerTimeoutMs: 100 };
    const [a, b] = [await startWith(await files(), { options }), await startWith(await files(), { options })];
    const connection = await a.rpc.getConnection(b.address, never);
    expect(await settlesWithin(connection.closed, 500)).toBe(false);
    await connection.sendMessageBatch(numberedBatch(1));
    await until('the batch is there', () => b.received.length === 1);
  });
});

describe('TLS on one side only', () => {
  it('fails for a client without it, and both sides say why', async () => {
    const [a, b] = [await startWith(undefined), await startWith(await files())];
    await expectRefusal(a, b, 'ERR_CONNECT_FAILED', /mutual TLS on, which this host has not/);
    expect(b.warnings[0]?.message).toMatch(/mutual TLS off and this host has it on/);
  });

  it('fails for a client with it, and both sides say why', async () => {
    const [a, b] = [await startWith(await files()), await startWith(undefined)];
    await expectRefusal(a, b, 'ERR_TLS', /must be on for all hosts of a deployment/);
    expect(b.warnings[0]?.message).toMatch(/mutual TLS on and this host has it off/);
  });
});

describe('rotation', () => {
  it('takes new certificates for new connections, without a restart', async () => {
    const [filesA, filesB] = [await files(), await files()];
    const [a, b] = [await startWith(filesA), await startWith(filesB)];
    const before = await a.rpc.getConnection(b.address, never);
    await before.sendMessageBatch(numberedBatch(1));
    await folder.write(foreignCA.pem, await foreignCA.issue(), filesB);
    await expect(a.rpc.getConnection(b.address, never)).rejects.toMatchObject({ code: 'ERR_TLS' });
    await folder.write(foreignCA.pem, await foreignCA.issue(), filesA);
    await expectDelivery(a, b, 2);
    await expectDelivery(b, a, 3);
    await before.sendMessageBatch(numberedBatch(4));
    await until('the old connection still carries', () => termsOf(b.received).includes(4));
    expect(termsOf(b.received)).toEqual([1, 2, 4]);
  });

  it('moves to a new CA step by step, with old and new in one file meanwhile', async () => {
    const [filesA, filesB] = [await files(), await files()];
    const [a, b] = [await startWith(filesA), await startWith(filesB)];
    const both = `${ca.pem}\n${foreignCA.pem}\n`;
    await folder.put(filesA.caFile, both);
    await folder.put(filesB.caFile, both);
    await expectDelivery(a, b, 1);
    await folder.write(both, await foreignCA.issue(), filesB);
    await expectDelivery(a, b, 2);
    await expectDelivery(b, a, 3);
    await folder.write(foreignCA.pem, await foreignCA.issue(), filesA);
    await expectDelivery(a, b, 4);
    expect(termsOf(a.received)).toEqual([3]);
  });

  it('goes on with the certificates before while the files are in disorder, and says so', async () => {
    const [filesA, filesB] = [await files(), await files()];
    const [a, b] = [await startWith(filesA), await startWith(filesB)];
    const renewed = await ca.issue();
    await folder.put(filesB.certFile, renewed.certificate);
    await expectDelivery(a, b, 1);
    expect(b.warnings.map((warning) => warning.message)).toEqual([expect.stringContaining(filesB.keyFile)]);
    await folder.put(filesB.keyFile, renewed.key);
    await expectDelivery(a, b, 2);
    expect(b.warnings.length).toBe(1);
  });
});

describe('files that can not be used', () => {
  it('are named when the transport starts', async () => {
    const good = await files();
    const other = await files();
    const garbage = await folder.put(join(folder.path, 'garbage.pem'), 'not PEM');
    const missing = join(folder.path, 'missing.pem');
    const cases: [Partial<MutualTLSConfig>, string, string][] = [
      [{ caFile: missing }, missing, 'check caFile'],
      [{ certFile: missing }, missing, 'check certFile'],
      [{ keyFile: missing }, missing, 'check keyFile'],
      [{ caFile: garbage }, garbage, 'check caFile'],
      [{ certFile: garbage }, garbage, 'check certFile'],
      [{ keyFile: garbage }, garbage, 'check keyFile'],
      [{ keyFile: other.keyFile }, other.keyFile, 'check keyFile'],
    ];
    for (const [change, file, advice] of cases) {
      const host = await hosts.make({ mutualTLS: { ...good, ...change } });
      const error = await host.rpc.start().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'ERR_TLS', message: expect.stringContaining(file) });
      expect((error as Error).message).toContain(advice);
    }
  });

  it('include an expired certificate of this host, which is warned of', async () => {
    const host = await startWith(await files({ fromDays: -3, toDays: -1 }), {
      address: `127.0.0.1:${await freePort()}`,
    });
    expect(host.warnings.map((warning) => warning.message)).toEqual([expect.stringContaining('expired')]);
  });
});
