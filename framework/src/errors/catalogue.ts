import {
  type DrakkarError,
  ErrAddressInUse,
  ErrConnectFailed,
  ErrConnectionClosed,
  ErrInvalidAddress,
  ErrLogDBClosed,
  ErrLogDBCorrupt,
  ErrLogDBFenced,
  ErrLogDBLocked,
  ErrLogDBOpen,
  ErrMalformed,
  ErrMessageTooLarge,
  ErrTLS,
  ErrTransportStopped,
  ErrUnsafeInteger,
  ErrUnsupported,
  ErrUpdateRefused,
  type ErrorEffect,
  type ErrorRetry,
} from '@drakkar/raftio';
import { RaftInvariantError } from '../raft/errors.js';
import * as rsm from '../rsm/errors.js';
import * as cluster from './cluster.js';
import * as host from './host.js';
import * as request from './request.js';
import * as snapshot from './snapshot.js';

/** What there is to know of one error. */
export interface ErrorDescription {
  /** Stable; what a program compares. */
  readonly code: string;
  readonly name: string;
  /** Unless the error itself says otherwise. */
  readonly effect: ErrorEffect;
  readonly retry: ErrorRetry;
  readonly meaning: string;
  /** What the one who receives it does. */
  readonly action: string;
  /** Whether `isTempError` is true for it. */
  readonly temporary: boolean;
}

type ErrorClass = new (message: string) => DrakkarError;

/** Code, name and claim are the class's own; the rest is said here. */
function describe(
  errorClass: ErrorClass,
  meaning: string,
  action: string,
  temporary = false,
): ErrorDescription {
  const { code, name, effect, retry } = new errorClass('');
  return Object.freeze({ code, name, effect, retry, meaning, action, temporary });
}

const TEMPORARY = true;

/** Errors of requests made through a NodeHost. */
const requestErrors: readonly ErrorDescription[] = [
  describe(
    request.ErrSystemBusy,
    'A queue, or the in-memory log of the replica or of the leader of its group, is full. The request had no effect.',
    'Wait a little and try again; if it persists, send less or raise the bounds under `settings`.',
    TEMPORARY,
  ),
  describe(
    request.ErrClusterNotReady,
    'The request was dropped before it entered any log: the group has no leader, or one that has not committed in its term yet.',
    'Try again; a new leader takes about one election timeout.',
    TEMPORARY,
  ),
  describe(
    cluster.ErrClusterNotInitialized,
    'The replica was started a moment ago and is still replaying its log.',
    'Try again.',
    TEMPORARY,
  ),
  describe(
    request.ErrPendingConfigChangeExist,
    'A membership change of the group is under way, and there can be one at a time. The request was not started.',
    'Try again when it is done.',
    TEMPORARY,
  ),
  describe(
    request.ErrPendingLeaderTransferExist,
    'A leadership transfer of the group is under way. The request was not started.',
    'Try again when it is done.',
    TEMPORARY,
  ),
  describe(
    request.ErrBadKey,
    'The key that would match the request with its result is in use. The request was not started.',
    'Try again.',
    TEMPORARY,
  ),
  describe(
    cluster.ErrClusterClosed,
    'The replica on this host is stopped, or being stopped. The request was not started.',
    'Use another host that has a replica of the group.',
    TEMPORARY,
  ),
  describe(
    request.ErrSystemStopped,
    'The host is being stopped. The request was not started.',
    'Use another host.',
    TEMPORARY,
  ),
  describe(request.ErrClosed, 'The NodeHost is closed. The request was not started.', 'Use another host.'),
  describe(
    cluster.ErrClusterNotFound,
    'No replica of the group runs on this host.',
    'Use a host that has one, or start it here.',
  ),
  describe(
    cluster.ErrNodeRemoved,
    'The node was removed from the group by a membership change, or its data was removed from this host; its id can not come back.',
    'Use another replica. To have one on this host again, add it under a new node id.',
  ),
  describe(
    cluster.ErrGroupMismatch,
    'The replica on this host differs from other members in what must be equal on all, and the message says in what. The request was not started.',
    'Use another host. Here, make the replica as most members are: docs/membership.md has the steps.',
  ),
  describe(
    cluster.ErrEntriesLost,
    'The replica on this host does not have entries that it acknowledged, as its leader has found: its disk was wiped, or an old copy of its files was put back. The call was not started.',
    'Use another host. Remove the node from the group, call `removeData` here, and add a new node under another node id.',
  ),
  describe(
    cluster.ErrStateDiverged,
    'The state of the replica on this host is not that of most members, at an index that all of them have applied. The read was not started.',
    'Use another host. Here, remove the node from the group, call `removeData`, and add a new node; find out why it differs.',
  ),
  describe(
    request.ErrTimeout,
    'No answer came within the time given. What was proposed may have been applied, or may yet be; a read or an export had no effect.',
    'With a registered session, propose again with the same session: it is applied once. Without, find out by a read first. Repeat a read.',
  ),
  describe(
    request.ErrCanceled,
    'The signal given with the request was aborted. What was proposed before may have been applied, or may yet be; a read, an export, and a call whose signal was aborted before it began had no effect.',
    'As for ERR_TIMEOUT, with another signal.',
  ),
  describe(
    request.ErrRequestTerminated,
    'The replica was stopped, or has failed, while the request was on its way. What was proposed may have been applied, or may yet be; a read had no effect.',
    'As for ERR_TIMEOUT, on another host.',
    TEMPORARY,
  ),
  describe(
    request.ErrRejected,
    'The group refused the request: the session is not registered, was evicted, or is registered already; or the membership change does not fit the membership. Or there was nothing to do: nothing was applied since the newest snapshot, no space is to be given back. `effect` is `unknown` when an earlier attempt with the same session may have been applied before the session was evicted.',
    'With `effect` `none`, register a new session, or read the membership and decide again. With `unknown`, find out by a read first. The same request would be rejected again.',
  ),
  describe(
    request.ErrQuorumAtRisk,
    'The leader refused a membership change: of the voting members after it, those heard from lately would be no quorum, so that it could never be taken back.',
    'Add the node as an observer, start it, and promote it when it has caught up (`syncRequestReplaceNode` does that); start members that are down. `force: true` does it all the same.',
  ),
  describe(
    request.ErrObserverBehind,
    'The leader refused the promotion of an observer that does not answer, or is too far behind.',
    'Start the observer, wait until it has caught up, and ask again. `force: true` does it all the same.',
    TEMPORARY,
  ),
  describe(
    request.ErrHostOutdated,
    'The leader refused to add a node on a host whose release does not know the feature level of the group.',
    'Upgrade that host, and ask again. `force: true` adds it all the same: until then it gets nothing.',
  ),
  describe(
    request.ErrNotAMember,
    'The leader refused to remove a node that is no member, or not any more: its id could never be used.',
    'Look at the membership. When the request was a repetition, the first one has done it.',
  ),
  describe(
    request.ErrLevelTooLow,
    'The group is at a feature level that does not have what was asked for, as settings in its log.',
    'Run this release on the hosts of all members, and give them equal settings: the leader then raises the level by itself.',
  ),
  describe(
    request.ErrInvalidSession,
    'The client session is of another group, or is not in the state that the call needs.',
    'Use the right session; call `proposalCompleted` after each proposal that succeeded.',
  ),
  describe(
    request.ErrSessionInUse,
    'Another command was proposed with the same series id of the session, and may have been applied: it is under way, its outcome is unknown, or `proposalCompleted()` was not called after it. This one was not started.',
    'Wait for the result of the other, call `proposalCompleted()`, and propose again. For commands at a time use as many sessions.',
  ),
  describe(
    request.ErrTimeoutTooSmall,
    'The timeout is shorter than one tick (`rttMillisecond`).',
    'Give more time.',
  ),
  describe(
    request.ErrPayloadTooBig,
    'The command is larger than a proposal can be (32 MiB).',
    'Propose less at a time, or keep the data elsewhere and propose a reference.',
  ),
  describe(
    request.ErrInvalidOperation,
    'The call is not allowed for this replica in its role or state.',
    'The message says why.',
  ),
  describe(
    request.ErrInvalidOption,
    'An argument or option of the call is wrong.',
    'The message says which.',
  ),
  describe(
    request.ErrInvalidTarget,
    'The node that leadership should go to is not a voting member of the group; or a node can not take the place of another one, as the message says.',
    'Choose one of the members; do what the message says.',
  ),
  describe(request.ErrDeadlineNotSet, 'The call was made without `timeoutMs`.', 'Give one.'),
  describe(request.ErrInvalidDeadline, '`timeoutMs` is not a positive number.', 'Give another.'),
];

/** Errors of starting and stopping replicas. */
const replicaErrors: readonly ErrorDescription[] = [
  describe(
    cluster.ErrClusterAlreadyExist,
    'A replica of the group runs on this host already.',
    'Use it, or stop it first.',
  ),
  describe(
    cluster.ErrClusterNotStopped,
    'The replica runs, and the operation needs it stopped.',
    'Stop it and try again.',
  ),
  describe(
    cluster.ErrClusterNotBootstrapped,
    'The replica has no data on this host, and the call gives neither initial members nor the join flag.',
    'Give all initial members when the group is new, or join = true when the node was added to a running group.',
  ),
  describe(
    cluster.ErrInvalidClusterSettings,
    'Initial members, join flag and the data on disk contradict each other.',
    'The message says which of first start, joining and restart the data on disk calls for.',
  ),
  describe(
    cluster.ErrReplicaFailed,
    'The replica has stopped itself: its state machine threw, its data is damaged, or an invariant of Raft is broken. Other replicas of the host go on.',
    'See `cause` and the log. Restart it when the cause is gone; when its data is damaged, remove it and add a new node.',
  ),
  describe(
    rsm.ErrStateMachineFailed,
    'The state machine threw, or returned something that is no result; what it holds may differ from the other replicas.',
    'Correct the state machine, then restart the replica.',
  ),
  describe(
    host.ErrStopTimeout,
    'A host or a replica has not stopped within `settings.stopTimeoutMs`. `details.waits` lists the calls of the LogDB and of state machines that are under way, with their groups and how long they have taken; `details.clusterIDs` names the groups. Of a replica that is left behind nothing more reaches the disk; a LogDB that is left behind keeps the data directory locked.',
    'End the process. Then look at the disk, or for what `update`, `lookup`, `saveSnapshot`, `recoverFromSnapshot` or `close` waits for.',
  ),
  describe(
    rsm.ErrSessionsCorrupt,
    'The client sessions in a snapshot are not what was written.',
    'Remove the replica and add a new node; look after the disk.',
  ),
  describe(
    rsm.ErrSnapshotOutOfDate,
    'The snapshot is older than what the replica has; nothing was changed.',
    'Nothing: the replica goes on with what it has. When a snapshot is imported: look for a newer one, or say that what is newer may be lost; docs/disaster-recovery.md says when that is right.',
  ),
  describe(
    rsm.RsmInvariantError,
    'Something that can not be has happened while entries were applied.',
    'Report it with the log: it is a bug, or damaged data.',
  ),
  describe(
    RaftInvariantError,
    'Something that can not be has happened in the Raft core.',
    'Report it with the log: it is a bug, or damaged data.',
  ),
];

/** Errors of snapshots. */
const snapshotErrors: readonly ErrorDescription[] = [
  describe(
    snapshot.ErrSnapshotCorrupt,
    'A snapshot is damaged, cut, missing, or belongs elsewhere; the message names the file and the offset. Nothing of it was used.',
    'Look after the disk. A replica that runs takes a new one by itself; one that can not start for it is removed from its group, and a new node added. An export is taken anew. docs/disaster-recovery.md has the case that there is no quorum.',
  ),
  describe(
    snapshot.ErrSnapshotStopped,
    'The snapshot was called off: by its signal, by a newer one, or because the host stops. Nothing is left of it.',
    'Nothing; the next one is taken or sent when it is due.',
    TEMPORARY,
  ),
  describe(
    snapshot.ErrSnapshotNoSpace,
    'The disk is full. Nothing is left of the snapshot, and the log stays as it was.',
    'Free space or add some; the next snapshot is taken when it is due.',
  ),
  describe(
    snapshot.ErrSnapshotNotSent,
    'The other host could not be reached, refused the snapshot, or took no more of it. It keeps nothing of it.',
    "It is sent again when the follower answers; if that repeats, the other host's log says why.",
    TEMPORARY,
  ),
];

/** Errors of configuration, and of the data directory. */
const hostErrors: readonly ErrorDescription[] = [
  describe(
    host.ErrInvalidConfig,
    'The configuration has mistakes; `problems` lists them all.',
    'Correct them. docs/configuration.md describes every key.',
  ),
  describe(
    host.ErrModuleNotFound,
    'The LogDB or transport that the configuration names is not installed.',
    'Run the npm command that the message gives, or correct the name.',
  ),
  describe(
    host.ErrInvalidModule,
    'What the configuration names as LogDB or transport is not one, or can not be loaded.',
    'The message says why.',
  ),
  describe(
    host.ErrNotOwner,
    'The data directory belongs to another NodeHost. It was left as it was.',
    "Use this host's own directory, or set raftAddress back to what it was.",
  ),
  describe(
    host.ErrDeploymentIDChanged,
    'The data directory belongs to another deployment. It was left as it was.',
    'Set deploymentId back to what it was, or use another directory.',
  ),
  describe(
    host.ErrHardSettingsChanged,
    'The data directory was made with other `hardSettings`. It was left as it was.',
    'Set them back to what they were.',
  ),
  describe(
    host.ErrIncompatibleData,
    'The data directory is of a format that this release does not read, or its WAL folder is not where the configuration says. It was left as it was.',
    'The message says which release, or which folder, to use.',
  ),
  describe(
    host.ErrLogDBType,
    'The data directory was written by another LogDB. It was left as it was.',
    'Configure the LogDB that wrote it; to change it, `drakkar logdb copy` with `--switch-to`.',
  ),
  describe(
    host.ErrLockDirectory,
    'Another NodeHost, in this process or another, has the data directory open.',
    'Stop it, or use another directory.',
  ),
  describe(
    host.ErrDirNotExist,
    'The data directory can not be made, is not a folder, or can not be written to.',
    'Correct the path or the permissions.',
  ),
  describe(
    host.ErrNetworkFileSystem,
    'A new data directory is on a network file system, such as NFS. Its lock is seen on one machine alone: a host on another machine could use the same data at the same time.',
    'Use a local disk. Where nothing but this machine can ever start this host, set `allowNetworkFileSystem`. See docs/operations.md.',
  ),
  describe(
    host.ErrDataDirGone,
    'A folder of the data directory was removed, moved or unmounted while the host ran, or another one is in its place. The host has stopped its replicas: what it would write goes to files that nobody finds again.',
    'Stop the host. If the folder was moved or unmounted, put it back and start the host. If it was removed, remove the nodes of the host from their groups and add new ones under other node ids.',
  ),
  describe(
    host.ErrDataDirCorrupt,
    'The record that says whose the data directory is, is damaged or missing. It was left as it was.',
    "Restore the file from a copy; or remove the directory and add this host's replicas again, under new node ids.",
  ),
];

/** Errors that come from a LogDB or a transport. */
const adapterErrors: readonly ErrorDescription[] = [
  describe(
    ErrLogDBFenced,
    'A write or sync of the LogDB has failed; what it covered is unknown, so the LogDB accepts nothing more.',
    'Look after the disk, then restart the host.',
  ),
  describe(ErrLogDBClosed, 'The LogDB was used after it was closed.', 'Open it again.'),
  describe(
    ErrLogDBLocked,
    'Another process has the LogDB open.',
    'Stop it; one data directory serves one host at a time.',
  ),
  describe(
    ErrLogDBOpen,
    'The LogDB could not be opened: its folder, its files or its native code.',
    'The message says why.',
  ),
  describe(
    ErrLogDBCorrupt,
    'Stored bytes are not what was written.',
    'Remove the replica and add a new node; look after the disk.',
  ),
  describe(
    ErrUpdateRefused,
    "One replica's update could not be saved: it can't be encoded. " +
      'Nothing of it was written; that replica stops, the others of the host go on.',
    'Remove the replica and add a new node; report the message.',
  ),
  describe(ErrMalformed, 'Received bytes are no well-formed message.', 'Find out who sent them.'),
  describe(
    ErrUnsafeInteger,
    'A 64-bit id, index or term is above 2^53 - 1, which this implementation does not carry.',
    'Use smaller ids.',
  ),
  describe(
    ErrMessageTooLarge,
    'A message exceeds what a transport carries (66 MiB).',
    'Propose less at a time.',
  ),
  describe(
    ErrConnectionClosed,
    'The connection to the other host is gone. What was being sent may have arrived.',
    'It is made again by itself.',
  ),
  describe(ErrConnectFailed, 'The other host could not be reached.', 'It is tried again by itself.'),
  describe(
    ErrTLS,
    'The other host could not be authenticated, or refused this one.',
    'Check caFile, certFile and keyFile on both, and that all hosts have mutualTls on.',
  ),
  describe(ErrAddressInUse, 'The port to listen on is taken.', 'Stop what uses it, or choose another.'),
  describe(ErrInvalidAddress, 'An address is not host:port, or can not be bound.', 'Correct it.'),
  describe(ErrTransportStopped, 'The transport was used after it was stopped.', 'Start a new one.'),
  describe(
    ErrUnsupported,
    'The adapter does not have the capability that the call needs.',
    'Choose another adapter, or do without.',
  ),
];

export interface ErrorSection {
  readonly title: string;
  readonly errors: readonly ErrorDescription[];
}

export const ERROR_SECTIONS: readonly ErrorSection[] = [
  { title: 'Requests', errors: requestErrors },
  { title: 'Starting and stopping replicas', errors: replicaErrors },
  { title: 'Snapshots', errors: snapshotErrors },
  { title: 'Configuration and data directory', errors: hostErrors },
  { title: 'LogDB and transport', errors: adapterErrors },
];

/** Every error of Drakkar. docs/errors.md is made from it. */
export const ERROR_CATALOGUE: readonly ErrorDescription[] = ERROR_SECTIONS.flatMap(
  (section) => section.errors,
);
