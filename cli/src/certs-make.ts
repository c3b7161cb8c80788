import 'reflect-metadata';
import { X509Certificate, createPrivateKey, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 24 * 3_600_000;
/** Clocks of machines differ: a certificate is good from a little before it was made. */
const CLOCK_SKEW_MS = 3_600_000;

x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);

export interface PemPair {
  certificate: string;
  key: string;
}

export interface Issued extends PemPair {
  /** When the certificate ends. */
  notAfter: Date;
}

function validity(days: number): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  return { notBefore: new Date(now - CLOCK_SKEW_MS), notAfter: new Date(now + days * DAY_MS) };
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function keyToPem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY') + '\n';
}

const certificateToPem = (certificate: x509.X509Certificate): string => `${certificate.toString('pem')}\n`;

/** A certificate authority whose key is in files, for development. */
export class CertificateAuthority {
  readonly #certificate: x509.X509Certificate;
  readonly #key: webcrypto.CryptoKey;

  private constructor(certificate: x509.X509Certificate, key: webcrypto.CryptoKey) {
    this.#certificate = certificate;
    this.#key = key;
  }

  static async create(days: number): Promise<CertificateAuthority> {
    const keys = await makeKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      name: 'CN=Drakkar development CA',
      ...validity(days),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    return new CertificateAuthority(certificate, keys.privateKey);
  }

  /** Throws when the files do not hold the certificate of a CA and its P-256 key. */
  static async read({ certificate, key }: PemPair): Promise<CertificateAuthority> {
    const der = x509.PemConverter.decodeFirst(key);
    const privateKey = await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign']);
    const authority = new X509Certificate(certificate);
    if (!authority.ca) throw new Error('its certificate is none of a CA');
    if (!authority.checkPrivateKey(createPrivateKey(key)))
      throw new Error('the key is of another certificate');
    return new CertificateAuthority(new x509.X509Certificate(certificate), privateKey);
  }

  get notAfter(): Date {
    return this.#certificate.notAfter;
  }

  async toPem(): Promise<PemPair> {
    return { certificate: certificateToPem(this.#certificate), key: await keyToPem(this.#key) };
  }

  /** A certificate for both sides of connections; never good for longer than that of the authority. */
  async issue(names: readonly string[], days: number): Promise<Issued> {
    const keys = await makeKeys();
    const { notBefore, notAfter } = validity(days);
    const certificate = await x509.X509CertificateGenerator.create({
      subject: `CN=${names[0] ?? ''}`,
      issuer: this.#certificate.subject,
      notBefore,
      notAfter: notAfter < this.notAfter ? notAfter : this.notAfter,
      signingAlgorithm: ALGORITHM,
      publicKey: keys.publicKey,
      signingKey: this.#key,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([
          x509.ExtendedKeyUsage.serverAuth,
          x509.ExtendedKeyUsage.clientAuth,
        ]),
        new x509.SubjectAlternativeNameExtension(
          names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
        ),
        await x509.AuthorityKeyIdentifierExtension.create(this.#certificate),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    const pair = { certificate: certificateToPem(certificate), key: await keyToPem(keys.privateKey) };
    return { ...pair, notAfter: certificate.notAfter };
  }
}
