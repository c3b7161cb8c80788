/** An address in its normal form: what maps are keyed by, and what is compared. It is not what is dialled. */
export type NormalAddress = string & { readonly [isNormal]: true };
declare const isNormal: unique symbol;

/** Longer than any address: a DNS name of 253 characters with its final dot and a port, or an IPv6 address with a zone. */
const MAX_LENGTH = 320;

/** Normal forms remembered at most: more than a host talks to, and a bound for who makes addresses up. */
const MAX_KNOWN = 4_096;

const known = new Map<string, NormalAddress>();

/**
 * The normal form of an address, in which two spellings of the same one are equal: lower case, no final dot of a
 * name, the short form of an IPv6 address, the port without leading zeros. What is no address stays as it is, trimmed
 * and in lower case. Names are not looked up: a name and the IP address that it stands for differ.
 *
 * Groups apply membership changes by it, so what it makes of an address may change with a feature level only.
 */
export function normalAddress(address: string): NormalAddress {
  if (address.length > MAX_LENGTH) return address as NormalAddress;
  let normal = known.get(address);
  if (normal === undefined) {
    normal = normalized(address) as NormalAddress;
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(address, normal);
  }
  return normal;
}

/** Whether both are the same address, however they are spelled. */
export function isSameAddress(one: string, other: string): boolean {
  return one === other || normalAddress(one) === normalAddress(other);
}

function normalized(address: string): string {
  const trimmed = address.trim().toLowerCase();
  const [, host, port] = /^(\[[^[\]]+\]|[^:[\]]+):0*(\d+)$/.exec(trimmed) ?? [];
  if (host === undefined || port === undefined) return trimmed;
  return `${host.startsWith('[') ? shortIPv6(host) : host.replace(/([^.])\.$/, '$1')}:${port}`;
}

function shortIPv6(bracketed: string): string {
  try {
    return new URL(`http://${bracketed}`).hostname;
  } catch {
    return bracketed; // with a zone, which a URL can't have, or none at all
  }
}
