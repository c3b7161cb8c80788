import { type Message, entriesSizeBytes } from '@drakkar/raftio';

const MESSAGE_OVERHEAD_BYTES = 96;

/** Bytes that a message is accounted for while it waits. */
export function messageSizeBytes(message: Message): number {
  return MESSAGE_OVERHEAD_BYTES + entriesSizeBytes(message.entries);
}
