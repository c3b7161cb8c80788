import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import type { MutualTLSConfig } from '../../rpc.js';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 24 * 3600 * 1000;

x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);

export interface LeafOptions {
  dns?: string[];
  ip?: string[];
  uris?: string[];
  commonName?: string;
  /** Validity in days from now; negative ends lie in the past. */
  fromDays?: number;
  toDays?: number;
  usages?: ('serverAuth' | 'clientAuth')[];
}

export interface Leaf {
  certificate: string;
  key: string;
}

/** A certificate authority for tests. */
export class TestCA {
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #certificate: x509.X509Certificate;

  private constructor(keys: webcrypto.CryptoKeyPair, certificate: x509.X509Certificate) {
    this.#keys = keys;
    this.#certificate = certificate;
  }

  /** `toDays`: validity in days from now. */
  static async create(name: string, toDays = 30): Promise<TestCA> {
    const keys = await makeKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: `CN=${name}`,
      notBefore: daysFromNow(-30),
      notAfter: daysFromNow(toDays),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      ],
    });
    return new TestCA(keys, certificate);
  }

  get pem(): string {
    return this.#certificate.toString('pem');
  }

  async issue(options: LeafOptions = {}): Promise<Leaf> {
    const keys = await makeKeys();
    const names = [
      ...(options.dns ?? []).map((value) => ({ type: 'dns', value }) as const),
      ...(options.ip ?? ['127.0.0.1']).map((value) => ({ type: 'ip', value }) as const),
      ...(options.uris ?? []).map((value) => ({ type: 'url', value }) as const),
    ];
    const certificate = await x509.X509CertificateGenerator.create({
      subject: `CN=${options.commonName ?? 'host'}`,
      issuer: this.#certificate.subject,
      notBefore: daysFromNow(options.fromDays ?? -1),
      notAfter: daysFromNow(options.toDays ?? 1),
      signingAlgorithm: ALGORITHM,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      extensions: [
        ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)]),
        new x509.ExtendedKeyUsageExtension(
          (options.usages ?? ['serverAuth', 'clientAuth']).map((usage) => x509.ExtendedKeyUsage[usage]),
        ),
      ],
    });
    const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
    const body = der.toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
    return {
      certificate: certificate.toString('pem'),
      key: `-----BEGIN PRIVATE KEY-----\n${body}\n-----END PRIVATE KEY-----\n`,
    };
  }

  /** A revocation list of these certificates, in PEM; out of date after so many days. */
  async revoke(leaves: readonly Pick<Leaf, 'certificate'>[], nextUpdateDays = 1): Promise<string> {
    const list = await x509.X509CrlGenerator.create({
      issuer: this.#certificate.subject,
      thisUpdate: daysFromNow(-1),
      nextUpdate: daysFromNow(nextUpdateDays),
      signingAlgorithm: ALGORITHM,
      signingKey: this.#keys.privateKey,
      entries: leaves.map(({ certificate }) => ({
        serialNumber: new x509.X509Certificate(certificate).serialNumber,
        revocationDate: daysFromNow(-1),
      })),
    });
    return list.toString('pem');
  }
}

/** A folder for the files of certificates, removed at the end. */
export class CertificateFolder {
  readonly path: string;
  #count = 0;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(): Promise<CertificateFolder> {
    return new CertificateFolder(await mkdtemp(join(tmpdir(), 'drakkar-tls-')));
  }

  /** Writes the files of one host; over those of `replace` when it is given, each replaced at once as by a tool. */
  async write(caPem: string, leaf: Leaf, replace?: MutualTLSConfig): Promise<MutualTLSConfig> {
    const name = join(this.path, `host-${(this.#count += 1)}`);
    const files = replace ?? {
      caFile: `${name}-ca.pem`,
      certFile: `${name}.pem`,
      keyFile: `${name}-key.pem`,
    };
    await this.put(files.keyFile, leaf.key);
    await this.put(files.certFile, leaf.certificate);
    await this.put(files.caFile, caPem);
    return files;
  }

  async put(file: string, content: string): Promise<string> {
    await writeFile(`${file}.new`, content);
    await rename(`${file}.new`, file);
    return file;
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

async function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

function daysFromNow(days: number): Date {
  return new Date(Date.now() + days * DAY_MS);
}
