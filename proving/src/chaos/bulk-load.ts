import type { SeededRandom } from '../harness/random.js';
import type { Group } from './groups.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const COMMAND_BYTES = [256 * KIB, MIB, 4 * MIB, 8 * MIB];
/** Of all large commands of one load, sent or to be sent again: they stay in logs for a while, on small disks. */
const BUDGET_BYTES = 16 * MIB;
/** A load on slow links: what passes in this time. */
const BUDGET_MS = 10_000;
const BYTES_PER_MS_OF_MBIT = 125;

/** Large commands of one group, for some time. */
export interface Load {
  readonly told: string;
  end(): void;
}

interface GroupLoad {
  commandBytes: number;
  leftBytes: number;
}

/** Which groups write large commands at the moment: clients ask before each attempt. */
export class BulkLoad {
  /** Commands that were large, and their bytes. */
  count = 0;
  sizeBytes = 0;
  readonly #groups: readonly Group[];
  readonly #random: SeededRandom;
  readonly #loads = new Map<number, GroupLoad>();

  constructor(groups: readonly Group[], random: SeededRandom) {
    this.#groups = groups;
    this.#random = random;
  }

  /** @param mbitPerSecond what the links carry: large commands get through it in some seconds */
  begin(mbitPerSecond = Infinity): Load {
    const { clusterID } = this.#random.pick(this.#groups);
    const leftBytes = Math.min(BUDGET_BYTES, mbitPerSecond * BYTES_PER_MS_OF_MBIT * BUDGET_MS);
    const sizes = COMMAND_BYTES.filter((sizeBytes) => sizeBytes <= leftBytes);
    const commandBytes = this.#random.pick(sizes);
    const load = { commandBytes, leftBytes };
    this.#loads.set(clusterID, load);
    return {
      told: `group ${clusterID} writes ${commandBytes / KIB} KiB at a time`,
      end: () => {
        if (this.#loads.get(clusterID) === load) this.#loads.delete(clusterID);
      },
    };
  }

  /** How large a command of the group is to be made now; 0: as it is. It counts as sent. */
  take(clusterID: number): number {
    const load = this.#loads.get(clusterID);
    if (load === undefined || load.leftBytes < load.commandBytes) return 0;
    load.leftBytes -= load.commandBytes;
    this.count += 1;
    this.sizeBytes += load.commandBytes;
    return load.commandBytes;
  }
}
