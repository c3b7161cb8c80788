import { type Message, MessageType } from '@drakkar/raftio';

/**
 * Small messages that a group's leadership, its reads and its progress wait for. They may overtake what was given
 * before: none says anything of entries that its receiver has not acknowledged. `Replicate` is none of them even when
 * it is empty, since the order among those saves repetitions, nor are messages that end something (Quiesce, TimeoutNow).
 */
const URGENT: ReadonlySet<MessageType> = new Set<MessageType>([
  MessageType.Heartbeat,
  MessageType.HeartbeatResp,
  MessageType.RequestVote,
  MessageType.RequestVoteResp,
  MessageType.RequestPreVote,
  MessageType.RequestPreVoteResp,
  MessageType.ReadIndex,
  MessageType.ReadIndexResp,
  MessageType.ReplicateResp,
]);

export function isUrgent({ type, entries }: Message): boolean {
  return entries.length === 0 && URGENT.has(type);
}
