import { parseAddress } from '../config/address.js';

/**
 * The normal form of an address, in which two spellings of the same one are equal: lower case, no final dot of a
 * name, the short form of an IPv6 address, the port without leading zeros. What is no address stays as it is, trimmed.
 * Names are not looked up: a name and the IP address that it stands for differ.
 */
export function normalAddress(address: string): string {
  const trimmed = address.trim().toLowerCase();
  const parts = parseAddress(trimmed);
  if (parts === undefined) return trimmed;
  const { host, port } = parts;
  return host.includes(':') ? `${shortIPv6(host)}:${port}` : `${host.replace(/\.$/, '')}:${port}`;
}

function shortIPv6(host: string): string {
  try {
    return new URL(`http://[${host}]`).hostname;
  } catch {
    return `[${host}]`; // with a zone, which a URL can't have
  }
}
