import type { Cluster, GroupState } from '../cluster/cluster.js';
import type { GroupAdmin } from '../cluster/group-admin.js';
import { type Liveness, membersOf } from '../cluster/liveness.js';
import type { Requests } from '../cluster/requests.js';
import type { VirtualHost } from '../cluster/virtual-host.js';
import { type World, tell } from '../cluster/world.js';
import type { Client } from '../workload/client.js';
import type { Dice } from '../world/dice.js';

const POLL_MS = 100;
/** What was on its way longer than that comes no more. */
const CUT_MS = 5_000;

/** A member of a group, with the host that runs it. */
export interface StagedMember {
  nodeID: number;
  host: VirtualHost;
  isVoter: boolean;
}

/** What a trial works with. There are no faults but its own, so that a bound can be put on whatever it waits for. */
export interface Stage {
  world: World;
  cluster: Cluster;
  admins: readonly GroupAdmin[];
  liveness: Liveness;
  requests: Requests;
  /** Nobody else uses it. */
  prober: Client;
  /** Decides the trial. */
  dice: Dice;
}

/** Polls, in virtual time. Resolves to whether it came about. */
export async function until(
  { world, liveness }: Stage,
  isSo: () => boolean,
  limitMs?: number,
): Promise<boolean> {
  const { scheduler, oracle } = world;
  const untilMs = limitMs === undefined ? liveness.deadlineMs() : scheduler.nowMs + limitMs;
  while (!isSo()) {
    if (scheduler.nowMs >= untilMs || oracle.violation !== undefined) return false;
    await scheduler.sleep(POLL_MS);
  }
  return true;
}

export function stagedMembers({ cluster }: Stage, group: GroupState): StagedMember[] {
  return membersOf(group).flatMap(([nodeID]) => {
    const host = cluster.hostOf(group.scenario.clusterID, nodeID);
    return host === undefined ? [] : [{ nodeID, host, isVoter: group.view.isVoter(nodeID) }];
  });
}

/** The member that leads, when there is one that all others follow. */
export async function leaderOf(stage: Stage, group: GroupState): Promise<StagedMember | undefined> {
  const { clusterID } = group.scenario;
  const find = (): StagedMember | undefined =>
    stagedMembers(stage, group).find(({ host }) => host.leads(clusterID));
  await until(stage, () => find() !== undefined);
  return find();
}

/** Election timeouts of the group, in milliseconds. */
export const electionsMs = ({ world }: Stage, { scenario }: GroupState, count: number): number =>
  count * scenario.electionRTT * world.scenario.tickMs;

/** Nothing comes through between the host and all others. Resolves when its connections have ended, too. */
export async function cutOff({ world, cluster }: Stage, host: VirtualHost): Promise<void> {
  tell(world, 'trial', `${host.name} is cut off`);
  for (const { address } of cluster.hosts) {
    if (address === host.address) continue;
    world.network.block(host.address, address);
    world.network.block(address, host.address);
  }
  await world.scheduler.sleep(CUT_MS);
}

export function heal({ world }: Stage): void {
  tell(world, 'trial', 'all ways are open');
  world.network.heal();
}

/** Writes that are acknowledged, one after the other. Resolves to whether all were, in bounded time. */
export async function writeSome(stage: Stage, group: GroupState, count: number): Promise<boolean> {
  const { scheduler } = stage.world;
  const untilMs = stage.liveness.deadlineMs();
  for (let left = count; left > 0;) {
    if (scheduler.nowMs > untilMs || stage.world.oracle.violation !== undefined) return false;
    if (await stage.prober.writeOnce(group)) left -= 1;
    else await scheduler.sleep(POLL_MS);
  }
  return true;
}
