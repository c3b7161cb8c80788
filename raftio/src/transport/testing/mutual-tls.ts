import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { MutualTLSConfig } from '../../rpc.js';
import { Deployments, REFUSED, expectDelivery, expectRefusal, messagesOf } from './deployments.js';
import type { LeafOptions, TestCA } from './certificates.js';
import { testIdentities } from './peer-identities.js';
import {
  type CreateTransport,
  RecordingSink,
  never,
  numberedBatch,
  numberedChunk,
  termsOf,
  until,
} from './hosts.js';

const MIB = 1024 * 1024;
function testGoodPairs<Options>(all: Deployments<Options>): void {
  it('lets hosts of one deployment exchange messages and snapshots, by IP address', async () => {
    const sink = new RecordingSink();
    const a = await all.startWith(await all.files());
    const b = await all.startWith(await all.files(), { chunkSinkFactory: () => sink });
    await expectDelivery(a, b, 1);
    await expectDelivery(b, a, 2);
    const connection = await a.rpc.getSnapshotConnection(b.address, never);
    await connection.sendSnapshotChunk(numberedChunk(0, 1, new Uint8Array(3 * MIB).fill(9)));
    await connection.finish();
    expect(sink.chunks[0]?.data.every((byte) => byte === 9)).toBe(true);
    expect([...a.warnings, ...b.warnings]).toEqual([]);
  });

  it('lets them exchange messages by name', async () => {
    const a = await all.startWith(await all.files());
    const b = await all.startWith(await all.files({ dns: ['localhost'], ip: [] }), { host: 'localhost' });
    await expectDelivery(a, b, 1);
    expect(b.received.length).toBe(1);
  });
}

function testRefusals<Options>(all: Deployments<Options>): void {
  it('refuses a client with a certificate of a foreign CA, or expired, or not yet valid', async () => {
    const b = await all.startWith(await all.files());
    for (const credentials of [
      await all.files({}, all.foreignCA),
      await all.files({ fromDays: -3, toDays: -1 }),
      await all.files({ fromDays: 1, toDays: 2 }),
    ]) {
      await expectRefusal(await all.startWith(credentials), b, /^ERR_TLS$/, /certificate/);
    }
    await expectDelivery(await all.startWith(await all.files()), b, 1);
  });

  it('refuses a server with a certificate of a foreign CA, expired, of another name, or not for servers', async () => {
    const a = await all.startWith(await all.files());
    const refusals: [LeafOptions, TestCA, RegExp][] = [
      [{}, all.foreignCA, /not signed by the CA in this host's caFile/],
      [{ fromDays: -3, toDays: -1 }, all.ca, /expired/],
      [{ ip: ['127.0.0.2'], dns: ['localhost'] }, all.ca, /does not name the host/],
      [{ usages: ['clientAuth'] }, all.ca, /extended key usage/],
    ];
    for (const [options, issuer, explanation] of refusals) {
      const b = await all.startWith(await all.files(options, issuer));
      await expectRefusal(a, b, /^ERR_TLS$/, explanation);
    }
  });

  it('refuses a server whose name is in the certificate only as an address', async () => {
    const a = await all.startWith(await all.files());
    const b = await all.startWith(await all.files({ ip: ['127.0.0.1'] }), { host: 'localhost' });
    await expectRefusal(a, b, /^ERR_TLS$/, /does not name the host/);
  });

  it('refuses a client without it, and both sides say why', async () => {
    const [a, b] = [await all.startWith(undefined), await all.startWith(await all.files())];
    await expectRefusal(a, b, REFUSED, /mutual TLS on, which this host has not/);
    expect(messagesOf(b)[0]).toMatch(/mutual TLS off and this host has it on/);
  });

  it('refuses a server without it, and both sides say why', async () => {
    const [a, b] = [await all.startWith(await all.files()), await all.startWith(undefined)];
    await expectRefusal(a, b, /^ERR_TLS$/, /must be on for all hosts of a deployment/);
    expect(messagesOf(b)[0]).toMatch(/mutual TLS on and this host has it off/);
  });
}

function testRotation<Options>(all: Deployments<Options>): void {
  it('takes new certificates for new connections, without a restart', async () => {
    const { a, b, filesA, filesB } = await all.pair();
    const { folder, foreignCA } = all;
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
    const { a, b, filesA, filesB } = await all.pair();
    const { folder, foreignCA } = all;
    const both = `${all.ca.pem}\n${foreignCA.pem}\n`;
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

  it('goes on with the certificates before while the files are in disorder, and reports it', async () => {
    const { a, b, filesB } = await all.pair();
    const renewed = await all.ca.issue();
    await all.folder.put(filesB.certFile, renewed.certificate);
    await expectDelivery(a, b, 1);
    expect(messagesOf(b)).toEqual([expect.stringContaining(filesB.keyFile)]);
    await all.folder.put(filesB.keyFile, renewed.key);
    await expectDelivery(a, b, 2);
    expect(b.warnings.length).toBe(1);
  });
}

function testUnusableFiles<Options>(all: Deployments<Options>): void {
  it('names files that can not be used when the transport starts', async () => {
    const good = await all.files();
    const other = await all.files();
    const garbage = await all.folder.put(join(all.folder.path, 'garbage.pem'), 'not PEM');
    const missing = join(all.folder.path, 'missing.pem');
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
      const host = await all.hosts.make({ mutualTLS: { ...good, ...change } });
      const error = await host.rpc.start().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'ERR_TLS', message: expect.stringContaining(file) });
      expect((error as Error).message).toContain(advice);
    }
  });

  it('warns of an expired certificate of this host', async () => {
    const host = await all.startWith(await all.files({ fromDays: -3, toDays: -1 }));
    expect(messagesOf(host)).toEqual([expect.stringContaining('expired')]);
  });
}

/** What mutual TLS owes, whatever the transport: to be called at the top level of a test file. */
export function mutualTLSTests<Options>(create: CreateTransport<Options>): void {
  describe('mutual TLS', () => {
    const all = new Deployments(create);
    beforeAll(() => all.open());
    afterEach(() => all.hosts.stop());
    afterAll(() => all.folder.remove());
    testGoodPairs(all);
    testRefusals(all);
    testRotation(all);
    testUnusableFiles(all);
    testIdentities(all);
  });
}
