import 'reflect-metadata';
import type { X509Certificate } from 'node:crypto';
import { type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  KeyUsageFlags,
  KeyUsagesExtension,
  X509Certificate as ParsedCertificate,
} from '@peculiar/x509';
import { printable } from '@drakkar/raftio/transport';

export { certificatesIn } from '@drakkar/raftio/transport';

/** A certificate that is not good enough; `code` as OpenSSL's verification has it. */
export class CertificateFault extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const MAX_CHAIN_LENGTH = 8;
const MIN_RSA_BITS = 2048;
/** Those that TLS 1.3 has signatures for. */
const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
const DIGESTS = new Set(['SHA-256', 'SHA-384', 'SHA-512']);
/** Signatures that have their digest within. */
const EDWARDS = new Set(['Ed25519', 'EdDSA']);
/** Basic constraints, key usage, extended key usage, names, policies. */
const KNOWN_EXTENSIONS = new Set(['2.5.29.19', '2.5.29.15', '2.5.29.37', '2.5.29.17', '2.5.29.32']);
/** Not enforced here, so a CA that has them is refused, also where somebody has left them non-critical. */
const NAME_CONSTRAINTS = '2.5.29.30';

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
 * Checks that a chain leads to a certificate from a trusted CA (RFC 5280, section 6, of what it asks the parts that a
 * private CA uses): signatures, dates, CA flags, path lengths, usages, strength, and the host's name. A critical
 * extension that is not understood is refused. Throws CertificateFault.
 *
 * @returns the peer's certificate and those above it, up to a trusted one
 */
export function checkChain(check: ChainCheck): Path {
  const [leaf, ...between] = check.shown;
  if (leaf === undefined) throw new CertificateFault('UNABLE_TO_GET_ISSUER_CERT', 'no certificate was shown');
  if (check.shown.length > MAX_CHAIN_LENGTH) {
    throw new CertificateFault('CERT_CHAIN_TOO_LONG', `${check.shown.length} certificates were shown`);
  }
  const path = findPath(leaf, between, check);
  checkLeafUsage(leaf);
  if (check.host !== undefined) checkName(leaf, check.host);
  return path;
}

/** A certificate and those above it, up to a trusted one. */
export type Path = readonly [X509Certificate, ...X509Certificate[]];

/**
 * From the trusted CAs downwards, so that nothing is done with a key, nor anything more believed of a certificate, that
 * a trusted CA does not stand behind: a stranger can't choose what is computed here. Of two CAs of the same name and
 * key, as there are when one was renewed, either will do.
 */
function findPath(leaf: X509Certificate, between: readonly X509Certificate[], check: ChainCheck): Path {
  const left = new Set(between.filter((each) => !check.trusted.some(({ raw }) => raw.equals(each.raw))));
  const issuers: Path[] = check.trusted.map((each) => [each]);
  let fault: CertificateFault | undefined;
  for (let issuer = issuers.shift(); issuer !== undefined; issuer = issuers.shift()) {
    for (const candidate of [leaf, ...left]) {
      if (!isIssuer(issuer[0], candidate)) continue;
      const path: Path = [candidate, ...issuer];
      const found = faultOf(path, check);
      if (found !== undefined) {
        fault ??= found;
      } else if (candidate === leaf) {
        return path;
      } else {
        left.delete(candidate);
        issuers.push(path);
      }
    }
  }
  throw (
    fault ??
    new CertificateFault(
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      `no trusted CA has issued ${nameOf(leaf)}, nor are there certificates that lead to one`,
    )
  );
}

function isIssuer(candidate: X509Certificate, issued: X509Certificate): boolean {
  // checkIssued also asks for the key usage of a CA where a certificate has usages.
  return candidate.ca && issued.checkIssued(candidate) && issued.verify(candidate.publicKey);
}

function faultOf(path: Path, check: ChainCheck): CertificateFault | undefined {
  try {
    path.forEach((certificate, depth) => {
      const parsed = new ParsedCertificate(certificate.raw);
      checkDates(certificate, check.nowMs);
      checkExtensions(certificate, parsed);
      checkExtendedUsage(certificate, check.role);
      checkKeyStrength(certificate.publicKey);
      // Nobody relies on the signature of a trusted one.
      if (depth < path.length - 1) checkDigest(certificate, parsed);
      if (depth > 0) checkPathLength(certificate, parsed, depth - 1);
    });
    return undefined;
  } catch (error) {
    if (error instanceof CertificateFault) return error;
    throw error;
  }
}

function checkDates(certificate: X509Certificate, nowMs: number): void {
  if (!(Date.parse(certificate.validTo) >= nowMs)) {
    throw new CertificateFault(
      'CERT_HAS_EXPIRED',
      `${nameOf(certificate)}: expired on ${certificate.validTo}`,
    );
  }
  if (!(Date.parse(certificate.validFrom) <= nowMs)) {
    throw new CertificateFault(
      'CERT_NOT_YET_VALID',
      `${nameOf(certificate)}: not valid before ${certificate.validFrom}`,
    );
  }
}

function checkExtensions(certificate: X509Certificate, { extensions }: ParsedCertificate): void {
  const unknown = extensions.find(
    ({ critical, type }) => type === NAME_CONSTRAINTS || (critical && !KNOWN_EXTENSIONS.has(type)),
  );
  if (unknown === undefined) return;
  throw new CertificateFault(
    'UNHANDLED_CRITICAL_EXTENSION',
    `${nameOf(certificate)}: extension ${unknown.type} is not supported`,
  );
}

/** What CAs are restricted to holds for all below them. */
function checkExtendedUsage(certificate: X509Certificate, role: Role): void {
  // The extended key usages, in spite of the property's name; undefined when the certificate does not restrict them.
  const usages = certificate.keyUsage as string[] | undefined;
  const needed = role === 'server' ? ExtendedKeyUsage.serverAuth : ExtendedKeyUsage.clientAuth;
  if (usages !== undefined && !usages.includes(needed)) {
    throw new CertificateFault(
      'INVALID_PURPOSE',
      `${nameOf(certificate)}: its extended key usage lacks ${role}Auth`,
    );
  }
}

/** Throws CertificateFault for a key that is too easily broken, or of an unknown kind. */
export function checkKeyStrength({
  asymmetricKeyType: type,
  asymmetricKeyDetails: details,
}: KeyObject): void {
  switch (type) {
    case 'ed25519':
    case 'ed448':
      return;
    case 'ec':
      if (CURVES.has(details?.namedCurve ?? '')) return;
      throw new CertificateFault(
        'EE_KEY_UNSUPPORTED',
        `a key of the curve ${details?.namedCurve ?? 'unknown'}`,
      );
    case 'rsa':
    case 'rsa-pss':
      if ((details?.modulusLength ?? 0) >= MIN_RSA_BITS) return;
      throw new CertificateFault('EE_KEY_TOO_SMALL', `an RSA key of less than ${MIN_RSA_BITS} bits`);
    default:
      throw new CertificateFault('EE_KEY_UNSUPPORTED', `a key of type ${type ?? 'unknown'}`);
  }
}

function checkDigest(certificate: X509Certificate, { signatureAlgorithm }: ParsedCertificate): void {
  const { name, hash } = signatureAlgorithm as { name: string; hash?: { name: string } };
  if (hash === undefined ? EDWARDS.has(name) : DIGESTS.has(hash.name)) return;
  throw new CertificateFault(
    'CA_MD_TOO_WEAK',
    `${nameOf(certificate)}: signed by ${name}${hash === undefined ? '' : ` with ${hash.name}`}, which is not accepted`,
  );
}

function checkPathLength(issuer: X509Certificate, parsed: ParsedCertificate, casBelow: number): void {
  const limit = parsed.getExtension(BasicConstraintsExtension)?.pathLength;
  if (limit !== undefined && casBelow > limit) {
    throw new CertificateFault('PATH_LENGTH_EXCEEDED', `${nameOf(issuer)}: too many CAs below it`);
  }
}

/** A proof is a signature, which the key must be for. */
function checkLeafUsage(leaf: X509Certificate): void {
  const usages = new ParsedCertificate(leaf.raw).getExtension(KeyUsagesExtension)?.usages;
  if (usages !== undefined && (usages & KeyUsageFlags.digitalSignature) === 0) {
    throw new CertificateFault('INVALID_PURPOSE', 'its key usage lacks digitalSignature');
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

function nameOf({ subject }: X509Certificate): string {
  return `"${printable(subject.replaceAll('\n', ', '))}"`;
}
