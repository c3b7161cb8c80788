import type { Message } from '@drakkar/raftio';
import type { ILogger } from '../logging/logger.js';
import type { ClaimFault } from '../raft/index.js';

/** Why a message of another host was dropped: what the core finds, and a command that can't be read. */
export type MessageFault = ClaimFault | 'unreadableCommand';

/**
 * Senders whose first message was logged, of each kind: one that makes up node ids must not fill memory or log, nor
 * keep another kind out of it.
 */
const MAX_LOGGED = 64;

const LOST_ENTRIES =
  'a leader counts on entries that this replica acknowledged and does not have: its disk was wiped, or an old copy ' +
  'was put back. Remove this node from the group and add a new one under another node id';

/** Counts, for one replica, the messages that claim what can't be true; logs the first of each kind and sender. */
export class RejectedMessages {
  readonly #counts = new Map<MessageFault, number>();
  readonly #logged = new Map<MessageFault, Set<number>>();
  readonly #log: ILogger;

  constructor(log: ILogger) {
    this.#log = log;
  }

  /** How many of each kind, since the replica was started. */
  get counts(): ReadonlyMap<MessageFault, number> {
    return this.#counts;
  }

  add(fault: MessageFault, { clusterID, to, from, type, term }: Message): void {
    this.#counts.set(fault, (this.#counts.get(fault) ?? 0) + 1);
    const logged = this.#logged.get(fault) ?? new Set();
    if (logged.has(from) || logged.size >= MAX_LOGGED) return;
    this.#logged.set(fault, logged.add(from));
    const facts = { clusterID, nodeID: to, fault, from, type, term };
    if (fault === 'lostEntries') this.#log.error(LOST_ENTRIES, facts);
    else
      this.#log.warn(
        'dropped a message that can not be true; more of its kind and sender are only counted',
        facts,
      );
  }
}
