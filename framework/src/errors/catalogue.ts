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
import * as cluster from './cluster.js';
import * as host from './host.js';
import { RaftInvariantError } from './raft.js';
import * as request from './request.js';
import * as snapshot from './snapshot.js';
import * as rsm from './state-machine.js';
import * as typed from './typed.js';

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
    'A queue, or the in-memory log of the replica or its leader, is full. The request had no effect.',
    'Retry after a pause; if it persists, send less or raise the limits under `settings`.',
    TEMPORARY,
  ),
  describe(
    request.ErrClusterNotReady,
    'The request was dropped before it entered any log: the group has no leader, or one that has not yet committed in its term.',
    'Retry; a new leader takes about one election timeout.',
    TEMPORARY,
  ),
  describe(
    cluster.ErrClusterNotInitialized,
    'The replica is still replaying its log after its start.',
    'Retry.',
    TEMPORARY,
  ),
  describe(
    request.ErrPendingConfigChangeExist,
    'A membership change of the group is under way; only one is possible at a time. The request was not started.',
    'Retry when it is done.',
    TEMPORARY,
  ),
  describe(
    request.ErrPendingLeaderTransferExist,
    'A leadership transfer of the group is under way. The request was not started.',
    'Retry when it is done.',
    TEMPORARY,
  ),
  describe(
    request.ErrBadKey,
    'The key that would match the request with its result is in use. The request was not started.',
    'Retry.',
    TEMPORARY,
  ),
  describe(
    cluster.ErrClusterClosed,
    'The replica on this host is stopped or stopping. The request was not started.',
    'Use another host with a replica of the group.',
    TEMPORARY,
  ),
  describe(
    request.ErrSystemStopped,
    'The host is stopping. The request was not started.',
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
    'The node was removed from the group, or its data from this host; its id can not be reused.',
    'Use another replica. To have one here again, add it under a new node id.',
  ),
  describe(
    cluster.ErrGroupMismatch,
    'The replica on this host differs from other members in what must be equal; the message says in what. The request was not started.',
    'Use another host. Make this replica equal to most members: see docs/membership.md.',
  ),
  describe(
    cluster.ErrEntriesLost,
    'The replica on this host lacks entries that it acknowledged: its disk was wiped, or an old copy of its files restored. The call was not started.',
    'Use another host. Remove the node from the group, call `removeData` here, and add a new node under another id.',
  ),
  describe(
    cluster.ErrStateDiverged,
    'The state of the replica on this host differs from that of most members at the same index. The read was not started.',
    'Use another host. Remove the node from the group, call `removeData` here, and add a new node; find out why it differs.',
  ),
  describe(
    request.ErrTimeout,
    'No answer came in time. A proposal may have been applied, or may be later; a read or an export had no effect.',
    'With a registered session, propose again with it: the command is applied once. Otherwise check by a read first. Repeat a read.',
  ),
  describe(
    request.ErrCanceled,
    "The request's signal was aborted. A proposal may have been applied, or may be later; a read, an export, and a call whose signal was aborted before it began had no effect.",
    'As for ERR_TIMEOUT, with another signal.',
  ),
  describe(
    request.ErrRequestTerminated,
    'The replica stopped or failed during the request. A proposal may have been applied, or may be later; a read had no effect.',
    'As for ERR_TIMEOUT, on another host.',
    TEMPORARY,
  ),
  describe(
    request.ErrRejected,
    'The group refused the request: the session is not registered, was evicted, or is already registered; or the change does not fit the membership. Or there was nothing to do: no entry applied since the newest snapshot, no space to give back. `effect` is `unknown` if an earlier attempt with the session may have been applied before its eviction.',
    'With `effect` `none`, register a new session, or read the membership and decide again. With `unknown`, check by a read first. The same request would be rejected again.',
  ),
  describe(
    request.ErrQuorumAtRisk,
    'The leader refused a membership change: the voting members that responded lately would be no quorum after it, so it could never be reverted.',
    'Add the node as an observer, start it, and promote it when it has caught up (`syncRequestReplaceNode` does so); start members that are down. `force: true` overrides.',
  ),
  describe(
    request.ErrObserverBehind,
    'The leader refused to promote an observer that does not answer or lags too far behind.',
    'Start the observer and retry when it has caught up. `force: true` overrides.',
    TEMPORARY,
  ),
  describe(
    request.ErrHostOutdated,
    "The leader refused to add a node on a host whose release does not know the group's feature level.",
    'Retry once: the leader has asked the host again which release it runs. If it is refused again, upgrade that host. `force: true` overrides; the node gets nothing until the upgrade.',
  ),
  describe(
    request.ErrNotAMember,
    'The leader refused to remove a node that is not, or no longer, a member: its id could never be used.',
    'Check the membership. If the request was a retry, the first attempt succeeded.',
  ),
  describe(
    request.ErrLevelTooLow,
    "The group's feature level does not support the request, such as settings in its log.",
    'Run this release on all members with equal settings; the leader then raises the level.',
  ),
  describe(
    request.ErrInvalidSession,
    'The client session is of another group, or in the wrong state for the call.',
    'Use the right session; call `proposalCompleted` after each successful proposal.',
  ),
  describe(
    request.ErrSessionInUse,
    'Another command with the same series id of the session may have been applied: it is under way, its outcome is unknown, or `proposalCompleted()` was not called after it. This one was not started.',
    'Wait for the other result, call `proposalCompleted()`, and propose again. Use one session per concurrent command.',
  ),
  describe(
    typed.ErrRefused,
    'A command or query of a typed state machine refused. `details.reason` and `details.data` say why; the state is as before.',
    'Decide by the reason: the class from `defineRefusal` recognises it.',
  ),
  describe(
    typed.ErrInvalidArguments,
    'The arguments of a command or query do not satisfy its schema. Nothing entered the log. `details.issues` lists the problems.',
    'Correct the arguments.',
  ),
  describe(
    typed.ErrAnswerTooBig,
    'The answer of a command exceeds 64 KiB, which is what a typed state machine remembers of one. The command had no effect.',
    'Return less from the command, such as a key, and read the rest by a query.',
  ),
  describe(
    typed.ErrKeyInUse,
    'The key of a command names a command with another name or other arguments, whose answer the group remembers. This one was not applied.',
    'Give each command a key of its own, and send the same arguments again under the same key.',
  ),
  describe(
    typed.ErrAnswerForgotten,
    'A command was repeated after the state machine had forgotten answers as old as its first attempt, and was not applied again. The first attempt may have been applied.',
    'Check by a query first.',
  ),
  describe(
    request.ErrTimeoutTooSmall,
    'The timeout is shorter than one tick (`rttMillisecond`).',
    'Use a longer one.',
  ),
  describe(
    request.ErrPayloadTooBig,
    'The command exceeds the limit of a proposal (32 MiB).',
    'Propose less at a time, or keep the data elsewhere and propose a reference.',
  ),
  describe(
    request.ErrInvalidOperation,
    'The call is not allowed in the role or state of this replica.',
    'The message says why.',
  ),
  describe(
    request.ErrInvalidOption,
    'An argument or option of the call is invalid.',
    'The message says which.',
  ),
  describe(
    request.ErrInvalidTarget,
    'The target of a leadership transfer is not a voting member; or a node can not replace another, as the message says.',
    'Choose a voting member; follow the message.',
  ),
  describe(request.ErrDeadlineNotSet, 'The call was made without `timeoutMs`.', 'Pass it.'),
  describe(request.ErrInvalidDeadline, '`timeoutMs` is not a positive number.', 'Correct it.'),
];

/** Errors of starting and stopping replicas. */
const replicaErrors: readonly ErrorDescription[] = [
  describe(
    cluster.ErrClusterAlreadyExist,
    'A replica of the group already runs on this host.',
    'Use it, or stop it first.',
  ),
  describe(
    cluster.ErrClusterNotStopped,
    'The replica runs, but the operation needs it stopped.',
    'Stop it and retry.',
  ),
  describe(
    cluster.ErrClusterNotBootstrapped,
    'The replica has no data on this host, and the call has neither initial members nor the join flag.',
    'Pass all initial members of a new group, or join = true for a node that was added to a running one.',
  ),
  describe(
    cluster.ErrInvalidClusterSettings,
    'Initial members, join flag and the data on disk contradict each other.',
    'The message says whether the data calls for first start, joining or restart.',
  ),
  describe(
    cluster.ErrReplicaFailed,
    'The replica stopped itself: its state machine threw, its data is damaged, or a Raft invariant is broken. Other replicas continue.',
    'See `cause` and the log. Restart it once the cause is fixed; if its data is damaged, remove it and add a new node.',
  ),
  describe(
    rsm.ErrStateMachineFailed,
    'The state machine threw, or returned an invalid result; its state may differ from the other replicas.',
    'Fix the state machine, then restart the replica.',
  ),
  describe(
    host.ErrStopTimeout,
    'A host or replica did not stop within `settings.stopTimeoutMs`. `details.waits` lists the pending calls of the LogDB and state machines, with groups and durations; `details.clusterIDs` names the groups. An abandoned replica writes nothing more to disk; an abandoned LogDB keeps the data directory locked.',
    'End the process. Then check the disk, or what `update`, `lookup`, `saveSnapshot`, `recoverFromSnapshot` or `close` waits for.',
  ),
  describe(
    rsm.ErrSessionsCorrupt,
    "A snapshot's client sessions are not what was written.",
    'Remove the replica and add a new node; check the disk.',
  ),
  describe(
    rsm.ErrSnapshotOutOfDate,
    'The snapshot is older than what the replica has; nothing was changed.',
    'None: the replica continues. When importing, find a newer snapshot, or confirm that newer data may be lost: docs/disaster-recovery.md says when that is right.',
  ),
  describe(
    rsm.RsmInvariantError,
    'An invariant broke while entries were applied.',
    'Report it with the log: it is a bug, or damaged data.',
  ),
  describe(
    RaftInvariantError,
    'An invariant of the Raft core broke.',
    'Report it with the log: it is a bug, or damaged data.',
  ),
];

/** Errors of snapshots. */
const snapshotErrors: readonly ErrorDescription[] = [
  describe(
    snapshot.ErrSnapshotCorrupt,
    'A snapshot is damaged, truncated, missing or misplaced; the message names file and offset. None of it was used.',
    'Check the disk. A running replica takes a new snapshot by itself; if one can not start, remove its node from the group and add a new one. Repeat an export. Without a quorum, see docs/disaster-recovery.md.',
  ),
  describe(
    snapshot.ErrSnapshotStopped,
    'The snapshot was canceled: by its signal, by a newer one, or because the host stops. Nothing of it remains.',
    'None; the next one is taken or sent when due.',
    TEMPORARY,
  ),
  describe(
    snapshot.ErrSnapshotNoSpace,
    'The disk is full. Nothing of the snapshot remains, and the log is unchanged.',
    'Free or add space; the next snapshot is taken when due.',
  ),
  describe(
    snapshot.ErrSnapshotNotSent,
    'The other host could not be reached, refused the snapshot, or stopped accepting it. It keeps nothing of it.',
    "It is sent again when the follower answers; if this repeats, see the other host's log.",
    TEMPORARY,
  ),
];

/** Errors of configuration, and of the data directory. */
const hostErrors: readonly ErrorDescription[] = [
  describe(
    host.ErrInvalidConfig,
    'The configuration is invalid; `problems` lists all errors.',
    'Correct them. docs/configuration.md describes every key.',
  ),
  describe(
    host.ErrModuleNotFound,
    'The configured LogDB or transport is not installed.',
    'Run the npm command in the message, or correct the name.',
  ),
  describe(
    host.ErrInvalidModule,
    'The configured module is no LogDB or transport, or can not be loaded.',
    'The message says why.',
  ),
  describe(
    host.ErrNotOwner,
    'The data directory belongs to another NodeHost. It was not changed.',
    "Use this host's own directory, or restore the previous raftAddress.",
  ),
  describe(
    host.ErrDeploymentIDChanged,
    'The data directory belongs to another deployment. It was not changed.',
    'Restore the previous deploymentId, or use another directory.',
  ),
  describe(
    host.ErrHardSettingsChanged,
    'The data directory was created with other `hardSettings`. It was not changed.',
    'Restore them.',
  ),
  describe(
    host.ErrIncompatibleData,
    'This release can not read the format of the data directory, or its WAL folder is not where the configuration says. It was not changed.',
    'The message says which release or folder to use.',
  ),
  describe(
    host.ErrLogDBType,
    'Another LogDB wrote the data directory. It was not changed.',
    'Configure that LogDB; to change it, use `drakkar logdb copy` with `--switch-to`.',
  ),
  describe(
    host.ErrLockDirectory,
    'Another NodeHost, in this or another process, has the data directory open.',
    'Stop it, or use another directory.',
  ),
  describe(
    host.ErrDirNotExist,
    'The data directory can not be created or written, or is not a folder.',
    'Correct the path or the permissions.',
  ),
  describe(
    host.ErrNetworkFileSystem,
    'A new data directory is on a network file system, such as NFS. Its lock works on one machine only: a host on another machine could use the same data at the same time.',
    'Use a local disk. Set `allowNetworkFileSystem` only if no other machine can ever start this host. See docs/operations.md.',
  ),
  describe(
    host.ErrDataDirGone,
    'A folder of the data directory was removed, moved, unmounted or replaced under a running host. The host stopped its replicas, whose writes would be lost.',
    'Stop the host. If the folder was moved or unmounted, put it back and restart. If it was removed, remove the nodes of the host from their groups and add new ones under other node ids.',
  ),
  describe(
    host.ErrDataDirCorrupt,
    'The record of who owns the data directory is damaged or missing. It was not changed.',
    "Restore the file from a copy; or remove the directory and add this host's replicas again, under new node ids.",
  ),
];

/** Errors that come from a LogDB or a transport. */
const adapterErrors: readonly ErrorDescription[] = [
  describe(
    ErrLogDBFenced,
    'A write or sync of the LogDB failed. What it covered is unknown, so the LogDB accepts nothing more.',
    'Check the disk, then restart the host.',
  ),
  describe(ErrLogDBClosed, 'The LogDB was used after it was closed.', 'Open it again.'),
  describe(
    ErrLogDBLocked,
    'Another process has the LogDB open.',
    'Stop it; a data directory serves one host at a time.',
  ),
  describe(
    ErrLogDBOpen,
    'The LogDB could not be opened: its folder, its files or its native code.',
    'The message says why.',
  ),
  describe(
    ErrLogDBCorrupt,
    'Stored bytes are not what was written.',
    'Remove the replica and add a new node; check the disk.',
  ),
  describe(
    ErrUpdateRefused,
    "One replica's update could not be encoded. Nothing of it was written; that replica stops, the host's others continue.",
    'Remove the replica and add a new node; report the message.',
  ),
  describe(ErrMalformed, 'Received bytes are not a well-formed message.', 'Find out who sent them.'),
  describe(
    ErrUnsafeInteger,
    'A 64-bit id, index or term exceeds 2^53 - 1, the limit of this implementation.',
    'Use smaller ids.',
  ),
  describe(
    ErrMessageTooLarge,
    'A message exceeds the limit of transports (66 MiB).',
    'Propose less at a time.',
  ),
  describe(
    ErrConnectionClosed,
    'The connection to the other host ended. What was being sent may have arrived.',
    'None: the host reconnects.',
  ),
  describe(ErrConnectFailed, 'The other host could not be reached.', 'None: the host retries.'),
  describe(
    ErrTLS,
    'The other host could not be authenticated, or refused this one.',
    'Check caFile, certFile and keyFile on both, and that all hosts have mutualTls on.',
  ),
  describe(ErrAddressInUse, 'The listening port is taken.', 'Stop its user, or choose another.'),
  describe(ErrInvalidAddress, 'An address is not host:port, or can not be bound.', 'Correct it.'),
  describe(ErrTransportStopped, 'The transport was used after it was stopped.', 'Start a new one.'),
  describe(
    ErrUnsupported,
    'The adapter lacks the capability that the call needs.',
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
