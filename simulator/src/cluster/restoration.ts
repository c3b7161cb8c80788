import { type IFileSystem, type ILoggerFactory, importSnapshot } from '@drakkar/framework';
import { allInvariants } from '../invariants/all.js';
import { Oracle } from '../invariants/oracle.js';
import { Shadows } from '../invariants/shadows.js';
import { Client } from '../workload/client.js';
import type { Dice } from '../world/dice.js';
import { Cluster, type GroupState, connect } from './cluster.js';
import { Liveness } from './liveness.js';
import type { Requests } from './requests.js';
import { Traffic } from './traffic.js';
import { HostDownError, type VirtualHost } from './virtual-host.js';
import { type World, tell } from './world.js';

/** So many lives end with it. */
const SHARE = 0.25;
const MAX_HOSTS = 3;
const MAX_CRASHES = 3;
const LATEST_CALL = 60;
const START_LIMIT_MS = 60_000;
const PAUSE_MS = 50;

/** A group whose hosts are gone permanently, and what was left of it. */
interface Remains {
  group: GroupState;
  dir: string;
  /** What `dir` has, by file name. */
  files: ReadonlyMap<string, Uint8Array>;
  /** Of the state machine. */
  fingerprint: string;
}

/**
 * What an operator does when a group has lost its quorum permanently: all hosts are gone but for an exported snapshot,
 * which is imported at new ones. The group must go on there with what was exported. Imports die in their midst, and
 * are repeated.
 */
export class Restoration {
  readonly #world: World;
  readonly #cluster: Cluster;
  readonly #requests: Requests;
  readonly #dice: Dice;
  readonly #loggerFactory: ILoggerFactory;

  constructor(world: World, cluster: Cluster, requests: Requests, loggerFactory: ILoggerFactory) {
    this.#world = world;
    this.#cluster = cluster;
    this.#requests = requests;
    this.#dice = world.dice.fork('restoration');
    this.#loggerFactory = loggerFactory;
  }

  /** To be called when all members of each group are equal, and nobody writes. */
  async run(): Promise<void> {
    if (!this.#dice.chance(SHARE)) return;
    const remains = await this.#export();
    if (remains === undefined) return;
    this.#cluster.abandon();
    await this.#restore(remains);
  }

  async #export(): Promise<Remains | undefined> {
    const group = this.#dice.pick(this.#cluster.groups);
    const { clusterID } = group.scenario;
    const host = this.#dice.pick(this.#cluster.hostsOf(clusterID));
    const fingerprint = host.fingerprint(clusterID);
    const dir = await this.#requests.export(host, clusterID);
    // One that is removed, or that is still starting, has nothing to give.
    if (dir === undefined || fingerprint === undefined) return undefined;
    const files = new Map<string, Uint8Array>();
    for (const { path, file } of host.disk.files()) {
      if (path.startsWith(`${dir}/`)) files.set(path.slice(dir.length + 1), file.current.view().slice());
    }
    return { group, dir, files, fingerprint };
  }

  async #restore(remains: Remains): Promise<void> {
    const { group, fingerprint } = remains;
    const { clusterID } = group.scenario;
    const world = this.#newWorld(group);
    const cluster = new Cluster(world, this.#loggerFactory);
    const { oracle, scheduler } = world;
    connect(world, cluster);
    const members = new Map(cluster.hosts.map((host, i) => [group.nextNodeID + i, host.address]));
    for (const [i, host] of cluster.hosts.entries()) {
      const nodeID = group.nextNodeID + i;
      const plan = { group: group.scenario, nodeID, initialMembers: new Map(), isObserver: false };
      host.replicas.set(clusterID, plan);
      await this.#import(host, nodeID, members, remains);
    }
    cluster.isKind = true;
    cluster.start();
    const untilMs = scheduler.nowMs + START_LIMIT_MS;
    const hasState = (host: VirtualHost): boolean => host.fingerprint(clusterID) === fingerprint;
    while (!cluster.hosts.every(hasState) && scheduler.nowMs < untilMs) await scheduler.sleep(PAUSE_MS);
    const states = cluster.hosts.map((host) => host.fingerprint(clusterID)).join(', ');
    if (!cluster.hosts.every(hasState)) oracle.fail('restoration', `${states} instead of ${fingerprint}`);
    const liveness = new Liveness(world, cluster, []);
    if (oracle.violation === undefined) await liveness.check(new Client(world, cluster, 0, []));
    const { violation } = oracle;
    if (violation !== undefined) this.#world.oracle.fail(violation.invariant, violation.message);
    tell(this.#world, 'sim', `group ${clusterID} goes on at ${members.size} new hosts`);
  }

  /** The same time and network, but another history: nobody who was there before is any more. */
  #newWorld({ scenario }: GroupState): World {
    const hostCount = this.#dice.between(1, MAX_HOSTS);
    const shadows = new Shadows();
    const invariants = allInvariants(shadows, () => undefined);
    const oracle = new Oracle(shadows, invariants, this.#world.oracle.only);
    return {
      ...this.#world,
      dice: this.#dice.fork('hosts'),
      oracle,
      traffic: new Traffic(oracle),
      // The values of keys written before are unknown here, so nobody reads first.
      scenario: {
        ...this.#world.scenario,
        hostCount,
        keyCount: 1,
        extensions: [],
        groups: [{ ...scenario, voterCount: hostCount }],
      },
    };
  }

  async #import(
    host: VirtualHost,
    nodeID: number,
    members: ReadonlyMap<number, string>,
    { dir, files }: Remains,
  ): Promise<void> {
    const { coverage } = this.#world;
    await host.runAlone(({ fileSystem }) => putFiles(fileSystem, dir, files));
    for (let crashesLeft = this.#dice.int(MAX_CRASHES + 1); ; crashesLeft--) {
      try {
        await host.runAlone(async ({ life, config, overrides }) => {
          if (crashesLeft > 0) life.endAfterCalls(this.#dice.between(1, LATEST_CALL), this.#dice.chance(0.3));
          await importSnapshot(config, dir, new Map(members), nodeID, { overrides });
        });
        coverage.count('snapshot imported');
        return;
      } catch (error) {
        if (!(error instanceof HostDownError)) throw error;
        coverage.count('import crashed');
      }
    }
  }
}

/** Durable on return. */
async function putFiles(fs: IFileSystem, dir: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  await fs.makeDir(dir);
  for (const [name, content] of files) {
    const file = await fs.open(`${dir}/${name}`, 'create');
    await file.write(content, 0);
    await file.sync();
    await file.close();
  }
  await fs.syncDir(dir);
  await fs.syncDir('/');
}
