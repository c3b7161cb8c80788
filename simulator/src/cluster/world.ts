import type { Oracle } from '../invariants/oracle.js';
import type { Network } from '../net/network.js';
import type { Coverage } from '../world/coverage.js';
import type { Dice } from '../world/dice.js';
import type { Scheduler } from '../world/scheduler.js';
import type { Trace } from '../world/trace.js';
import type { Scenario } from './scenario.js';
import type { Traffic } from './traffic.js';

/** What all parts of one simulation share. */
export interface World {
  readonly scenario: Scenario;
  readonly scheduler: Scheduler;
  readonly trace: Trace;
  readonly coverage: Coverage;
  readonly dice: Dice;
  readonly network: Network;
  readonly oracle: Oracle;
  readonly traffic: Traffic;
}

export function tell(world: World, who: string, text: string): void {
  world.trace.news(world.scheduler.nowMs, who, text);
}
