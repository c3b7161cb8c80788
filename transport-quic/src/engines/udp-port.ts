import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { isIPv6 } from 'node:net';
import { ErrAddressInUse, ErrInvalidAddress } from '@drakkar/raftio';

/**
 * The IP address that a name stands for on this machine; IPv4 first, for both ends must come to the same one. Rejects
 * with what `lookup` does.
 */
export async function resolveHost(host: string): Promise<string> {
  const found = await lookup(host, { all: true, verbatim: true });
  const first = found.find(({ family }) => family === 4) ?? found[0];
  if (first === undefined) throw new Error(`${host} has no address`);
  return first.address;
}

/**
 * Makes sure that a UDP port can be bound, by binding it, and frees it again: the QUIC libraries do not cope with one
 * that can't. Resolves to the IP address. Rejects with ErrAddressInUse or ErrInvalidAddress.
 */
export async function probeUdpPort(host: string, port: number, address: string): Promise<string> {
  const details = { listenAddress: address };
  try {
    const ip = await resolveHost(host);
    await bindOnce(ip, port);
    return ip;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE') {
      throw new ErrAddressInUse(
        `can't listen on ${address} (UDP): another process, or another host in this one, uses it`,
        { cause: error, details },
      );
    }
    throw new ErrInvalidAddress(`can't listen on ${address} (UDP): ${message}`, { cause: error, details });
  }
}

function bindOnce(ip: string, port: number): Promise<void> {
  const socket = createSocket({ type: isIPv6(ip) ? 'udp6' : 'udp4' });
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      reject(error);
    });
    socket.bind({ address: ip, port, exclusive: true }, () => {
      socket.close(() => {
        resolve();
      });
    });
  });
}
