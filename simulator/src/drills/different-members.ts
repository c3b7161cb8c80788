import { isDrakkarError } from '@drakkar/raftio';
import type { VirtualHost } from '../cluster/virtual-host.js';
import { DrillStuckError, type Theatre } from './theatre.js';

const RULE = 'one history for one group';
const WRITES = 5;

export const differentMembersSetting = { hostCount: 3, groups: [{ voterCount: 3 }] };

type Members = Map<number, string>;

/** What the third host takes for the initial members. */
const MISTAKES: Readonly<Record<string, (all: Members) => Members>> = {
  'itself alone': (all) => new Map([...all].filter(([nodeID]) => nodeID === 3)),
  'one member less': (all) => new Map([...all].filter(([nodeID]) => nodeID !== 2)),
  'one member more': (all) => new Map([...all, [4, 'h4:7000']]),
};

/**
 * One of three hosts is started with other initial members than the others. It is of another group, though the number
 * is the same: it may never acknowledge what the others don't have, and they must go on without it. What it does by
 * itself is no part of their history, so nothing is observed there.
 */
export async function drillDifferentMembers(theatre: Theatre): Promise<void> {
  const { cluster, dice, world } = theatre;
  const { clusterID } = theatre.group.scenario;
  const [first, second, stray] = cluster.hosts;
  const plan = stray?.replicas.get(clusterID);
  if (first === undefined || second === undefined || stray === undefined || plan === undefined)
    throw new DrillStuckError('three hosts');
  theatre.oracle.ignored.add(`${clusterID}/${plan.nodeID}`);
  const mistake = dice.pick(Object.keys(MISTAKES));
  const change = MISTAKES[mistake] as (all: Members) => Members;
  // Alone it is a group of its own until it hears of the others.
  const isLate = mistake === 'itself alone' || dice.chance(0.5);
  const wrong = { ...plan, initialMembers: change(new Map(plan.initialMembers)) };
  if (isLate) stray.replicas.delete(clusterID);
  else stray.replicas.set(clusterID, wrong);
  theatre.tell(`${stray.name} is started with ${mistake}${isLate ? ', late' : ''}`);
  cluster.start();
  await theatre.leader(clusterID, [first, second]);
  await theatre.until('hosts', () => stray.nodeHost !== undefined);
  if (isLate) stray.addReplica(wrong);
  await theatre.until('a refusal', () => stray.refusalOf(clusterID) !== undefined);
  for (let i = 0; i < WRITES; i++) {
    if (await isAcknowledged(theatre, stray))
      return theatre.fail(RULE, `${stray.name} has acknowledged a write, with ${mistake} as initial members`);
    await theatre.whenReady(await theatre.leader(clusterID, [first, second]), () => theatre.write(first));
  }
  if (first.refusalOf(clusterID) !== undefined || second.refusalOf(clusterID) !== undefined)
    theatre.fail(RULE, `a host that agrees with most is refused, since ${stray.name} differs`);
  world.coverage.count('drill: different members');
}

async function isAcknowledged(theatre: Theatre, host: VirtualHost): Promise<boolean> {
  const { clusterID } = theatre.group.scenario;
  try {
    await host.call((nodeHost) =>
      nodeHost.syncPropose(nodeHost.getNoOPSession(clusterID), new Uint8Array(0), { timeoutMs: 1_000 }),
    );
    return true;
  } catch (error) {
    if (!isDrakkarError(error)) throw error;
    return false;
  }
}
