import 'reflect-metadata';
import { createECDH, createHash, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  type Extension,
  X509CertificateGenerator,
  type X509CertificateCreateParams,
} from '@peculiar/x509';
import { sha256 } from './proof.js';

/*
 * Certificates for TLS sessions that are to be encrypted and prove nothing by themselves, made in memory for one run of
 * a host. Who is who is proven in the hello (see proof.ts), with the certificates of the deployment.
 */

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 24 * 3600 * 1000;
const VALID_DAYS = 3650;
const CA_NAME = 'CN=drakkar-quic session';

export interface KeyedCertificate {
  /** PEM. */
  cert: string;
  key: string;
  /** SHA-256 of the certificate. */
  fingerprint: Uint8Array;
}

export type ClientCertificate = KeyedCertificate;

type CryptoKeyPair = webcrypto.CryptoKeyPair;

/** For the listening side of TLS. Nobody checks it. */
export async function makeServerCertificate(): Promise<KeyedCertificate> {
  const keys = await makeKeys();
  return keyed(keys, await certify('CN=drakkar-quic server', keys.publicKey, await caKeys(), []));
}

/**
 * For the dialling side of TLS. It has a key of its own, which makes the session recognisable: nobody else can open a
 * session with it.
 */
export async function makeClientCertificate(): Promise<ClientCertificate> {
  const keys = await makeKeys();
  return keyed(keys, await certify('CN=drakkar-quic client', keys.publicKey, await caKeys(), []));
}

/**
 * PEM of the CA of the certificates above. The QUIC library asks clients for a certificate only if it is given a CA to
 * verify it by, so there is one, and since every host needs the same, its key is made from a constant. It is no secret
 * and vouches for nothing; what counts of a client's certificate is that the session has it.
 */
export async function makeSessionCA(): Promise<string> {
  const keys = await caKeys();
  const isCA = new BasicConstraintsExtension(true, 0, true);
  return (await certify(CA_NAME, keys.publicKey, keys, [isCA])).toString('pem');
}

async function caKeys(): Promise<CryptoKeyPair> {
  const d = createHash('sha256').update(CA_NAME).digest();
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(d);
  const point = ecdh.getPublicKey();
  const publicJwk = {
    kty: 'EC',
    crv: 'P-256',
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  };
  const privateJwk = { ...publicJwk, d: d.toString('base64url') };
  const { subtle } = webcrypto;
  return {
    publicKey: await subtle.importKey('jwk', publicJwk, ALGORITHM, true, ['verify']),
    privateKey: await subtle.importKey('jwk', privateJwk, ALGORITHM, false, ['sign']),
  };
}

async function makeKeys(): Promise<CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function certify(
  subject: string,
  publicKey: webcrypto.CryptoKey,
  issuer: CryptoKeyPair,
  extensions: Extension[],
): ReturnType<typeof X509CertificateGenerator.create> {
  const now = Date.now();
  const params: X509CertificateCreateParams = {
    subject,
    issuer: CA_NAME,
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + VALID_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    publicKey,
    signingKey: issuer.privateKey,
    extensions,
  };
  return X509CertificateGenerator.create(params, webcrypto);
}

async function keyed(
  { privateKey }: CryptoKeyPair,
  certificate: Awaited<ReturnType<typeof certify>>,
): Promise<KeyedCertificate> {
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', privateKey)).toString('base64');
  const lines = pkcs8.replace(/.{64}/g, '$&\n').trimEnd();
  return {
    cert: certificate.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`,
    fingerprint: sha256(new Uint8Array(certificate.rawData)),
  };
}
