import { isIPv4 } from 'node:net';
import { normalHost } from '@drakkar/raftio';
import { parseAddress } from '../config/address.js';
import type { NodeHostConfig } from '../config/node-host-config.js';

/** Whether an address leads to this machine only, as far as it says. */
export function isLoopback(address: string): boolean {
  const host = normalHost(parseAddress(address)?.host ?? '');
  if (host === 'localhost' || host.endsWith('.localhost') || host === '::1') return true;
  return isIPv4(host) ? host.startsWith('127.') : /^::ffff:7f[0-9a-f]{2}:/.test(host);
}

/**
 * Whether other machines can reach the host while nothing is encrypted and nobody proves who he is, and nobody has said
 * that this is meant.
 */
export function isOpenToAnybody({ mutualTls, allowPlaintext, listenAddress }: NodeHostConfig): boolean {
  return !mutualTls && allowPlaintext !== true && !isLoopback(listenAddress);
}
