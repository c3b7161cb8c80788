import { type Message, MessageType } from '@drakkar/raftio';
import type { Core } from './core.js';
import type { Remote } from './remote.js';

/*
 * Leadership transfer (thesis 3.10): the leader takes no proposals, brings the target up to date, and tells it to
 * campaign. Given up after one election timeout.
 */

/** Asked for here. A follower passes it on, with term 0 like every request that is passed on. */
export function requestTransfer(core: Core, target: number): void {
  if (core.role === 'leader') startTransfer(core, target);
  else if (core.leaderID !== 0) {
    core.send({ type: MessageType.LeaderTransfer, to: core.leaderID, term: 0, hint: target });
  }
}

export function handleLeaderTransfer(core: Core, message: Message): void {
  if (core.role === 'leader' && typeof message.hint === 'number') startTransfer(core, message.hint);
}

function startTransfer(core: Core, target: number): void {
  const remote = core.remote(target);
  if (remote === undefined || remote.isObserver || core.transferTarget !== 0) return;
  core.transferTarget = target;
  core.transferElapsed = 0;
  core.replicationDue = true;
  continueTransfer(core, remote);
}

/** Leader: after each response of a remote. TimeoutNow is sent again with heartbeats, in case it was lost. */
export function continueTransfer(core: Core, remote: Remote): void {
  if (remote.nodeID !== core.transferTarget || remote.match < core.log.lastIndex) return;
  core.send({ type: MessageType.TimeoutNow, to: remote.nodeID });
}

export function tickTransfer(core: Core): void {
  if (core.transferTarget === 0) return;
  core.transferElapsed += 1;
  if (core.transferElapsed >= core.config.electionTimeoutTicks) core.transferTarget = 0;
}
