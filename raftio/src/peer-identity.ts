import { isIP, isIPv6 } from 'node:net';
import { normalAddress } from './address.js';

/** Who the other end of a connection has proven to be, by a certificate that was verified. One object a connection. */
export interface PeerIdentity {
  /** DNS names of the subject alternative names, in lower case and without a final dot; `*.` stands for one label. */
  readonly names: readonly string[];
  /** IP addresses among them, in their short form. */
  readonly addresses: readonly string[];
  /** URIs among them, such as SPIFFE ids. */
  readonly uris: readonly string[];
  /** Common name of the subject; it counts only where `AllowedPeer` says so. */
  readonly commonName: string | undefined;
  /** SHA-256 of the certificate, 64 hex digits in lower case. */
  readonly fingerprint: string;
  /** Whether the certificate is good for servers, too, as that of a host must be. */
  readonly canServe: boolean;
}

/** Certificates that are accepted, when not all of the CA are, and whom they speak for. */
export interface AllowedPeer {
  /**
   * `DNS:name`, `IP:address`, `URI:uri`, `CN:name` or `SHA256:fingerprint`. `DNS:*.suffix` stands for every name of one
   * label before that suffix, and a URI may end in `*`.
   */
  readonly identity: string;
  /** Hosts that such a certificate speaks for, beside those that it names: names, IP addresses, or `*` for any. */
  readonly hosts?: readonly string[];
}

const KINDS = ['DNS', 'IP', 'URI', 'CN', 'SHA256'] as const;
type Kind = (typeof KINDS)[number];

/** The host of an address or of a certificate as it is compared: lower case, no final dot, the short form of IPv6. */
export function normalHost(host: string): string {
  const bare = host.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  if (!isIPv6(bare)) return bare.replace(/([^.])\.$/, '$1');
  try {
    return new URL(`http://[${bare}]`).hostname.slice(1, -1);
  } catch {
    return bare; // with a zone
  }
}

/** What is wrong with the `identity` of an allowed peer; undefined: nothing. */
export function allowedPeerProblem(identity: string): string | undefined {
  const [kind, value] = split(identity);
  if (kind === undefined) return `must begin with one of ${KINDS.map((each) => `${each}:`).join(', ')}`;
  if (value === '') return 'must have something behind the colon';
  if (kind === 'SHA256' && !/^[0-9a-f]{64}$/.test(hexOf(value)))
    return 'must have 64 hex digits behind SHA256:';
  if (kind === 'IP' && isIP(normalHost(value)) === 0) return 'must have an IP address behind IP:';
  const stars = value.split('*').length - 1;
  const mayHaveStar = (kind === 'DNS' && value.startsWith('*.')) || (kind === 'URI' && value.endsWith('*'));
  if (stars > (mayHaveStar ? 1 : 0)) return 'has a * that is neither in DNS:*.suffix nor the end of a URI';
  return undefined;
}

/** Whether a deployment that allows those peers only accepts this one; undefined: it allows all of its CA. */
export function isAllowedPeer(identity: PeerIdentity, allowed: readonly AllowedPeer[] | undefined): boolean {
  return allowed === undefined || allowed.some((each) => matches(identity, each.identity));
}

/** Whether a peer speaks for a host (name or IP address): by its certificate, or because the deployment says so. */
export function speaksFor(
  identity: PeerIdentity,
  host: string,
  allowed: readonly AllowedPeer[] | undefined,
): boolean {
  const normal = normalHost(host);
  const isNamed =
    isIP(normal) === 0
      ? identity.names.some((name) => isNameFor(name, normal))
      : identity.addresses.includes(normal);
  if (isNamed) return true;
  const isGranted = ({ hosts = [] }: AllowedPeer): boolean =>
    hosts.some((each) => each === '*' || normalHost(each) === normal);
  return allowed?.some((each) => isGranted(each) && matches(identity, each.identity)) ?? false;
}

/** Whether a peer speaks for the host of a raft address; for what is no address nobody does. */
export function speaksForAddress(
  identity: PeerIdentity,
  address: string,
  allowed: readonly AllowedPeer[] | undefined,
): boolean {
  const [, host] = /^(\[[^[\]]+\]|[^:[\]]+):\d+$/.exec(normalAddress(address)) ?? [];
  return host !== undefined && speaksFor(identity, host, allowed);
}

/** What a certificate says of whom it is, for messages: bounded. */
export function describePeer({ names, addresses, uris, fingerprint }: PeerIdentity): string {
  const all = [...names, ...addresses, ...uris];
  const shown = all.slice(0, 4).map((each) => each.slice(0, 100));
  const rest = all.length > shown.length ? ` and ${all.length - shown.length} more` : '';
  const named = shown.length === 0 ? 'names no host' : `is for ${shown.join(', ')}${rest}`;
  return `${named} (SHA-256 ${fingerprint.slice(0, 16)}…)`;
}

function split(identity: string): [kind: Kind | undefined, value: string] {
  const colon = identity.indexOf(':');
  const kind = KINDS.find((each) => each === identity.slice(0, Math.max(0, colon)));
  return [kind, identity.slice(colon + 1)];
}

function hexOf(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase();
}

/** A wildcard stands for one whole label (RFC 6125, section 6.4.3). */
function isNameFor(pattern: string, name: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === name;
  const dot = name.indexOf('.');
  return dot > 0 && name.slice(dot) === pattern.slice(1);
}

function matches(identity: PeerIdentity, wanted: string): boolean {
  const [kind, value] = split(wanted);
  switch (kind) {
    case 'DNS':
      return identity.names.some((name) => name === normalHost(value) || isNameFor(normalHost(value), name));
    case 'IP':
      return identity.addresses.includes(normalHost(value));
    case 'URI':
      return identity.uris.some((uri) =>
        value.endsWith('*') ? uri.startsWith(value.slice(0, -1)) : uri === value,
      );
    case 'CN':
      return identity.commonName === value;
    case 'SHA256':
      return identity.fingerprint === hexOf(value);
    default:
      return false;
  }
}
