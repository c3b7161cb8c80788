import { type MessageBatch, MessageType, encodeMessageBatch } from '@drakkar/raftio';
import type { Theatre } from './theatre.js';

const WRITES = 4;
const ROUNDS = 3;
const timeoutMs = 5_000;

export const lateDuplicatesSetting = { hostCount: 3, groups: [{}] };

/** What a client of a follower proposes comes to the leader again, late and in any order. It must not apply again. */
export async function drillLateDuplicates(theatre: Theatre): Promise<void> {
  const { cluster, dice, world } = theatre;
  const { network } = world;
  const { clusterID } = theatre.group.scenario;
  const leader = await theatre.leader();
  const follower = dice.pick(cluster.hosts.filter((host) => host !== leader));
  const proposals: MessageBatch[] = [];
  network.onBatch.push((batch) => {
    if (batch.sourceAddress !== follower.address) return;
    const requests = batch.requests.filter(({ type }) => type === MessageType.Propose);
    if (requests.length > 0) proposals.push({ ...batch, requests });
  });
  const session = await follower.call((nodeHost) => nodeHost.getNewSession(clusterID, { timeoutMs }));
  for (let i = 0; i < WRITES; i++) {
    await theatre.write(follower, clusterID, '', session);
    session.proposalCompleted();
  }
  const known = proposals.slice();
  const listener = network.listeners.get(leader.address);
  for (let round = 0; round < ROUNDS; round++) {
    for (const batch of dice.shuffled(known)) {
      await theatre.inHost(leader, () => listener?.receive(encodeMessageBatch(batch)));
      await theatre.sleep(dice.skewed(0, 20));
    }
  }
  await theatre.sleep(300);
  await theatre.leader();
  if (known.length > WRITES) world.coverage.count('drill: late duplicates');
}
