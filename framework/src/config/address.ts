import { isIPv4, isIPv6 } from 'node:net';

export interface HostAndPort {
  /** Name, IPv4 or IPv6 address, the latter without brackets. */
  host: string;
  port: number;
}

const HOST_LABEL = /^[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?$/;

function isHostName(host: string): boolean {
  const labels = host.replace(/\.$/, '').split('.');
  // All digits and dots, yet no IPv4 address: a mistyped one rather than a name.
  if (labels.every((label) => /^\d+$/.test(label))) return false;
  return host.length <= 253 && labels.every((label) => HOST_LABEL.test(label));
}

function parsePort(text: string): number | undefined {
  if (!/^[1-9]\d{0,4}$/.test(text)) return undefined;
  const port = Number(text);
  return port <= 65535 ? port : undefined;
}

/** The parts of `host:port` or `[IPv6]:port`; `undefined` when `text` is not of that form. */
export function parseAddress(text: string): HostAndPort | undefined {
  const bracketed = /^\[([^\]]+)\]:(\d+)$/.exec(text);
  const plain = /^([^:[\]]+):(\d+)$/.exec(text);
  const host = bracketed?.[1] ?? plain?.[1];
  const port = parsePort(bracketed?.[2] ?? plain?.[2] ?? '');
  if (host === undefined || port === undefined) return undefined;
  const valid = bracketed === null ? isIPv4(host) || isHostName(host) : isIPv6(host);
  return valid ? { host, port } : undefined;
}

/** Whether it stands for every address of a machine, so that nobody else can connect to it. */
export function isWildcardHost(host: string): boolean {
  return host === '0.0.0.0' || (isIPv6(host) && /^[0:.]+$/.test(host));
}
