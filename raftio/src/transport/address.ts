import { isIPv6 } from 'node:net';
import { ErrInvalidAddress } from '../errors.js';

export interface HostPort {
  /** Name or IP address, IPv6 without brackets. */
  host: string;
  port: number;
}

const PATTERN = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+)):([0-9]{1,5})$/;

/** Takes `host:port` or `[IPv6]:port` apart. Throws ErrInvalidAddress. */
export function parseAddress(address: string): HostPort {
  const match = PATTERN.exec(address);
  const host = match?.[1] ?? match?.[2] ?? '';
  const port = Number(match?.[3] ?? 0);
  const bracketed = match?.[1] !== undefined;
  if (host === '' || port < 1 || port > 65_535 || (bracketed && !isIPv6(host))) {
    throw new ErrInvalidAddress(
      `'${address}' is not an address: expected host:port or [IPv6]:port, with a port from 1 to 65535`,
      { details: { address } },
    );
  }
  return { host, port };
}

/** The address as the authority of a URL. */
export function urlAuthority({ host, port }: HostPort): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}
