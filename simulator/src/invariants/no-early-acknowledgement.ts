import { type Message, MessageType } from '@drakkar/raftio';
import type { Handlers, Invariant, ReplicaName } from './observation.js';
import type { Shadows } from './shadows.js';

/** No vote, no acknowledgement and no term is told before it is durable (paper, figure 2; thesis 10.2.1). */
export class NoEarlyAcknowledgement implements Invariant {
  readonly name = 'no acknowledgement before durability';
  readonly #shadows: Shadows;

  constructor(shadows: Shadows) {
    this.#shadows = shadows;
  }

  readonly handlers: Handlers = { sent: (seen) => this.#sent(seen, seen.message) };

  #sent(name: ReplicaName, message: Message): void {
    const { type, term, reject, logIndex, to } = message;
    const isPreVote = type === MessageType.RequestPreVote || type === MessageType.RequestPreVoteResp;
    const { state, log } = this.#shadows.of(name).disk;
    const who = `node ${name.nodeID} of group ${name.clusterID}`;
    if (!isPreVote && term > state.term)
      throw new Error(`${who} tells term ${term}; durable is ${state.term}`);
    if (type === MessageType.ReplicateResp && !reject && logIndex > log.last) {
      throw new Error(`${who} acknowledges entry ${logIndex}; durable are those up to ${log.last}`);
    }
    const candidate = voteIn(message, name.nodeID);
    if (candidate !== undefined && state.term === term && state.vote !== candidate) {
      throw new Error(
        `${who} votes for ${candidate} of ${to} in term ${term}; durable is a vote for ${state.vote}`,
      );
    }
  }
}

/** For whom the message is a vote; `undefined`: for nobody. */
function voteIn({ type, reject, to }: Message, nodeID: number): number | undefined {
  if (type === MessageType.RequestVote) return nodeID;
  return type === MessageType.RequestVoteResp && !reject ? to : undefined;
}
