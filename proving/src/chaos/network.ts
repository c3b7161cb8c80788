import type { SeededRandom } from '../harness/random.js';
import { LOOPBACK, type Relay, TcpRelay, UdpRelay } from './relay.js';

const BYTES_PER_MS_OF_MBIT = 125;

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
  readonly #ports: readonly number[];

  private constructor(ways: Way[], ports: readonly number[]) {
    this.ways = ways;
    this.#ports = ports;
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
    const network = new ChaosNetwork(ways, ports);
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

  /** @param mbitPerSecond 0: as fast as it goes */
  narrow(ways: readonly Way[], mbitPerSecond: number): void {
    for (const { relay } of ways) relay.state.bytesPerMs = mbitPerSecond * BYTES_PER_MS_OF_MBIT;
  }

  /** What is connected from now on reaches another host than is meant. @param host undefined: the right one again */
  misdirect({ relay }: Way, host: number | undefined): void {
    relay.state.detourPort = host === undefined ? undefined : this.#ports[host - 1];
  }

  /** What has passed over all ways so far. */
  get passedBytes(): number {
    return this.ways.reduce((sum, { relay }) => sum + relay.passedBytes, 0);
  }

  cut(ways: readonly Way[]): void {
    for (const { relay } of ways) relay.cut();
  }

  heal(): void {
    this.block(this.ways, false);
    this.slow(this.ways, 0);
    this.lose(this.ways, 0);
    this.narrow(this.ways, 0);
    for (const way of this.ways) this.misdirect(way, undefined);
  }

  async close(): Promise<void> {
    await Promise.all(this.ways.map(({ relay }) => relay.close()));
  }
}
