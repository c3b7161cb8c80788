import { type KeyObject, X509Certificate, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MutualTLSConfig } from '@drakkar/raftio';
import type { TLSFixtures } from '../rpc/harness.js';
import { bits, integer, octets, oid, sequence, setOf, tagged, time, utf8, yes } from './der.js';

const ECDSA_SHA256 = sequence(oid('1.2.840.10045.4.3.2'));
const COMMON_NAME = '2.5.4.3';
const Extension = {
  SubjectAltName: '2.5.29.17',
  BasicConstraints: '2.5.29.19',
  ExtendedKeyUsage: '2.5.29.37',
};
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const DAY_MS = 24 * 3600 * 1000;

interface Identity {
  name: string;
  privateKey: KeyObject;
  publicKey: KeyObject;
}

function makeIdentity(name: string): Identity {
  return { name, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) };
}

const nameOf = (name: string): Buffer => sequence(setOf(sequence(oid(COMMON_NAME), utf8(name))));

function extension(id: string, content: Uint8Array, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [yes()] : []), octets(content));
}

/** For a CA: may sign certificates. */
function caExtensions(): Buffer[] {
  return [extension(Extension.BasicConstraints, sequence(yes()), true)];
}

const dnsName = (name: string): Buffer => tagged(2, Buffer.from(name), { constructed: false });
const ipAddress = (bytes: number[]): Buffer => tagged(7, Buffer.from(bytes), { constructed: false });

const HERE = sequence(dnsName('localhost'), ipAddress([127, 0, 0, 1]));
const ELSEWHERE = sequence(dnsName('elsewhere.example'), ipAddress([192, 0, 2, 1]));

/** For a host, as both sides of a connection. */
function hostExtensions(names: Buffer, usages: readonly string[]): Buffer[] {
  return [
    extension(Extension.SubjectAltName, names),
    extension(Extension.ExtendedKeyUsage, sequence(...usages.map(oid))),
  ];
}

/** Days from now between which a certificate is good. */
type Validity = readonly [from: number, to: number];
const TODAY: Validity = [-1, 1];
const YESTERDAY: Validity = [-2, -1];

/** An X.509 v3 certificate (RFC 5280), in PEM. */
function certify(subject: Identity, issuer: Identity, extensions: Buffer[], validity = TODAY): string {
  const dates = validity.map((days) => time(new Date(Date.now() + days * DAY_MS)));
  const toBeSigned = sequence(
    tagged(0, integer(Buffer.from([2]))),
    integer(Buffer.from([1, ...randomBytes(8)])),
    ECDSA_SHA256,
    nameOf(issuer.name),
    sequence(...dates),
    nameOf(subject.name),
    subject.publicKey.export({ type: 'spki', format: 'der' }),
    tagged(3, sequence(...extensions)),
  );
  const signature = sign('sha256', toBeSigned, issuer.privateKey);
  const der = sequence(toBeSigned, ECDSA_SHA256, bits(signature));
  const lines = der.toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
}

async function writeHost(
  folder: string,
  name: string,
  ca: Identity,
  trusted: string,
  { names = HERE, validity = TODAY, usages = [SERVER_AUTH, CLIENT_AUTH] } = {},
): Promise<MutualTLSConfig> {
  const host = makeIdentity(name);
  const files = {
    caFile: join(folder, `${name}-ca.pem`),
    certFile: join(folder, `${name}.pem`),
    keyFile: join(folder, `${name}-key.pem`),
  };
  await writeFile(files.caFile, trusted);
  await writeFile(files.certFile, certify(host, ca, hostExtensions(names, usages), validity));
  await writeFile(files.keyFile, host.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return files;
}

/** The certificate revocation list (RFC 5280, section 5) of a CA that has revoked these certificates, in PEM. */
function revoke(ca: Identity, ...certificates: string[]): string {
  const [from, to] = TODAY.map((days) => time(new Date(Date.now() + days * DAY_MS))) as [Buffer, Buffer];
  const revoked = certificates.map((each) => {
    const { serialNumber } = new X509Certificate(each);
    return sequence(integer(Buffer.from(serialNumber, 'hex')), from);
  });
  const toBeSigned = sequence(
    integer(Buffer.from([1])),
    ECDSA_SHA256,
    nameOf(ca.name),
    from,
    to,
    ...(revoked.length === 0 ? [] : [sequence(...revoked)]),
  );
  const der = sequence(toBeSigned, ECDSA_SHA256, bits(sign('sha256', toBeSigned, ca.privateKey)));
  const lines = der.toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  return `-----BEGIN X509 CRL-----\n${lines}\n-----END X509 CRL-----\n`;
}

/** Writes to `folder` what the clauses about mutual TLS need, good for 127.0.0.1 and for one day. */
export async function writeTestCertificates(folder: string): Promise<TLSFixtures> {
  const ca = makeIdentity('Deployment CA');
  const otherCA = makeIdentity('Another CA');
  const trusted = certify(ca, ca, caExtensions());
  const alsoTrusted = trusted + certify(otherCA, otherCA, caExtensions());
  const revoked = await writeHost(folder, 'revoked', ca, trusted);
  const certificate = await readFile(revoked.certFile, 'utf8');
  let expiring = 0;
  return {
    good: [await writeHost(folder, 'host-1', ca, trusted), await writeHost(folder, 'host-2', ca, trusted)],
    foreign: await writeHost(folder, 'foreign', otherCA, alsoTrusted),
    expired: await writeHost(folder, 'expired', ca, trusted, { validity: YESTERDAY }),
    wrongName: await writeHost(folder, 'wrong-name', ca, trusted, { names: ELSEWHERE }),
    forClients: await writeHost(folder, 'for-clients', ca, trusted, { usages: [CLIENT_AUTH] }),
    forServers: await writeHost(folder, 'for-servers', ca, trusted, { usages: [SERVER_AUTH] }),
    revoked: { files: revoked, listBefore: revoke(ca), list: revoke(ca, certificate) },
    expiring: (seconds) =>
      writeHost(folder, `expiring-${(expiring += 1)}`, ca, trusted, {
        validity: [-1, (seconds * 1000) / DAY_MS],
      }),
  };
}
