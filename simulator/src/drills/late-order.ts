import { type Message, type MessageBatch, MessageType, encodeMessageBatch } from '@drakkar/raftio';
import type { VirtualHost } from '../cluster/virtual-host.js';
import type { Theatre } from './theatre.js';

const RULE = 'no late order is obeyed';
/** Longer than the leader waits for its successor, and shorter than it takes to miss a leader. */
const GIVEN_UP_MS = 800;
const OBEYED_MS = 300;

export const lateOrderSetting = { hostCount: 3, groups: [{}] };

/**
 * A leader orders its successor to stand for election, and that order is late: the leader has given up by then, and has
 * written what its successor lacks. That one could not win, and must not unseat the leader.
 */
export async function drillLateOrder(theatre: Theatre): Promise<void> {
  const { cluster, dice, world } = theatre;
  const { network } = world;
  const { clusterID } = theatre.group.scenario;
  const leader = await theatre.leader();
  const successor = dice.pick(cluster.hosts.filter((host) => host !== leader));
  const target = successor.replicas.get(clusterID)?.nodeID ?? 0;
  let envelope: MessageBatch | undefined;
  network.onBatch.push((batch) => (envelope = batch.sourceAddress === leader.address ? batch : envelope));
  const orders: Message[] = [];
  const held = new Set<MessageType>([MessageType.TimeoutNow]);
  network.swallows = (message) => {
    if (message.to !== target || !held.has(message.type)) return false;
    if (message.type === MessageType.TimeoutNow) orders.push(message);
    return true;
  };
  await theatre.write(leader);
  await theatre.inHost(leader, () => leader.nodeHost?.requestLeaderTransfer(clusterID, target));
  await theatre.until('an order', () => orders.length > 0 && envelope !== undefined);
  await theatre.sleep(GIVEN_UP_MS);
  held.add(MessageType.Replicate);
  const term = theatre.progress(leader)?.term;
  await theatre.writes(leader, dice.between(1, 3));
  const late = { ...(envelope as MessageBatch), requests: [dice.pick(orders)] };
  await deliver(theatre, successor, late);
  await theatre.sleep(OBEYED_MS);
  if (!leader.leads(clusterID) || theatre.progress(successor)?.term !== term)
    return theatre.fail(
      RULE,
      `${successor.name} stands for election, though ${leader.name} leads and went on`,
    );
  network.swallows = undefined;
  await theatre.leader();
  world.coverage.count('drill: late order');
}

async function deliver(theatre: Theatre, host: VirtualHost, batch: MessageBatch): Promise<void> {
  const listener = theatre.world.network.listeners.get(host.address);
  await theatre.inHost(host, () => listener?.receive(encodeMessageBatch(batch)));
}
