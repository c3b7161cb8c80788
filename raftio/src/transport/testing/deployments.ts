import { expect } from '@jest/globals';
import type { MutualTLSConfig } from '../../rpc.js';
import { CertificateFolder, type Leaf, type LeafOptions, TestCA } from './certificates.js';
import {
  type CreateTransport,
  type HostOptions,
  type TestHost,
  TestHosts,
  never,
  numberedBatch,
  termsOf,
  until,
} from './hosts.js';

/** What a host that is refused before it could prove itself may be told: not every library tells TLS from the rest. */
export const REFUSED = /^ERR_(TLS|CONNECT_FAILED)$/;

export type ListedFiles = MutualTLSConfig & { crlFile: string };

/** Certificates of two deployments, and hosts that use them. */
export class Deployments<Options> {
  readonly hosts: TestHosts<Options>;
  folder!: CertificateFolder;
  ca!: TestCA;
  foreignCA!: TestCA;

  constructor(create: CreateTransport<Options>) {
    this.hosts = new TestHosts(create);
  }

  async open(): Promise<void> {
    this.folder = await CertificateFolder.create();
    this.ca = await TestCA.create('deployment');
    this.foreignCA = await TestCA.create('somebody else');
  }

  async files(options: LeafOptions = {}, issuer = this.ca, trusted = this.ca): Promise<MutualTLSConfig> {
    return this.folder.write(trusted.pem, await issuer.issue(options));
  }

  /** The same, and the revocation list that it goes by. */
  async filesWithList(
    options: LeafOptions,
    revoked: readonly Pick<Leaf, 'certificate'>[],
  ): Promise<ListedFiles> {
    const files = await this.files(options);
    const crlFile = await this.folder.put(`${files.caFile}.crl`, await this.ca.revoke(revoked));
    return { ...files, crlFile };
  }

  async startWith(
    mutualTLS: MutualTLSConfig | undefined,
    options: HostOptions<Options> = {},
  ): Promise<TestHost> {
    return this.hosts.start({ mutualTLS, ...options });
  }

  /** Two hosts of one deployment and their files. */
  async pair(): Promise<{ a: TestHost; b: TestHost; filesA: MutualTLSConfig; filesB: MutualTLSConfig }> {
    const [filesA, filesB] = [await this.files(), await this.files()];
    return { a: await this.startWith(filesA), b: await this.startWith(filesB), filesA, filesB };
  }
}

export async function expectDelivery(from: TestHost, to: TestHost, term: number): Promise<void> {
  const connection = await from.rpc.getConnection(to.address, never);
  await connection.sendMessageBatch(numberedBatch(term));
  await until('the batch is there', () => termsOf(to.received).includes(term));
}

/** The attempt must be refused, say so, and bring nothing. */
export async function expectRefusal(
  from: TestHost,
  to: TestHost,
  code: RegExp,
  explanation: RegExp,
): Promise<void> {
  const { length } = to.received;
  for (const attempt of [
    () => from.rpc.getConnection(to.address, never),
    () => from.rpc.getSnapshotConnection(to.address, never),
  ]) {
    await expect(attempt()).rejects.toMatchObject({
      code: expect.stringMatching(code),
      message: expect.stringMatching(explanation),
    });
  }
  expect(to.received.length).toBe(length);
}

export function messagesOf({ warnings }: TestHost): string[] {
  return warnings.map(({ message }) => message);
}
