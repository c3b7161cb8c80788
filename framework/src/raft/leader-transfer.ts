import { type Message, MessageType } from '@drakkar/raftio';
import type { Core } from './core.js';
import type { Remote } from './remote.js';

/*
 * Leadership transfer (thesis 3.10): the leader takes no proposals, brings the target up to date, and tells it to
 * campaign. Given up after one election timeout.
 *
 * That message may be late: by then the leader may have gone on, and the target, which lacks what was written since,
 * would unseat it and could not win. So the attempts of a term are numbered. `TimeoutNow` names its attempt in
 * `logIndex`, and heartbeats, which overtake it, the number of those that are over: the target obeys none of these.
 * Neither 0.1 nor Dragonboat sends or looks at that field of these messages.
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
  core.send({ type: MessageType.TimeoutNow, to: remote.nodeID, logIndex: core.transfersOver + 1 });
}

export function tickTransfer(core: Core): void {
  if (core.transferTarget === 0) return;
  core.transferElapsed += 1;
  if (core.transferElapsed >= core.config.electionTimeoutTicks) giveUpTransfer(core);
}

/** Leader: it goes on, and the replica asked to campaign must not do so any more: the next tick says so. */
export function giveUpTransfer(core: Core): void {
  core.transferTarget = 0;
  core.transfersOver += 1;
  core.heartbeatElapsed = core.config.heartbeatTicks;
}

/** Follower: a heartbeat of its leader says how many attempts of the term are over. */
export function noteTransfersOver(core: Core, { logIndex }: Message): void {
  if (logIndex > core.transfersOver) core.transfersOver = logIndex;
}

/** Whether the leader has given up what this TimeoutNow is about. One of 0.1 and of Dragonboat names no attempt. */
export function isTransferOver(core: Core, { logIndex }: Message): boolean {
  return logIndex > 0 && logIndex <= core.transfersOver;
}
