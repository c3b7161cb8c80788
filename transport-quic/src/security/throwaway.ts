import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { X509CertificateGenerator } from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 24 * 3600 * 1000;
const VALID_DAYS = 3650;

export interface ThrowawayCertificate {
  /** PEM. */
  cert: string;
  key: string;
  raw: Uint8Array;
}

/**
 * A certificate that its own key has signed, made in memory for one run of a host, for TLS that has to be encrypted
 * and can't prove anything by itself. Whoever relies on it alone knows nothing of who the peer is.
 */
export async function makeThrowawayCertificate(): Promise<ThrowawayCertificate> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const now = Date.now();
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=drakkar-throwaway',
      notBefore: new Date(now - DAY_MS),
      notAfter: new Date(now + VALID_DAYS * DAY_MS),
      signingAlgorithm: ALGORITHM,
      keys,
    },
    webcrypto as unknown as Parameters<typeof X509CertificateGenerator.createSelfSigned>[1],
  );
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const lines = pkcs8.replace(/.{64}/g, '$&\n').trimEnd();
  return {
    cert: certificate.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`,
    raw: new Uint8Array(certificate.rawData),
  };
}
