import { type Message, MessageType, type Snapshot } from '@drakkar/raftio';
import type { Core } from './core.js';
import { setMembership } from './membership.js';
import type { Remote } from './remote.js';
import { becomeFollower } from './roles.js';
import type { SnapshotStreamReport } from './snapshot-streams.js';
import { spendTermCredit } from './term-bound.js';

/** The longest wait after a stream has failed again and again. */
const MAX_RETRY_ELECTION_TIMEOUTS = 4;

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
  const underWay = core.streams.to(remote.nodeID);
  if (underWay !== undefined && underWay.index >= remote.next) {
    // It was begun for the same need, maybe in an earlier term: another one would only call it off.
    remote.toSnapshot(underWay.index);
    return;
  }
  const helps =
    snapshot !== undefined &&
    snapshot.index >= remote.next &&
    (snapshot.index === log.lastIndex || log.has(snapshot.index + 1));
  if (!helps || !remote.active || !core.streams.mayBegin(remote.nodeID, core.ticks)) {
    remote.toProbe(remote.match + 1);
    remote.probeSent = true;
    return;
  }
  remote.toSnapshot(snapshot.index);
  const { id } = core.streams.begin(remote.nodeID, snapshot.index);
  core.send({ type: MessageType.InstallSnapshot, to: remote.nodeID, snapshot, hint: id });
}

/**
 * A stream of this replica has ended, well or not; what is reported of one that was replaced says nothing about its
 * successor. In both cases the next Replicate waits for a response to a heartbeat: the remote needs the time.
 */
export function handleStreamEnd(core: Core, report: SnapshotStreamReport): void {
  const { streams, config } = core;
  const { nodeID, failed } = report;
  if (!streams.end(report)) return;
  const maxTicks = MAX_RETRY_ELECTION_TIMEOUTS * config.electionTimeoutTicks;
  streams.ended(report, core.ticks, config.heartbeatTicks, maxTicks);
  const remote = core.role === 'leader' ? core.remote(nodeID) : undefined;
  if (remote !== undefined) streams.reached(nodeID, remote.match);
  if (remote !== undefined && !failed && remote.match < core.log.commit) remote.catchUpFrom = report.index;
  if (remote?.status !== 'snapshot') return;
  const next = failed ? remote.match + 1 : remote.snapshotIndex + 1;
  remote.toProbe(next);
  remote.probeSent = true;
}

/**
 * The log above this index is needed: by a replica that a snapshot is on its way to, and would need the next one if
 * the entries behind it went meanwhile, or by one that catches up after a snapshot. Infinite when none does.
 */
export function heldFrom(core: Core): number {
  let index = Infinity;
  for (const stream of core.streams) index = Math.min(index, stream.index);
  if (core.role !== 'leader') return index;
  for (const { catchUpFrom, match } of core.remotes) {
    if (catchUpFrom > 0) index = Math.min(index, Math.max(catchUpFrom, match));
  }
  return index;
}

/**
 * Leader: a Go peer says that a snapshot has arrived, and names neither its term nor its index. There is at most one
 * stream to it, so it is taken for that; whether it is true will show when the next Replicate is answered. The stream
 * stays under way until the engine reports its end.
 */
export function handleSnapshotReceived(remote: Remote, message: Message): void {
  if (remote.status !== 'snapshot' || message.reject) return;
  if (message.logIndex !== 0 && message.logIndex !== remote.snapshotIndex) return;
  remote.toProbe(remote.snapshotIndex + 1);
  remote.probeSent = true;
}

/** Follower: the receiver's rules of InstallSnapshot (paper, figure 13). */
export function handleInstallSnapshot(core: Core, message: Message): void {
  if (message.snapshot === undefined) return;
  install(core, message.snapshot, message.from);
}

/**
 * A snapshot whose data came in a stream, which carries no term of its sender. It proves what is committed, whichever host
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
