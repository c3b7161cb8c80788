import { type Message, type MessageBatch, MessageType, encodeMessageBatch } from '@drakkar/raftio';
import type { VirtualHost } from '../cluster/virtual-host.js';
import type { Theatre } from './theatre.js';

interface Kept {
  message: Message;
  batch: MessageBatch;
}

export const lateAnswersSetting = { hostCount: 3, groups: [{}] };

/**
 * A leader is gone, and what one of the other two says to the other comes late: a yes to a pre-vote when that one asks
 * for another. It must not count.
 */
export async function drillLateAnswers(theatre: Theatre): Promise<void> {
  const { cluster, dice, world } = theatre;
  const { network } = world;
  const { clusterID } = theatre.group.scenario;
  // The entry that raises the level comes late: one of the two that lacked it would never hear a yes.
  await theatre.until('the level', () =>
    cluster.hosts.every((host) => (theatre.progress(host)?.featureLevel ?? 0) > 0),
  );
  const leader = await theatre.leader();
  const [asker, other] = dice.shuffled(cluster.hosts.filter((host) => host !== leader)) as [
    VirtualHost,
    VirtualHost,
  ];
  const listener = network.listeners.get(asker.address);
  if (listener === undefined) return;
  // What the other one says is kept, and does not arrive.
  const kept: Kept[] = [];
  const asks = (batch: MessageBatch): boolean => batch.sourceAddress === other.address;
  const [to, gone] = [asker, leader].map((host) => host.replicas.get(clusterID)?.nodeID);
  const find = (type: MessageType): Kept | undefined =>
    kept.find(({ message }) => message.type === type && !message.reject);
  const yes = (): Kept | undefined => find(MessageType.RequestPreVoteResp);
  let source: MessageBatch | undefined;
  network.onBatch.push((batch) => (source = asks(batch) ? batch : source));
  network.swallows = (message) => {
    // Once it has said yes its own questions get through, so that it can stand for election.
    const isHeard = message.type === MessageType.RequestPreVote && yes() !== undefined;
    if (message.to !== to || message.from === gone || isHeard) return false;
    if (source !== undefined) kept.push({ message, batch: source });
    return true;
  };
  await theatre.until('a batch', () => source !== undefined);
  kept.length = 0;
  leader.crash(false);
  leader.replicas.clear();
  const deliver = async (found: Kept | undefined): Promise<void> => {
    if (found === undefined) return;
    const bytes = encodeMessageBatch({ ...found.batch, requests: [found.message] });
    await theatre.inHost(asker, () => listener.receive(bytes));
  };
  await theatre.until('a yes to a pre-vote', () => yes() !== undefined);
  await theatre.until('a campaign', () => find(MessageType.RequestVote) !== undefined);
  await deliver(find(MessageType.RequestVote));
  await theatre.until('the later term', () => theatre.progress(asker)?.term === yes()?.message.term);
  theatre.cut(other);
  await theatre.until('another pre-vote', () => theatre.progress(asker)?.role === 'preCandidate', 5);
  await deliver(yes());
  await theatre.sleep(200);
  network.swallows = undefined;
  network.heal();
  await theatre.leader(undefined, [asker, other]);
  world.coverage.count('drill: late answers');
}
