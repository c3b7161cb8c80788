import type { ChaosOptions } from './chaos.js';
import { SeededRandom } from './random.js';

/** Every seed has its own kind of world; every other one is made for leaders that come and go. */
export function worldOf(seed: number): ChaosOptions {
  const random = new SeededRandom(seed * 7919);
  return seed % 2 === 0 ? roughWorld(seed, random) : unstableWorld(seed, random);
}

function roughWorld(seed: number, random: SeededRandom): ChaosOptions {
  const small = random.chance(40);
  return {
    seed,
    voters: random.pick([1, 3, 3, 3, 4, 5]),
    observers: random.pick([0, 0, 1]),
    rounds: 600,
    lossPercent: random.pick([0, 2, 10, 25]),
    duplicatePercent: random.pick([0, 0, 5]),
    slowPercent: random.pick([0, 5]),
    maxDelayRounds: random.pick([0, 2, 6]),
    crashPercent: random.pick([0, 1, 3]),
    restartPercent: 8,
    partitionPercent: random.pick([0, 1, 3]),
    healPercent: 5,
    savePercent: random.pick([20, 60, 100]),
    applyPercent: random.pick([20, 60, 100]),
    pumpPercent: random.pick([0, 20, 80]),
    proposePercent: 60,
    changePercent: random.pick([0, 2, 8]),
    snapshotPercent: random.pick([0, 2, 8]),
    transferPercent: random.pick([0, 0, 3]),
    idle: random.chance(20),
    config: {
      checkQuorum: random.chance(75),
      preVote: random.chance(75),
      quiesce: random.chance(30),
      maxInMemLogBytes: small ? 4000 : 1 << 20,
      maxReplicateBytes: small ? random.pick([1, 300]) : 1 << 12,
      maxInflightBytes: small ? 900 : 1 << 16,
      maxInflightMessages: random.pick([1, 4, 32]),
    },
  };
}

/** Short terms, late messages, slow applying: what goes wrong between two leaders has many chances here. */
function unstableWorld(seed: number, random: SeededRandom): ChaosOptions {
  const oneByOne = random.chance(50);
  return {
    seed,
    voters: random.pick([2, 3, 3, 4, 5]),
    observers: random.pick([0, 0, 1]),
    rounds: 600,
    lossPercent: random.pick([0, 5]),
    duplicatePercent: random.pick([0, 5]),
    slowPercent: random.pick([5, 20]),
    maxDelayRounds: random.pick([0, 1]),
    crashPercent: random.pick([1, 4, 12]),
    restartPercent: 30,
    partitionPercent: random.pick([4, 15]),
    healPercent: random.pick([10, 30]),
    savePercent: random.pick([40, 100]),
    applyPercent: random.pick([5, 30, 100]),
    pumpPercent: random.pick([0, 20]),
    proposePercent: random.pick([10, 50]),
    changePercent: random.pick([0, 10, 30]),
    snapshotPercent: random.pick([0, 5]),
    transferPercent: random.pick([0, 3]),
    idle: false,
    config: {
      electionTimeoutTicks: random.pick([3, 5]),
      heartbeatTicks: 1,
      checkQuorum: random.chance(40),
      preVote: random.chance(40),
      quiesce: false,
      maxInMemLogBytes: random.pick([1500, 4000]),
      maxReplicateBytes: oneByOne ? 1 : 600,
      maxInflightBytes: 2000,
      maxInflightMessages: oneByOne ? 1 : 4,
    },
  };
}
