import type { ChaosOptions } from './chaos.js';
import { SeededRandom } from './random.js';

/** Every seed has its own kind of world. */
export function worldOf(seed: number): ChaosOptions {
  const random = new SeededRandom(seed * 7919);
  const small = random.chance(40);
  const hasty = random.chance(40);
  return {
    seed,
    voters: random.pick([1, 3, 3, 3, 4, 5]),
    observers: random.pick([0, 0, 1]),
    rounds: 600,
    lossPercent: random.pick([0, 2, 10, 25]),
    duplicatePercent: random.pick([0, 0, 5]),
    maxDelayRounds: random.pick([0, 2, 6]),
    crashPercent: random.pick([0, 1, 3, 8]),
    partitionPercent: random.pick([0, 1, 3, 8]),
    savePercent: random.pick([20, 60, 100]),
    applyPercent: random.pick([20, 60, 100]),
    pumpPercent: random.pick([0, 20, 80]),
    changePercent: random.pick([0, 2, 8]),
    snapshotPercent: random.pick([0, 2, 8]),
    transferPercent: random.pick([0, 0, 3]),
    idle: random.chance(20),
    config: {
      electionTimeoutTicks: hasty ? 4 : 10,
      heartbeatTicks: hasty ? 1 : 2,
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
