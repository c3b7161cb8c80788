import { type MessageBatch, MessageType, encodeMessageBatch } from '@drakkar/raftio';
import type { Theatre } from './theatre.js';

export const lateConfirmationsSetting = { hostCount: 3, groups: [{ checkQuorum: false }] };

/**
 * A leader that is cut off does not know yet that another one leads. Confirmations of its reads of before come to it
 * again: they must not let a later read go, which does not see what was written elsewhere since.
 */
export async function drillLateConfirmations(theatre: Theatre): Promise<void> {
  const { cluster, world } = theatre;
  const { network } = world;
  const { clusterID } = theatre.group.scenario;
  const leader = await theatre.leader();
  const others = cluster.hosts.filter((host) => host !== leader);
  const to = leader.replicas.get(clusterID)?.nodeID;
  const confirmations: MessageBatch[] = [];
  network.onBatch.push((batch) => {
    const requests = batch.requests.filter(
      (message) => message.type === MessageType.HeartbeatResp && message.to === to && message.hint !== 0,
    );
    if (requests.length > 0) confirmations.push({ ...batch, requests });
  });
  await theatre.write(leader);
  await theatre.read(leader);
  await theatre.until('confirmations', () => confirmations.length > 0);
  const known = confirmations.slice();
  const listener = network.listeners.get(leader.address);
  theatre.cut(leader);
  await theatre.until('another leader', () => others.some((host) => host.leads(clusterID)), 5);
  const successor = others.find((host) => host.leads(clusterID));
  if (successor !== undefined) await theatre.write(successor);
  const isLeading = leader.leads(clusterID);
  const late = theatre.read(leader).catch(() => undefined);
  await theatre.sleep(20);
  for (const batch of known) {
    await theatre.inHost(leader, () => listener?.receive(encodeMessageBatch(batch)));
  }
  await theatre.sleep(200);
  network.heal();
  await late;
  await theatre.leader();
  if (isLeading) world.coverage.count('drill: late confirmations');
}
