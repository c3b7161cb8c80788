import type { SeededRandom } from '../harness/random.js';
import type { BulkLoad } from './bulk-load.js';
import type { ChaosCluster } from './cluster.js';
import type { NETWORK_FAULTS } from './fault-kinds.js';
import { shuffled } from './groups.js';
import { rest } from './lane.js';
import type { Way } from './network.js';

export type NetworkFaultKind = (typeof NETWORK_FAULTS)[number];

const CALL_TIMEOUT_MS = 3_000;
const LINK_MBIT_PER_SECOND = [10, 30, 100, 300, 1_000];

/** Obstructs the network of a cluster for a while, and puts it right again. */
export class NetworkTroubles {
  readonly #cluster: ChaosCluster;
  readonly #bulk: BulkLoad;
  readonly #random: SeededRandom;

  constructor(cluster: ChaosCluster, bulk: BulkLoad, random: SeededRandom) {
    this.#cluster = cluster;
    this.#bulk = bulk;
    this.#random = random;
  }

  /** Resolves to what was done, when it is over. It is over early when the signal is given. */
  async make(kind: NetworkFaultKind, ms: number, signal: AbortSignal): Promise<string> {
    switch (kind) {
      case 'partition': {
        const side = this.#someHosts(2);
        const isMeant = (way: Way): boolean => side.includes(way.from) !== side.includes(way.to);
        return await this.#block(isMeant, ms, signal, `hosts ${side.join(', ')} are cut off`);
      }
      case 'one-way': {
        const side = this.#someHosts(2);
        const isOut = this.#random.isTrue(0.5);
        const isMeant = (way: Way): boolean =>
          side.includes(isOut ? way.from : way.to) && !side.includes(isOut ? way.to : way.from);
        const told = `nothing gets ${isOut ? 'from' : 'to'} hosts ${side.join(', ')}`;
        return await this.#block(isMeant, ms, signal, told);
      }
      case 'partial': {
        const ways = this.#someWays(40);
        const told = `${ways.length} ways are blocked`;
        return await this.#block((way) => ways.includes(way), ms, signal, told);
      }
      case 'loss':
        return await this.#lose(ms, signal);
      case 'delay':
        return await this.#delay(ms, signal);
      case 'cut':
        return await this.#cut(ms, signal);
      case 'narrow':
        return await this.#narrow(ms, signal);
      case 'misdirected':
        return await this.#misdirect(ms, signal);
    }
  }

  #someHosts(most: number): number[] {
    const hostIDs = this.#cluster.hosts.map(({ hostID }) => hostID);
    return shuffled(hostIDs, this.#random).slice(0, this.#random.between(1, most));
  }

  #someWays(percent: number): Way[] {
    return this.#cluster.network.ways.filter(() => this.#random.isTrue(percent / 100));
  }

  async #block(
    isMeant: (way: Way) => boolean,
    ms: number,
    signal: AbortSignal,
    told: string,
  ): Promise<string> {
    const { network } = this.#cluster;
    const ways = network.ways.filter(isMeant);
    const isCutAfter = this.#random.isTrue(0.5);
    network.block(ways, true);
    await rest(ms, signal);
    // What waited in the connections either arrives late, or not at all.
    if (isCutAfter) network.cut(ways);
    network.block(ways, false);
    return told;
  }

  /** Batches above the transport, and datagrams below it. */
  async #lose(ms: number, signal: AbortSignal): Promise<string> {
    const { network } = this.#cluster;
    const ways = this.#someWays(60);
    const lossPercent = this.#random.between(5, 40);
    network.lose(ways, Math.min(lossPercent, 10));
    await this.#obstruct(ways, lossPercent);
    await rest(ms, signal);
    network.lose(ways, 0);
    await this.#obstruct(ways, 0);
    return `${lossPercent} % of messages are lost on ${ways.length} ways`;
  }

  async #delay(ms: number, signal: AbortSignal): Promise<string> {
    const { network } = this.#cluster;
    const ways = this.#someWays(50);
    const delayMs = this.#random.between(20, 300);
    network.slow(ways, delayMs);
    await rest(ms, signal);
    network.slow(ways, 0);
    return `${delayMs} ms on ${ways.length} ways`;
  }

  /** Connections break again and again. */
  async #cut(ms: number, signal: AbortSignal): Promise<string> {
    const endMs = performance.now() + ms;
    let cuts = 0;
    do {
      const ways = this.#someWays(30);
      this.#cluster.network.cut(ways);
      cuts += ways.length;
      await rest(this.#random.between(100, 400), signal);
    } while (performance.now() < endMs && !signal.aborted);
    return `${cuts} times the connections of a way are cut`;
  }

  /** All links are slow, and a group writes large commands over them. */
  async #narrow(ms: number, signal: AbortSignal): Promise<string> {
    const { network } = this.#cluster;
    const mbitPerSecond = this.#random.pick(LINK_MBIT_PER_SECOND);
    const load = this.#bulk.begin(mbitPerSecond);
    network.narrow(network.ways, mbitPerSecond);
    await rest(ms, signal);
    load.end();
    network.narrow(network.ways, 0);
    return `links of ${mbitPerSecond} Mbit/s; ${load.told}`;
  }

  /** As when names lead elsewhere for a moment. The connections that were made then are not cut at the end. */
  async #misdirect(ms: number, signal: AbortSignal): Promise<string> {
    const { network, hosts } = this.#cluster;
    const ways = this.#someWays(30);
    for (const way of ways) {
      const others = hosts.filter(({ hostID }) => hostID !== way.to && hostID !== way.from);
      network.misdirect(way, this.#random.pick(others).hostID);
    }
    network.cut(ways);
    await rest(ms, signal);
    for (const way of ways) network.misdirect(way, undefined);
    return `${ways.length} ways lead to another host`;
  }

  /** A host that is down loses nothing, and one that is restarted forgets it. */
  async #obstruct(ways: readonly Way[], lossPercent: number): Promise<void> {
    const asked = this.#cluster.hosts.map(async ({ hostID }) => {
      const links = ways
        .filter(({ from }) => from === hostID)
        .map(({ to }) => ({ raftAddress: this.#cluster.host(to).address, lossPercent }));
      await this.#cluster.call(hostID, 'obstruct', links, CALL_TIMEOUT_MS).catch(() => undefined);
    });
    await Promise.all(asked);
  }
}
