import { type Message, MessageType } from '@drakkar/raftio';
import type { Core } from './core.js';
import { noteTransfersOver } from './leader-transfer.js';
import { regainTrust } from './lost-entries.js';
import type { Remote } from './remote.js';

/*
 * Heartbeats (paper, section 5.2), which also confirm reads (thesis 6.4). The leader's side first, then the follower's.
 */

export function broadcastHeartbeat(core: Core): void {
  core.heartbeatElapsed = 0;
  for (const remote of core.remotes) sendHeartbeat(core, remote);
}

export function sendHeartbeat(core: Core, remote: Remote): void {
  const { reads } = core;
  const isConfirming = reads.confirming.length > 0;
  core.send({
    type: MessageType.Heartbeat,
    to: remote.nodeID,
    commit: Math.min(remote.match, core.log.commit),
    logIndex: core.transfersOver,
    hint: isConfirming ? reads.round : 0,
    hintHigh: isConfirming ? reads.instance : 0,
  });
}

/** Leader: a response to a heartbeat lets a remote that was held back go on; what was lost will be found out. */
export function resumeRemote(core: Core, remote: Remote): void {
  remote.active = true;
  remote.heardTick = core.ticks;
  remote.probeSent = false;
  if (remote.status !== 'snapshot' && (remote.match < core.log.lastIndex || remote.status === 'probe')) {
    remote.nudge = true;
    core.replicationDue = true;
  }
}

/** Follower: the leader lives, and this much of what we acknowledged is committed. */
export function handleHeartbeat(core: Core, message: Message): void {
  core.log.commitTo(message.commit);
  regainTrust(core, 0, message.commit);
  noteTransfersOver(core, message);
  core.send({
    type: MessageType.HeartbeatResp,
    to: message.from,
    hint: message.hint,
    hintHigh: message.hintHigh,
    // How far this replica has applied, which Dragonboat and 0.1 neither send nor look at.
    logIndex: core.applying.index,
  });
}
