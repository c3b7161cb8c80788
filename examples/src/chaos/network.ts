import type { SeededRandom } from '../cluster/random.js';
import { LOOPBACK, type Relay, TcpRelay, UdpRelay } from './relay.js';

export type Carrier = 'tcp' | 'udp';

/** From one host to another one. What the second answers over the same connection goes with it. */
export interface Way {
  from: number;
  to: number;
  relay: Relay;
}

/**
 * The network between the hosts: a relay for each way from one host to another, in this process, so that each
 * direction of each pair can be obstructed by itself. Hosts are 1 to `ports.length`.
 */
export class ChaosNetwork {
  readonly ways: readonly Way[];

  private constructor(ways: Way[]) {
    this.ways = ways;
  }

  /** @param relayPorts one for each way, free */
  static async open(
    carrier: Carrier,
    ports: readonly number[],
    relayPorts: readonly number[],
    random: SeededRandom,
  ): Promise<ChaosNetwork> {
    const free = [...relayPorts];
    const ways: Way[] = [];
    const network = new ChaosNetwork(ways);
    try {
      for (let from = 1; from <= ports.length; from += 1) {
        for (const [i, targetPort] of ports.entries()) {
          if (i + 1 === from) continue;
          const port = free.pop() ?? 0;
          const relay = await (carrier === 'tcp'
            ? TcpRelay.open(targetPort, port)
            : UdpRelay.open(targetPort, port, random));
          ways.push({ from, to: i + 1, relay });
        }
      }
    } catch (error) {
      await network.close();
      throw error;
    }
    return network;
  }

  /** How a host reaches the others: their raft addresses, and what it connects to instead. */
  routesOf(host: number, addresses: readonly string[]): [raftAddress: string, via: string][] {
    return this.ways
      .filter(({ from }) => from === host)
      .map(({ to, relay }) => [addresses[to - 1] ?? '', `${LOOPBACK}:${relay.port}`]);
  }

  block(ways: readonly Way[], isBlocked: boolean): void {
    for (const { relay } of ways) {
      relay.state.isBlocked = isBlocked;
      relay.changed();
    }
  }

  /** @param delayMs 0: none */
  slow(ways: readonly Way[], delayMs: number): void {
    for (const { relay } of ways) relay.state.delayMs = delayMs;
  }

  /** Datagrams only. @param lossPercent 0: none */
  lose(ways: readonly Way[], lossPercent: number): void {
    for (const { relay } of ways) relay.state.lossPercent = lossPercent;
  }

  cut(ways: readonly Way[]): void {
    for (const { relay } of ways) relay.cut();
  }

  heal(): void {
    this.block(this.ways, false);
    this.slow(this.ways, 0);
    this.lose(this.ways, 0);
  }

  async close(): Promise<void> {
    await Promise.all(this.ways.map(({ relay }) => relay.close()));
  }
}
