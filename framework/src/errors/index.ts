export {
  ErrBadKey,
  ErrCanceled,
  ErrClosed,
  ErrClusterNotReady,
  ErrDeadlineNotSet,
  ErrInvalidDeadline,
  ErrInvalidOperation,
  ErrInvalidOption,
  ErrInvalidSession,
  ErrInvalidTarget,
  ErrPayloadTooBig,
  ErrPendingConfigChangeExist,
  ErrPendingLeaderTransferExist,
  ErrRejected,
  ErrQuorumAtRisk,
  ErrHostOutdated,
  ErrObserverBehind,
  ErrLevelTooLow,
  ErrNotAMember,
  ErrRequestTerminated,
  ErrSessionInUse,
  ErrSystemBusy,
  ErrSystemStopped,
  ErrTimeout,
  ErrTimeoutTooSmall,
} from './request.js';
export {
  ErrClusterAlreadyExist,
  ErrClusterClosed,
  ErrClusterNotBootstrapped,
  ErrClusterNotFound,
  ErrClusterNotInitialized,
  ErrClusterNotStopped,
  ErrEntriesLost,
  ErrGroupMismatch,
  ErrInvalidClusterSettings,
  ErrNodeRemoved,
  ErrReplicaFailed,
  ErrStateDiverged,
} from './cluster.js';
export {
  type ConfigProblem,
  ErrDataDirCorrupt,
  ErrDataDirGone,
  ErrDeploymentIDChanged,
  ErrDirNotExist,
  ErrHardSettingsChanged,
  ErrIncompatibleData,
  ErrInvalidConfig,
  ErrInvalidModule,
  ErrLockDirectory,
  ErrLogDBType,
  ErrModuleNotFound,
  ErrNetworkFileSystem,
  ErrNotOwner,
  ErrStopTimeout,
} from './host.js';
export {
  ErrSnapshotCorrupt,
  ErrSnapshotNoSpace,
  ErrSnapshotNotSent,
  ErrSnapshotStopped,
} from './snapshot.js';
export { ErrAnswerForgotten, ErrAnswerTooBig, ErrInvalidArguments, ErrRefused } from './typed.js';
export { RaftInvariantError } from './raft.js';
export {
  ErrSessionsCorrupt,
  ErrSnapshotOutOfDate,
  ErrStateMachineFailed,
  RsmInvariantError,
} from './state-machine.js';
export { ERROR_CATALOGUE, type ErrorDescription, type ErrorSection, ERROR_SECTIONS } from './catalogue.js';
export { isTempError } from './temp-error.js';
