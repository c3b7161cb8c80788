import { valuePlaces } from '../disk/journal-record.js';
import { Dice } from '../world/dice.js';
import type { Cluster } from './cluster.js';
import type { Fault, FaultKind } from './fault-plan.js';
import { Forger } from './forger.js';
import type { Requests } from './requests.js';
import type { VirtualHost } from './virtual-host.js';
import { type World, tell } from './world.js';

/** Makes the faults of a plan happen. What it does to whom depends on the fault's own number and on what is there. */
export class FaultInjector {
  readonly #world: World;
  readonly #cluster: Cluster;
  readonly #requests: Requests;
  readonly #forger: Forger;
  #isOver = false;

  constructor(world: World, cluster: Cluster, requests: Requests) {
    this.#world = world;
    this.#cluster = cluster;
    this.#requests = requests;
    this.#forger = new Forger(world, cluster);
    if (world.scenario.extensions.includes('hostile-messages'))
      world.network.onBatch.push((batch) => this.#forger.hears(batch));
  }

  schedule(plan: readonly Fault[]): void {
    for (const fault of plan) {
      this.#world.scheduler.after(fault.atMs, undefined, fault.kind, () => this.#inject(fault));
    }
  }

  /** No faults from now on, and those that last are ended. */
  end(): void {
    this.#isOver = true;
    this.#world.network.becomeKind();
    for (const { disk, life } of this.#cluster.hosts) {
      disk.repair();
      life?.outliveCalls();
      life?.resume();
    }
  }

  #inject({ kind, choice }: Fault): void {
    if (this.#isOver) return;
    const dice = new Dice(choice);
    const host = dice.pick(this.#cluster.hosts);
    const done = this.#actions[kind](dice, host);
    if (done !== undefined) tell(this.#world, 'fault', `${kind}: ${done}`);
  }

  readonly #actions: Readonly<Record<FaultKind, (dice: Dice, host: VirtualHost) => string | undefined>> = {
    'power failure': (_, host) => this.#crash(host, true),
    kill: (_, host) => this.#crash(host, false),
    'crash in a call': (dice, host) => this.#crashLater(host, dice.between(1, 60), false),
    'crash in a sync': (dice, host) => this.#crashLater(host, dice.between(1, 12), true),
    'clean stop': (_, host) => {
      if (host.nodeHost === undefined) return undefined;
      void host.stopCleanly();
      return host.name;
    },
    pause: (dice, host) => this.#pause(dice, host),
    'partition full': (dice) => this.#partition(dice, 'partition full'),
    'partition one way': (dice) => this.#partition(dice, 'partition one way'),
    'partition partial': (dice) => this.#partition(dice, 'partition partial'),
    'isolate leader': (dice) => this.#isolateLeader(dice),
    heal: () => {
      this.#world.network.heal();
      return 'all ways are open';
    },
    'slow link': (dice, host) => {
      const to = dice.pick(this.#cluster.hosts);
      if (to === host) return undefined;
      this.#world.network.slowDown(host.address, to.address);
      this.#world.coverage.count('slow link');
      this.#later(dice.between(500, 8_000), () => this.#world.network.speedUp());
      return `${host.name} to ${to.name}`;
    },
    'cut connection': (dice) => this.#cutConnection(dice),
    'cut stream': () => {
      this.#world.network.cutNextStream();
      return 'the next one';
    },
    'disk stall': (dice, { disk, name }) => {
      const forMs = dice.skewed(50, 8_000);
      disk.stalledUntilMs = this.#world.scheduler.nowMs + forMs;
      this.#world.coverage.count('disk stall');
      return `${name} for ${forMs.toFixed(0)} ms`;
    },
    'disk slow': (dice, { disk, name }) => {
      disk.slowness = dice.between(3, 60);
      this.#world.coverage.count('disk slow');
      this.#later(dice.between(500, 8_000), () => (disk.slowness = 1));
      return `${name}, ${disk.slowness} times`;
    },
    'disk full': (dice, { disk, name }) => {
      disk.isFull = true;
      this.#later(dice.between(100, 5_000), () => (disk.isFull = false));
      return name;
    },
    'write error': (_, { disk, name }) => {
      disk.failWrites = 1;
      return name;
    },
    'sync error': (_, { disk, name }) => {
      disk.failSyncs = 1;
      return name;
    },
    'flip in log': (dice, host) => this.#flipInLog(dice, host),
    'flip in snapshot': (dice, host) => this.#flipInSnapshot(dice, host),
    'wipe disk': (_, host) => {
      if (!this.#cluster.canLose(host)) return undefined;
      this.#cluster.wipe(host);
      return host.name;
    },
    'leader transfer': (dice) => this.#transfer(dice),
    'request snapshot': (dice, host) =>
      this.#request(dice, host, (clusterID) => this.#requests.snapshot(host, clusterID)),
    'request compaction': (dice, host) =>
      this.#request(dice, host, (clusterID) => this.#requests.compaction(host, clusterID)),
    'restart replica': (dice, host) => this.#restartReplica(dice, host),
    'forge message': (dice, host) => this.#forger.attack(dice, host),
    'export snapshot': (dice, host) =>
      this.#request(dice, host, (clusterID) => void this.#requests.export(host, clusterID)),
  };

  #later(delayMs: number, undo: () => void): void {
    // When the faults are over all of them have been undone, and trials have their own.
    this.#world.scheduler.after(delayMs, undefined, 'undo', () => {
      if (!this.#isOver) undo();
    });
  }

  #crash(host: VirtualHost, losesUnsynced: boolean): string | undefined {
    if (!host.isUp) return undefined;
    host.crash(losesUnsynced);
    return host.name;
  }

  #crashLater(host: VirtualHost, calls: number, onlySyncs: boolean): string | undefined {
    if (!host.isUp) return undefined;
    host.life?.endAfterCalls(calls, onlySyncs);
    return `${host.name} will crash in its ${calls}th ${onlySyncs ? 'sync' : 'call'}`;
  }

  /** The host of some group's leader. */
  #leaderHost(dice: Dice): VirtualHost | undefined {
    const { clusterID } = dice.pick(this.#cluster.groups).scenario;
    return this.#cluster.hostsOf(clusterID).find((host) => host.leads(clusterID));
  }

  #isolateLeader(dice: Dice): string | undefined {
    const { network, coverage } = this.#world;
    const leader = this.#leaderHost(dice);
    if (leader === undefined) return undefined;
    network.heal();
    for (const { address } of this.#cluster.hosts) {
      if (address === leader.address) continue;
      network.block(leader.address, address);
      network.block(address, leader.address);
    }
    coverage.count('leader isolated');
    this.#later(dice.between(500, 8_000), () => network.heal());
    return leader.name;
  }

  #pause(dice: Dice, anyHost: VirtualHost): string | undefined {
    const leader = dice.chance(0.5) ? this.#leaderHost(dice) : undefined;
    const host = leader ?? anyHost;
    const { life } = host;
    if (life === undefined || !host.isUp || life.isPaused) return undefined;
    const forMs = dice.skewed(20, 6_000);
    life.pause();
    this.#world.coverage.count('pause');
    if (leader !== undefined) this.#world.coverage.count('leader paused');
    this.#later(forMs, () => life.resume());
    return `${host.name} for ${forMs.toFixed(0)} ms`;
  }

  #partition(dice: Dice, kind: 'partition full' | 'partition one way' | 'partition partial'): string {
    const { network, coverage } = this.#world;
    const { hosts } = this.#cluster;
    network.heal();
    const cut: string[] = [];
    const side = new Set(hosts.filter(() => dice.chance(0.5)));
    for (const a of hosts) {
      for (const b of hosts) {
        const isCut = kind === 'partition partial' ? dice.chance(0.25) : side.has(a) && !side.has(b);
        if (a === b || !isCut) continue;
        network.block(a.address, b.address);
        if (kind !== 'partition one way') network.block(b.address, a.address);
        cut.push(`${a.name}>${b.name}`);
      }
    }
    if (cut.length > 0) coverage.count(kind);
    this.#later(dice.between(200, 10_000), () => network.heal());
    return cut.join(' ');
  }

  #cutConnection(dice: Dice): string | undefined {
    const channels = [...this.#world.network.channels].filter((channel) => !channel.isStream);
    if (channels.length === 0) return undefined;
    const channel = dice.pick(channels);
    channel.end(new Error('the connection was cut'));
    this.#world.coverage.count('connection cut');
    return `${channel.ends.from} to ${channel.ends.to}`;
  }

  #flipInLog(dice: Dice, host: VirtualHost): string | undefined {
    if (!this.#cluster.canLose(host)) return undefined;
    const journals = host.disk.files().filter(({ path }) => /\/journal-\d+$/.test(path));
    const places = journals.flatMap(({ file, path }) =>
      valuePlaces(file.current.view()).map((place) => ({ ...place, file, path })),
    );
    if (places.length === 0) return undefined;
    const { file, path, offset, sizeBytes } = dice.pick(places);
    file.flip(offset + dice.int(sizeBytes), dice.int(8));
    host.isSuspect = true;
    this.#world.coverage.count('bit flipped in log');
    return `${host.name}${path}`;
  }

  #flipInSnapshot(dice: Dice, host: VirtualHost): string | undefined {
    if (!this.#cluster.canLose(host)) return undefined;
    const files = host.disk
      .files()
      .filter(({ path, file }) => path.includes('/snapshots/') && file.current.length > 0);
    if (files.length === 0) return undefined;
    const { file, path } = dice.pick(files);
    file.flip(dice.int(file.current.length), dice.int(8));
    host.isSuspect = true;
    this.#world.coverage.count('bit flipped in snapshot');
    return `${host.name}${path}`;
  }

  #transfer(dice: Dice): string | undefined {
    const group = dice.pick(this.#cluster.groups);
    const { clusterID } = group.scenario;
    const hosts = this.#cluster.hostsOf(clusterID).filter((host) => host.nodeHost !== undefined);
    const voters = [...(group.view.newest?.addresses.keys() ?? [])];
    if (hosts.length === 0 || voters.length === 0) return undefined;
    const host = dice.pick(hosts);
    const target = dice.pick(voters);
    // Refused when there is no leader, or it is being handed over already: then it did not happen.
    return attempt(() => {
      host.nodeHost?.requestLeaderTransfer(clusterID, target);
      this.#world.coverage.count('leader transfer');
      return `group ${clusterID} to node ${target}, asked at ${host.name}`;
    });
  }

  /** Stops a replica while its host runs, and starts it again. */
  #restartReplica(dice: Dice, host: VirtualHost): string | undefined {
    const clusters = [...host.replicas.keys()];
    if (clusters.length === 0 || host.nodeHost === undefined) return undefined;
    const clusterID = dice.pick(clusters);
    const forMs = dice.skewed(0, 8_000);
    const isDone = (): boolean => this.#isOver;
    void this.#requests.restartReplica(host, clusterID, { forMs, isDone });
    return `group ${clusterID} at ${host.name} for ${forMs.toFixed(0)} ms`;
  }

  #request(dice: Dice, host: VirtualHost, ask: (clusterID: number) => void): string | undefined {
    const clusters = [...host.replicas.keys()];
    if (clusters.length === 0 || host.nodeHost === undefined) return undefined;
    const clusterID = dice.pick(clusters);
    ask(clusterID);
    return `group ${clusterID} at ${host.name}`;
  }
}

function attempt(action: () => string): string | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
