import { X509Certificate } from 'node:crypto';
import type { DetailedPeerCertificate, PeerCertificate, TLSSocket } from 'node:tls';
import { describePeer, isAllowedPeer, normalHost, speaksFor } from '../peer-identity.js';
import type { PeerIdentity } from '../peer-identity.js';
import type { Identity } from './tls-identity.js';

const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';
const ANY_USAGE = '2.5.29.37.0';

/** Longest chain that is looked at. */
const MAX_CHAIN_LENGTH = 8;

/** What the other end of a connection has shown: the basis of everything that is decided about it. */
export interface PeerCredentials {
  readonly identity: PeerIdentity;
  /** Its own certificate first, then those that lead to the CA. */
  readonly chain: readonly [X509Certificate, ...X509Certificate[]];
  /** When the first of them expires. */
  readonly expiresMs: number;
}

/** Why a peer is refused though its chain leads to the CA; `code` as in Node's errors, see `certificateFault`. */
export interface CredentialFault {
  code: string;
  message: string;
}

/** @param chain of certificates whose signatures were verified, the peer's own first */
export function credentialsOf(chain: readonly [X509Certificate, ...X509Certificate[]]): PeerCredentials {
  const expiresMs = Math.min(...chain.map(({ validTo }) => Date.parse(validTo)));
  return { identity: identityOf(chain[0]), chain, expiresMs };
}

/** Of a TLS connection whose handshake is through; undefined: the peer has shown no certificate. */
export function credentialsOfSocket(socket: TLSSocket): PeerCredentials | undefined {
  const certificate = socket.getPeerCertificate(true);
  // Node.js gives an empty object for none.
  return Object.hasOwn(certificate, 'raw') ? credentialsOf(chainOf(certificate)) : undefined;
}

/**
 * What is asked of a peer beside a chain that leads to the CA: that its certificate is good for its part, not revoked,
 * one of those that are allowed, and, of a host that was dialled, for that host.
 *
 * @param host name or IP address that was dialled
 */
export function faultOfCredentials(
  { identity, chain, expiresMs }: PeerCredentials,
  role: 'server' | 'client',
  own: Pick<Identity, 'revocations' | 'authorities' | 'allowedPeers'>,
  host?: string,
): CredentialFault | undefined {
  if (!(expiresMs >= Date.now())) {
    return { code: 'CERT_HAS_EXPIRED', message: `expired on ${new Date(expiresMs).toISOString()}` };
  }
  const usages = usagesOf(chain[0]);
  const needed = role === 'server' ? SERVER_AUTH : CLIENT_AUTH;
  if (usages !== undefined && !usages.includes(needed) && !usages.includes(ANY_USAGE)) {
    return { code: 'INVALID_PURPOSE', message: `its extended key usage lacks ${role}Auth` };
  }
  if (isRevokedChain(chain, own)) return { code: 'CERT_REVOKED', message: 'it is in the revocation list' };
  if (!isAllowedPeer(identity, own.allowedPeers)) {
    return {
      code: 'ERR_PEER_NOT_ALLOWED',
      message: `no entry of allowedPeers fits a certificate that ${describePeer(identity)}`,
    };
  }
  if (host !== undefined && !speaksFor(identity, host, own.allowedPeers)) {
    return {
      code: 'ERR_TLS_CERT_ALTNAME_INVALID',
      message: `${host} is dialled, and the certificate ${describePeer(identity)}`,
    };
  }
  return undefined;
}

/**
 * For `checkServerIdentity` of Node.js: checks the host that is dialled before anything is said to it, in place of the
 * names alone. The error that it gives has a code that `certificateFault` knows.
 *
 * @param host name or IP address that is dialled
 */
export function serverCheck(
  host: string,
  own: Identity,
): (servername: string, certificate: PeerCertificate) => Error | undefined {
  return (_servername, certificate) => {
    const fault = faultOfCredentials(credentialsOf(chainOf(certificate)), 'server', own, host);
    return fault && Object.assign(new Error(fault.message), { code: fault.code });
  };
}

function chainOf(certificate: PeerCertificate): PeerCredentials['chain'] {
  const chain: [X509Certificate, ...X509Certificate[]] = [new X509Certificate(certificate.raw)];
  let { issuerCertificate: next } = certificate as Partial<DetailedPeerCertificate>;
  while (next !== undefined && chain.length < MAX_CHAIN_LENGTH) {
    const issuer = new X509Certificate(next.raw);
    if (chain.some(({ raw }) => raw.equals(issuer.raw))) break;
    chain.push(issuer);
    next = next.issuerCertificate;
  }
  return chain;
}

/** Whether one of a chain was revoked by the one that issued it. */
export function isRevokedChain(
  chain: PeerCredentials['chain'],
  { revocations, authorities }: Pick<Identity, 'revocations' | 'authorities'>,
): boolean {
  return chain.some((each, i) => revocations.isRevoked(each, [...chain.slice(i + 1), ...authorities]));
}

/** The extended key usages, in spite of the property's name; undefined when the certificate does not restrict them. */
function usagesOf(certificate: X509Certificate): string[] | undefined {
  return certificate.keyUsage;
}

export function identityOf(certificate: X509Certificate): PeerIdentity {
  const entries = alternativeNames(certificate.subjectAltName ?? '');
  const of = (kind: string): string[] => entries.flatMap(([each, value]) => (each === kind ? [value] : []));
  const usages = usagesOf(certificate);
  return {
    names: of('DNS').map(normalHost),
    addresses: of('IP Address').map(normalHost),
    uris: of('URI'),
    commonName: /(?:^|\n)CN=(.*)$/m.exec(certificate.subject)?.[1],
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    canServe: usages === undefined || usages.includes(SERVER_AUTH) || usages.includes(ANY_USAGE),
  };
}

/** Node.js writes them as `DNS:a, URI:b`, and as a JSON string each value that could be taken for more than one. */
function alternativeNames(text: string): [kind: string, value: string][] {
  const entry = /([A-Za-z0-9 ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, |$)/y;
  const found: [string, string][] = [];
  for (let match = entry.exec(text); match !== null && match[0] !== ''; match = entry.exec(text)) {
    const [, kind = '', value = ''] = match;
    const plain = value.startsWith('"') ? unquoted(value) : value;
    if (plain !== undefined) found.push([kind, plain]);
  }
  return found;
}

/** What can't be read names nobody. */
function unquoted(value: string): string | undefined {
  try {
    return String(JSON.parse(value));
  } catch {
    return undefined;
  }
}
