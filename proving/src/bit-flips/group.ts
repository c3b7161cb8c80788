import { join } from 'node:path';
import { MemoryLogDB, MemoryPlace } from '@drakkar/conformance';
import { LoggerFactoryID, NodeHost, type SeededRandom, silentLoggerFactory } from '@drakkar/framework';
import { LogDBFactoryID } from '@drakkar/raftio';
import { freePorts } from '../harness/plan.js';
import { Flipper } from './flipper.js';
import type { Protocol } from './regions.js';
import { IdLog } from './workload.js';

export const CLUSTER = 1;
const HOSTS = 3;
const TICK_MS = 20;

/** A host of the group, and the relay by which the others reach it. */
export interface Member {
  nodeID: number;
  flipper: Flipper;
  host: NodeHost;
  machine: IdLog;
}

/**
 * Short ones, so that what comes of a flip comes soon: three hosts in one process do not take a pause of it for silence.
 * The last flips of a run, and those of which nothing comes, take as long as the longest of them.
 */
const TIMEOUTS = { pingIntervalMs: 150, deadPeerTimeoutMs: 600, connectTimeoutMs: 1_000 };

export interface GroupOptions {
  dir: string;
  transport: string;
  protocol: Protocol;
  random: SeededRandom;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'no reason';
}

/** A group of hosts in this process that reach each other by relays alone. Their logs are in memory. */
export class Group {
  readonly members: Member[] = [];
  /** Who led in each term, as any host was told. */
  readonly leaders = new Map<number, Set<number>>();
  connectionsFailed = 0;
  /** Of those, without a reason. */
  failedWithoutReason = 0;
  replicasFailed: unknown[] = [];
  /** What was heard last of connections and snapshots, by host. */
  readonly #news = new Map<string, string>();

  static async start(options: GroupOptions): Promise<Group> {
    const group = new Group();
    const ports = await freePorts(HOSTS);
    const flippers: Flipper[] = [];
    for (const port of ports) {
      flippers.push(await Flipper.open(port, options.protocol, options.random));
    }
    const addresses = new Map(flippers.map(({ address }, i) => [i + 1, address]));
    for (const [i, flipper] of flippers.entries()) {
      const host = await group.#openHost(i + 1, flipper.address, `127.0.0.1:${ports[i]}`, options);
      const machine = new IdLog();
      group.members.push({ nodeID: i + 1, flipper, host, machine });
      await host.startCluster(addresses, false, () => machine, {
        clusterID: CLUSTER,
        nodeID: i + 1,
        electionRTT: 10,
        heartbeatRTT: 1,
        checkQuorum: true,
        snapshotEntries: 100,
        compactionOverhead: 10,
      });
    }
    return group;
  }

  #openHost(
    nodeID: number,
    raftAddress: string,
    listenAddress: string,
    options: GroupOptions,
  ): Promise<NodeHost> {
    return NodeHost.create(
      {
        raftAddress,
        listenAddress,
        nodeHostDir: join(options.dir, `node-${nodeID}`),
        rttMillisecond: TICK_MS,
        transport: {
          module: options.transport,
          options: TIMEOUTS,
        },
        settings: { breakerMinBackoffMs: 5, breakerMaxBackoffMs: 40, connectTimeoutMs: 2_000 },
      },
      {
        events: {
          messageDamaged: ({ peer }) => this.#noteDamage(nodeID, peer),
          leaderUpdated: ({ leaderID, term }) => this.#noteLeader(leaderID, term),
          replicaFailed: ({ error }) => void this.replicasFailed.push(error),
          connectionFailed: ({ address, error }) => {
            this.connectionsFailed += 1;
            if (error === undefined) this.failedWithoutReason += 1;
            this.#news.set(`${nodeID} to ${address}`, `down: ${messageOf(error)}`);
          },
          connectionEstablished: ({ address }) => void this.#news.set(`${nodeID} to ${address}`, 'up'),
          sendSnapshotStarted: (of) => this.#noteSnapshot(of, 'under way'),
          sendSnapshotCompleted: (of) => this.#noteSnapshot(of, 'sent'),
          sendSnapshotAborted: (of) => this.#noteSnapshot(of, `not sent: ${messageOf(of.error)}`),
        },
        overrides: (container) => {
          container.bind(LoggerFactoryID).toConstantValue(silentLoggerFactory);
          const place = new MemoryPlace();
          container.bind(LogDBFactoryID).toConstantValue(() => Promise.resolve(new MemoryLogDB(place)));
        },
      },
    );
  }

  /** The last flip on that connection of the host is the one that was seen. */
  #noteDamage(nodeID: number, peer: string): void {
    const flips = this.members.find((member) => member.nodeID === nodeID)?.flipper.flips ?? [];
    const flip = flips.findLast((each) => each.peer === peer);
    if (flip !== undefined) flip.outcome = 'counted';
  }

  #noteLeader(leaderID: number, term: number): void {
    if (leaderID === 0) return;
    const known = this.leaders.get(term) ?? new Set();
    this.leaders.set(term, known.add(leaderID));
  }

  #noteSnapshot({ nodeID, to, index }: { nodeID: number; to: number; index: number }, end: string): void {
    this.#news.set(`${nodeID} to node ${to}`, `snapshot at ${index} ${end}`);
  }

  /** What a member is doing, for who looks for the reason why it does not go on. */
  describe({ nodeID, host, flipper, machine }: Member): string {
    const [replica] = host.getNodeHostInfo().replicas;
    const { role, leaderID, term, commit, applied } = replica?.progress ?? {};
    const news = [...this.#news].filter(([of]) => of.startsWith(`${nodeID} `));
    return [
      `replica ${nodeID} at ${flipper.address} is ${replica?.state}, ${role}, follows ${leaderID} in term ${term}`,
      `${machine.ids.length} commands, commit ${commit}, applied ${applied}`,
      ...news.map(([of, what]) => `${of} ${what}`),
      ...flipper.connections.map((connection) => `connection ${connection}`),
    ].join('; ');
  }

  /** Batches, chunks and entries that were counted as damaged, on all hosts. */
  get damaged(): number {
    let sum = 0;
    for (const { host } of this.members) {
      const { damagedBatches = 0, damagedChunks = 0, damagedEntries = 0 } = host.getNodeHostInfo().transport;
      sum += damagedBatches + damagedChunks + damagedEntries;
    }
    return sum;
  }

  get damagedChunks(): number {
    return this.members.reduce(
      (sum, { host }) => sum + (host.getNodeHostInfo().transport.damagedChunks ?? 0),
      0,
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.members.map(({ host }) => host.stop()));
    await Promise.all(this.members.map(({ flipper }) => flipper.close()));
  }
}
