import { type Message, MessageType, type Snapshot } from '@drakkar/raftio';
import type { Core } from './core.js';
import { setMembership } from './membership.js';
import type { Remote } from './remote.js';
import { becomeFollower } from './roles.js';
import { spendTermCredit } from './term-bound.js';

/*
 * Snapshots (paper, section 7): InstallSnapshot for a remote that needs entries which are gone. The engine streams
 * the data; the message carries only the description of the snapshot.
 */

/**
 * Leader: the remote needs a snapshot. Without a sign of life from it, or without a snapshot that helps, it waits
 * for the response to a heartbeat, so that this never becomes a busy loop; its status is then probe, with `next`
 * below the first index of the log.
 */
export function sendSnapshot(core: Core, remote: Remote): void {
  const { snapshot, log } = core;
  remote.nudge = false;
  const helps =
    snapshot !== undefined &&
    snapshot.index >= remote.next &&
    (snapshot.index === log.lastIndex || log.has(snapshot.index + 1));
  if (!helps || !remote.active) {
    remote.toProbe(remote.match + 1);
    remote.probeSent = true;
    return;
  }
  remote.toSnapshot(snapshot.index);
  core.send({ type: MessageType.InstallSnapshot, to: remote.nodeID, snapshot });
}

/**
 * Leader: the stream has ended, well or not. In both cases the next Replicate waits for a response to a heartbeat:
 * the remote needs the time, and a failing stream must not be tried again at once.
 */
export function handleSnapshotStatus(remote: Remote, failed: boolean): void {
  if (remote.status !== 'snapshot') return;
  const next = failed ? remote.match + 1 : remote.snapshotIndex + 1;
  remote.toProbe(next);
  remote.probeSent = true;
}

/** Follower: the receiver's rules of InstallSnapshot (paper, figure 13). */
export function handleInstallSnapshot(core: Core, message: Message): void {
  if (message.snapshot === undefined) return;
  install(core, message.snapshot, message.from);
}

/**
 * A snapshot whose data came in a stream, which carries no term of its sender. It tells what is committed, whoever
 * leads now, so it is good for any replica that does not lead; nothing is learnt from it of who does.
 */
export function handleReceivedSnapshot(core: Core, message: Message): void {
  const { snapshot, from } = message;
  if (snapshot === undefined || core.role === 'leader') return;
  if (snapshot.term > core.term) {
    spendTermCredit(core, snapshot.term);
    becomeFollower(core, snapshot.term, 0);
  }
  install(core, snapshot, from);
}

function install(core: Core, snapshot: Snapshot, from: number): void {
  const { log } = core;
  if (snapshot.index <= log.commit) {
    core.send({ type: MessageType.ReplicateResp, to: from, logIndex: log.commit });
    return;
  }
  if (log.term(snapshot.index) === snapshot.term) {
    // The log has all of it already: only the commit index is news.
    log.commitTo(snapshot.index);
  } else {
    log.restore(snapshot);
    core.outbox.snapshot = snapshot;
    setMembership(core, snapshot.membership);
  }
  core.send({ type: MessageType.ReplicateResp, to: from, logIndex: snapshot.index });
}
