import { networkInterfaces } from 'node:os';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CertificateFolder, TestCA } from './certificates.js';
import { type CreateTransport, TestHosts, never, numberedBatch, termsOf, until } from './hosts.js';
import { freePort } from './ports.js';

const HAS_IPV6 = Object.values(networkInterfaces()).some((addresses = []) =>
  addresses.some(({ address }) => address === '::1'),
);

interface Case {
  /** Host of the raft addresses, and of what is listened on. */
  host: string;
  listenHost: string;
}

const CASES: readonly Case[] = [
  { host: '127.0.0.1', listenHost: '127.0.0.1' },
  { host: '127.0.0.1', listenHost: '0.0.0.0' },
  ...(HAS_IPV6
    ? [
        { host: '[::1]', listenHost: '[::1]' },
        { host: '[::1]', listenHost: '[::]' },
        { host: '[0:0:0:0:0:0:0:1]', listenHost: '[::1]' },
        { host: '127.0.0.1', listenHost: '[::]' },
      ]
    : []),
];

/** That hosts reach each other by addresses of either family: to be called at the top level of a test file. */
export function addressFamilyTests<Options>(create: CreateTransport<Options>): void {
  describe('hosts', () => {
    const hosts = new TestHosts(create);
    let folder: CertificateFolder;
    let ca: TestCA;
    beforeAll(async () => {
      folder = await CertificateFolder.create();
      ca = await TestCA.create('deployment');
    });
    afterEach(() => hosts.stop());
    afterAll(() => folder.remove());

    for (const { host, listenHost } of CASES) {
      it.each([
        ['without TLS', false],
        ['with mutual TLS', true],
      ])(`reach each other at ${host}, listening on ${listenHost}, %s`, async (_how, isSecure) => {
        const start = async (): ReturnType<typeof hosts.start> => {
          const port = await freePort();
          const mutualTLS = isSecure
            ? await folder.write(ca.pem, await ca.issue({ ip: ['127.0.0.1', '::1'] }))
            : undefined;
          return hosts.start({
            address: `${listenHost}:${port}`,
            raftAddress: `${host}:${port}`,
            mutualTLS,
          });
        };
        const [a, b] = [await start(), await start()];
        const target = `${host}:${b.port}`;
        const connection = await a.rpc.getConnection(target, never, target);
        await connection.sendMessageBatch(numberedBatch(7));
        await until('the batch is there', () => termsOf(b.received).includes(7));
        expect([...a.warnings, ...b.warnings]).toEqual([]);
      });
    }
  });
}
