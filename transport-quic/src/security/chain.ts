import 'reflect-metadata';
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  X509Certificate as ParsedCertificate,
} from '@peculiar/x509';

/** A certificate that is not good enough; `code` as OpenSSL's verification has it. */
export class CertificateFault extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const MAX_CHAIN_LENGTH = 8;
/** Basic constraints, key usage, extended key usage, names, policies. */
const KNOWN_EXTENSIONS = new Set(['2.5.29.19', '2.5.29.15', '2.5.29.37', '2.5.29.17', '2.5.29.32']);

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates in PEM text, which may hold several. Throws for one that can't be parsed. */
export function certificatesIn(pem: string): X509Certificate[] {
  return (pem.match(PEM_CERTIFICATE) ?? []).map((text) => new X509Certificate(text));
}

/** What a certificate is shown for. */
export type Role = 'server' | 'client';

export interface ChainCheck {
  /** As shown by the peer: its own first, then those between it and the CA, in any order. */
  shown: readonly X509Certificate[];
  /** Roots that are trusted. */
  trusted: readonly X509Certificate[];
  role: Role;
  /** Name or IP address that the certificate must be for; of servers. */
  host: string | undefined;
  nowMs: number;
}

/**
 * Follows a certificate up to a trusted CA (RFC 5280, section 6, of what it asks the parts that a private CA uses):
 * signatures, dates, CA flags, path lengths, usages and the host's name. A critical extension that is not understood
 * is refused. Throws CertificateFault.
 */
export function checkChain(check: ChainCheck): void {
  const [leaf, ...between] = check.shown;
  if (leaf === undefined) throw new CertificateFault('UNABLE_TO_GET_ISSUER_CERT', 'no certificate was shown');
  if (check.shown.length > MAX_CHAIN_LENGTH) {
    throw new CertificateFault('CERT_CHAIN_TOO_LONG', `${check.shown.length} certificates were shown`);
  }
  followToRoot(leaf, between, check);
  checkUsage(leaf, check.role);
  if (check.host !== undefined) checkName(leaf, check.host);
}

function followToRoot(
  leaf: X509Certificate,
  between: readonly X509Certificate[],
  { trusted, nowMs }: ChainCheck,
): void {
  const unused = new Set(between);
  let current = leaf;
  checkDates(current, nowMs);
  checkExtensions(current);
  for (let depth = 0; ; depth++) {
    const below = current;
    const root = trusted.find((each) => isIssuer(each, below));
    const issuer = root ?? [...unused].find((each) => isIssuer(each, below));
    if (issuer === undefined) {
      throw new CertificateFault(
        'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
        `no trusted CA has issued "${oneLine(below.subject)}"`,
      );
    }
    checkDates(issuer, nowMs);
    checkExtensions(issuer);
    checkPathLength(issuer, depth);
    if (root !== undefined) return;
    unused.delete(issuer);
    current = issuer;
  }
}

function isIssuer(candidate: X509Certificate, issued: X509Certificate): boolean {
  // checkIssued also asks for the key usage of a CA where a certificate has usages.
  return candidate.ca && issued.checkIssued(candidate) && issued.verify(candidate.publicKey);
}

function checkDates(certificate: X509Certificate, nowMs: number): void {
  if (!(Date.parse(certificate.validTo) >= nowMs)) {
    throw new CertificateFault(
      'CERT_HAS_EXPIRED',
      `"${oneLine(certificate.subject)}": expired on ${certificate.validTo}`,
    );
  }
  if (!(Date.parse(certificate.validFrom) <= nowMs)) {
    throw new CertificateFault(
      'CERT_NOT_YET_VALID',
      `"${oneLine(certificate.subject)}": not valid before ${certificate.validFrom}`,
    );
  }
}

function checkExtensions(certificate: X509Certificate): void {
  const { extensions } = new ParsedCertificate(certificate.raw);
  const unknown = extensions.find(({ critical, type }) => critical && !KNOWN_EXTENSIONS.has(type));
  if (unknown !== undefined) {
    throw new CertificateFault(
      'UNHANDLED_CRITICAL_EXTENSION',
      `"${oneLine(certificate.subject)}": critical extension ${unknown.type} is not supported`,
    );
  }
}

function checkPathLength(issuer: X509Certificate, casBelow: number): void {
  const constraints = new ParsedCertificate(issuer.raw).getExtension(BasicConstraintsExtension);
  const limit = constraints?.pathLength;
  if (limit !== undefined && casBelow > limit) {
    throw new CertificateFault('PATH_LENGTH_EXCEEDED', `"${oneLine(issuer.subject)}": too many CAs below it`);
  }
}

function checkUsage(leaf: X509Certificate, role: Role): void {
  // The extended key usages, in spite of the property's name; undefined when the certificate does not restrict them.
  const usages = leaf.keyUsage as string[] | undefined;
  const needed = role === 'server' ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth;
  if (usages !== undefined && !usages.includes(needed)) {
    throw new CertificateFault('INVALID_PURPOSE', `its extended key usage lacks ${role}Auth`);
  }
}

function checkName(leaf: X509Certificate, host: string): void {
  const match = isIP(host) === 0 ? leaf.checkHost(host, { subject: 'never' }) : leaf.checkIP(host);
  if (match === undefined) {
    throw new CertificateFault(
      'ERR_TLS_CERT_ALTNAME_INVALID',
      `its names are ${leaf.subjectAltName ?? 'none'}, and ${host} is not among them`,
    );
  }
}

function oneLine(subject: string | undefined): string {
  return (subject ?? '').replaceAll('\n', ', ');
}
