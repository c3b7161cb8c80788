import { type GroupSettings, hasErrorCode, isDrakkarError } from '@drakkar/raftio';
import type { Dice } from '../world/dice.js';
import type { Cluster, GroupState } from './cluster.js';
import { HostDownError } from './virtual-host.js';
import { type World, tell } from './world.js';

const MIN_PAUSE_MS = 500;
const MAX_PAUSE_MS = 6_000;
const TIMEOUT_ELECTIONS = 4;
/** Few, so that lowering it evicts sessions that clients go on with. */
const SESSION_COUNTS = [1, 2, 3, 5, 4096];

/** Changes the settings of one group now and then. What became of a request that failed does not matter to it. */
export class SettingsAdmin {
  readonly #world: World;
  readonly #cluster: Cluster;
  readonly #group: GroupState;
  readonly #dice: Dice;

  constructor(world: World, cluster: Cluster, group: GroupState) {
    this.#world = world;
    this.#cluster = cluster;
    this.#group = group;
    this.#dice = world.dice.fork(`settings of ${group.scenario.clusterID}`);
  }

  /** Goes on until the faults are over. */
  async run(): Promise<void> {
    const { scheduler, oracle } = this.#world;
    while (!this.#cluster.isKind && oracle.violation === undefined) {
      await scheduler.sleep(MIN_PAUSE_MS + this.#dice.int(MAX_PAUSE_MS));
      if (!this.#cluster.isKind) await this.#change(this.#draw());
    }
  }

  #draw(): Partial<GroupSettings> {
    const lruMaxSessionCount = this.#dice.pick(SESSION_COUNTS);
    const orderedConfigChange = this.#dice.chance(0.5);
    return this.#dice.pick([
      { lruMaxSessionCount },
      { orderedConfigChange },
      { orderedConfigChange, lruMaxSessionCount },
    ]);
  }

  async #change(settings: Partial<GroupSettings>): Promise<void> {
    const { clusterID, electionRTT } = this.#group.scenario;
    const hosts = this.#cluster.hostsOf(clusterID).filter((host) => host.nodeHost !== undefined);
    if (hosts.length === 0) return;
    const host = this.#dice.pick(hosts);
    const timeoutMs = TIMEOUT_ELECTIONS * electionRTT * this.#world.scenario.tickMs;
    try {
      await host.call((nodeHost) => nodeHost.syncRequestSetGroupSettings(clusterID, settings, { timeoutMs }));
      this.#world.coverage.count('settings changed');
      tell(this.#world, 'admin', `group ${clusterID}: has the settings ${JSON.stringify(settings)}`);
    } catch (error) {
      if (error instanceof HostDownError || hasErrorCode(error, 'ERR_LEVEL_TOO_LOW')) return;
      if (isDrakkarError(error) && error.retry !== 'never') return;
      this.#world.oracle.fail('no failure without a cause', `${host.name}: settings: ${String(error)}`);
    }
  }
}
