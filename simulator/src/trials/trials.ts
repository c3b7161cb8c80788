import type { ExtensionName } from '../extensions.js';
import { tryBlackHole } from './black-hole.js';
import { tryBulkNeighbour } from './bulk-neighbour.js';
import { tryDeafLeader } from './deaf-leader.js';
import { tryDifferentSettings } from './different-settings.js';
import { tryFullDisks } from './full-disks.js';
import { tryIdleGroup } from './idle-group.js';
import { tryLeaderFlaps } from './leader-flaps.js';
import { tryMembersReplaced, tryRemovedWhileAway } from './members-replaced.js';
import type { Stage } from './stage.js';
import { tryStuckLeader } from './stuck-leader.js';

const TRIALS: Readonly<Partial<Record<ExtensionName, (stage: Stage) => Promise<void>>>> = {
  'idle-group': tryIdleGroup,
  'deaf-leader': tryDeafLeader,
  'leader-flaps': tryLeaderFlaps,
  'stuck-leader': tryStuckLeader,
  'black-hole': tryBlackHole,
  'full-disks': tryFullDisks,
  'bulk-neighbour': tryBulkNeighbour,
  'different-settings': tryDifferentSettings,
  'members-replaced': tryMembersReplaced,
  'removed-while-away': tryRemovedWhileAway,
};

/** The trials of a seed, one after the other; between them every group must be well again. */
export async function runTrials(stage: Omit<Stage, 'dice'>): Promise<void> {
  const { world, liveness, prober } = stage;
  for (const name of world.scenario.extensions) {
    const run = TRIALS[name];
    if (run === undefined) continue;
    await run({ ...stage, dice: world.dice.fork(`trial ${name}`) });
    if (world.oracle.violation === undefined) await liveness.check(prober);
    if (world.oracle.violation !== undefined) return;
  }
}
