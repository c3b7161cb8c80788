import type { CompressionType } from '@drakkar/framework';
import { type ExtensionName, drawExtensions } from '../extensions.js';
import type { GroupRules } from '../invariants/model-group.js';
import type { Dice } from '../world/dice.js';
import type { LinkRates, NetworkQuality } from '../net/network.js';
import { drawOptions } from './option-pairs.js';

/** How a group is set up. */
export interface GroupScenario {
  clusterID: number;
  voterCount: number;
  electionRTT: number;
  heartbeatRTT: number;
  snapshotEntries: number;
  compactionOverhead: number;
  orderedConfigChange: boolean;
  quiesce: boolean;
  preVote: boolean;
  checkQuorum: boolean;
  entryCompression: CompressionType;
  snapshotCompression: CompressionType;
  /** Space is given back only on request. */
  disableAutoCompactions: boolean;
  /** 0: the host's. */
  maxInMemLogSize: number;
  /** Its operator sees to it that it has an observer, as far as there is a host for it. */
  wantsObserver: boolean;
}

/** All that a seed says of a cluster's life, but for what happens in it. */
export interface Scenario {
  seed: number;
  hostCount: number;
  tickMs: number;
  groups: GroupScenario[];
  quality: NetworkQuality;
  /** `undefined`: time on the way does not depend on size. */
  links: LinkRates | undefined;
  extensions: readonly ExtensionName[];
  /** Longest time that a state machine takes for a command. */
  updateMs: number;
  /** Largest deviation of a host's clock, as a share. */
  clockSkew: number;
  /** Mean pause between two faults. */
  faultPauseMs: number;
  safetyMs: number;
  clientCount: number;
  /** Longest pause of a client between two calls. */
  thinkMs: number;
  /** Of each period of this length clients are idle for the second half, so that groups may sleep; 0: never. */
  burstMs: number;
  keyCount: number;
  /** Few, so that sessions are evicted that clients go on with. */
  maxSessionCount: number;
  paddingBytes: number;
  /** What each snapshot has besides the registers, so that there is something to be compressed. */
  fillerBytes: number;
  hasExternalFiles: boolean;
  /** Small, so that flow control and back-pressure come into play. */
  hasSmallBuffers: boolean;
  /** All hosts draw the same numbers wherever they draw one below a bound. */
  hasSameDraws?: boolean;
  /** Longest pause between two membership changes of a group; 0: there are none. */
  changePauseMs: number;
}

const FIRST_GROUP = 100;
const NEEDS_SPARE_HOSTS: readonly ExtensionName[] = ['members-replaced', 'removed-while-away'];
/** A leader keeps little of its log in memory, so that what was removed from the disk is gone. */
const SMALL_LOG_BYTES = 16 * 1024;

const compression = (dice: Dice): CompressionType => (dice.chance(0.4) ? 'snappy' : 'none');

function groupScenario(dice: Dice, clusterID: number, hostCount: number): GroupScenario {
  const heartbeatRTT = dice.pick([1, 1, 1, 2]);
  const space = dice.fork(`space of ${clusterID}`);
  return {
    clusterID,
    voterCount: Math.min(hostCount, dice.pick([1, 2, 3, 3, 3, 3, 3, 4, 5])),
    electionRTT: heartbeatRTT * dice.pick([5, 8, 10]),
    heartbeatRTT,
    snapshotEntries: dice.pick([0, 5, 15, 30, 60]),
    compactionOverhead: dice.pick([0, 1, 5, 10]),
    orderedConfigChange: dice.chance(0.3),
    quiesce: dice.chance(0.3),
    preVote: dice.chance(0.8),
    checkQuorum: dice.chance(0.7),
    entryCompression: compression(space),
    snapshotCompression: compression(space),
    disableAutoCompactions: space.chance(0.4),
    maxInMemLogSize: 0,
    wantsObserver: false,
  };
}

/** @param forced extensions that it has, and no others; `undefined`: what the seed draws */
export function makeScenario(seed: number, dice: Dice, forced?: readonly ExtensionName[]): Scenario {
  const extensions = drawExtensions(dice.fork('extensions'), forced);
  const links = dice.fork('links');
  const drawnHosts = dice.between(3, 6);
  // Each of three members but one is replaced by another host.
  const hostCount = extensions.some((name) => NEEDS_SPARE_HOSTS.includes(name))
    ? Math.max(5, drawnHosts)
    : drawnHosts;
  const hasNeighbours = extensions.includes('bulk-neighbour');
  const groupCount = Math.max(dice.pick([1, 1, 1, 2, 2, 3]), hasNeighbours ? 2 : 1);
  const isRough = dice.chance(0.6);
  return {
    seed,
    hostCount,
    tickMs: dice.pick([50, 100, 100]),
    groups: Array.from({ length: groupCount }, (_, i) => {
      const group = groupScenario(dice, FIRST_GROUP + i, hostCount);
      if (extensions.includes('option-pairs')) Object.assign(group, drawOptions(dice.fork(`options ${i}`)));
      if (extensions.includes('deaf-leader') && i === 0) {
        Object.assign(group, { checkQuorum: false, voterCount: Math.max(3, group.voterCount) });
      }
      if (extensions.includes('leader-flaps')) group.maxInMemLogSize = SMALL_LOG_BYTES;
      return i === 0 && extensions.includes('idle-group') ? { ...group, quiesce: true } : group;
    }),
    quality: {
      lossRate: isRough ? dice.pick([0, 0.01, 0.05, 0.15]) : 0,
      spikeRate: isRough ? dice.pick([0, 0.02, 0.1]) : 0,
      spikeMs: dice.pick([50, 300, 1_500]),
      latencyMs: dice.pick([1, 5, 30]),
    },
    links: extensions.includes('narrow-links')
      ? { messageBytesPerMs: links.pick([200, 500, 2_000]), streamBytesPerMs: links.pick([0.5, 1, 3]) }
      : undefined,
    extensions,
    updateMs: extensions.includes('slow-machines') ? dice.fork('machines').pick([1, 10, 100]) : 0,
    clockSkew: dice.pick([0, 0.02, 0.2]),
    faultPauseMs: dice.pick([300, 800, 2_000]),
    safetyMs: dice.between(20, 60) * 1_000,
    clientCount: dice.between(2, 6),
    thinkMs: dice.pick([150, 600, 2_500]),
    burstMs: dice.pick([0, 0, 20_000, 30_000]),
    keyCount: dice.between(1, 5),
    maxSessionCount: dice.fork('sessions').pick([4096, 4096, 4096, 3]),
    paddingBytes: dice.pick([0, 0, 50, 3_000]),
    fillerBytes: dice.fork('filler').pick([0, 200, 4_000]),
    hasExternalFiles: dice.chance(0.3),
    // Large commands have no room in them.
    hasSmallBuffers: dice.chance(0.3) && !hasNeighbours,
    changePauseMs: dice.pick([0, 1_000, 4_000, 4_000]),
  };
}

/** By what rules the groups of a scenario apply their entries. */
export function rulesIn({
  groups,
  maxSessionCount,
}: Scenario): (clusterID: number) => GroupRules | undefined {
  return (clusterID) => {
    const group = groups.find((each) => each.clusterID === clusterID);
    return group && { maxSessionCount, orderedConfigChange: group.orderedConfigChange };
  };
}
