import { once } from 'node:events';
import { createConnection } from 'node:net';
import { splitAddress } from './address.js';
import type { Link } from './link.js';
import { TcpLink } from './tcp-link.js';
import { UdpLink } from './udp-link.js';

/** What a transport's bytes travel in. */
export type Carrier = 'tcp' | 'udp';

/** What listens at the address: somebody for TCP, or, as the only other possibility, for UDP. */
export async function detectCarrier(address: string): Promise<Carrier> {
  const socket = createConnection(splitAddress(address));
  try {
    await once(socket, 'connect');
    return 'tcp';
  } catch {
    return 'udp';
  } finally {
    socket.destroy();
  }
}

const ATTEMPTS = 20;

function isTaken(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
}

/** Opens something at a port of TCP, and something at the same port of UDP; 0: any. */
async function openBothAt(target: string, port: number): Promise<[TcpLink, UdpLink]> {
  const tcp = await TcpLink.open(target, port);
  try {
    return [tcp, await UdpLink.open(target, splitAddress(tcp.address).port)];
  } catch (error) {
    await tcp.close();
    throw error;
  }
}

async function openBoth(target: string): Promise<[TcpLink, UdpLink]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await openBothAt(target, 0);
    } catch (error) {
      if (!isTaken(error) || attempt === ATTEMPTS) throw error;
    }
  }
}

/** A relay of TCP and of UDP at one port, so that the suite need not know what a transport uses. */
export class NetworkLink implements Link {
  readonly address: string;

  private constructor(
    readonly tcp: TcpLink,
    readonly udp: UdpLink,
  ) {
    this.address = tcp.address;
  }

  static async open(target: string): Promise<NetworkLink> {
    return new NetworkLink(...(await openBoth(target)));
  }

  /** At this port; undefined when somebody has it. */
  static async openAt(target: string, port: number): Promise<NetworkLink | undefined> {
    try {
      return new NetworkLink(...(await openBothAt(target, port)));
    } catch (error) {
      if (isTaken(error)) return undefined;
      throw error;
    }
  }

  pause(): void {
    this.tcp.pause();
    this.udp.pause();
  }

  resume(): void {
    this.tcp.resume();
    this.udp.resume();
  }

  cut(): void {
    this.tcp.cut();
    this.udp.cut();
  }

  async close(): Promise<void> {
    await Promise.all([this.tcp.close(), this.udp.close()]);
  }
}
