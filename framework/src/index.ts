export { type ClientIDSource, Session, newNoOPSession, newSession } from './client/session.js';
export { type CompressionType, type SnappyCodec, loadSnappy, useSnappyInTurn } from './compression/snappy.js';
export type { ClusterConfig, ClusterConfigInput, Compatibility } from './config/cluster-config.js';
export type {
  AdapterConfig,
  AdapterConfigInput,
  HardSettingsConfig,
  LogConfig,
  NodeHostConfig,
  NodeHostConfigInput,
} from './config/node-host-config.js';
export {
  type AdapterModule,
  type AnyAdapterModule,
  type AllowedPeer,
  DrakkarError,
  type ErrorClaim,
  type ErrorContext,
  type ErrorEffect,
  type ErrorRetry,
  type GroupSettings,
  LogDBFactoryID,
  type LogDBModule,
  RaftRPCFactoryID,
  type RaftRPCModule,
  type SessionRecord,
  type SnapshotFile,
  type Uint64,
  hasErrorCode,
  isDrakkarError,
  toUint64,
} from '@drakkar/raftio';
export { type LoadOptions, type LoadedNodeHostConfig, loadNodeHostConfig } from './config/load.js';
export { type ValidatedClusterConfig, validateClusterConfig } from './config/validate-cluster.js';
export { DirectoryLockID, type HeldLock, type IDirectoryLock } from './datadir/directory-lock.js';
export type { Overrides } from './di/build-container.js';
export {
  type ConfigProblem,
  ErrAnswerForgotten,
  ErrAnswerTooBig,
  ErrBadKey,
  ErrCanceled,
  ErrClosed,
  ErrClusterAlreadyExist,
  ErrClusterClosed,
  ErrClusterNotBootstrapped,
  ErrClusterNotFound,
  ErrClusterNotInitialized,
  ErrClusterNotReady,
  ErrClusterNotStopped,
  ErrDataDirCorrupt,
  ErrDataDirGone,
  ErrDeadlineNotSet,
  ErrDeploymentIDChanged,
  ErrDirNotExist,
  ErrEntriesLost,
  ErrGroupMismatch,
  ErrHardSettingsChanged,
  ErrIncompatibleData,
  ErrInvalidArguments,
  ErrInvalidConfig,
  ErrInvalidDeadline,
  ErrInvalidModule,
  ErrInvalidOperation,
  ErrInvalidOption,
  ErrInvalidSession,
  ErrInvalidTarget,
  ErrKeyInUse,
  ErrLockDirectory,
  ErrLogDBType,
  ErrModuleNotFound,
  ErrNetworkFileSystem,
  ErrNodeRemoved,
  ErrNotOwner,
  ErrPayloadTooBig,
  ErrPendingConfigChangeExist,
  ErrPendingLeaderTransferExist,
  ErrRefused,
  ErrRejected,
  ErrQuorumAtRisk,
  ErrHostOutdated,
  ErrObserverBehind,
  ErrLevelTooLow,
  ErrNotAMember,
  ErrReplicaFailed,
  ErrRequestTerminated,
  ErrSessionInUse,
  ErrSnapshotCorrupt,
  ErrSnapshotNoSpace,
  ErrSnapshotNotSent,
  ErrSnapshotStopped,
  ErrStateDiverged,
  ErrStopTimeout,
  ErrSystemBusy,
  ErrSystemStopped,
  ErrTimeout,
  ErrTimeoutTooSmall,
  ErrInvalidClusterSettings,
  ErrSessionsCorrupt,
  ErrSnapshotOutOfDate,
  ErrStateMachineFailed,
  RaftInvariantError,
  RsmInvariantError,
  isTempError,
} from './errors/index.js';
export type {
  CertificateExpiresEvent,
  ClockJumpedEvent,
  FilesExposedEvent,
  HostEvents,
  HostListener,
  LogDBFailedEvent,
  NetworkFileSystemEvent,
  PlaintextEvent,
  SlowOperationEvent,
} from './events/host-listener.js';
export type {
  ConnectionEvent,
  ConnectionFailedEvent,
  MessageDamagedEvent,
  TransportEvents,
} from './transport/transport-events.js';
export type {
  ConfigurationOverruledEvent,
  GroupMismatchEvent,
  GroupSettingsEvent,
  LeaderSteppedDownEvent,
  LeaderUpdatedEvent,
  LevelRaisedEvent,
  LogCompactedEvent,
  MemberOutdatedEvent,
  MembershipChangedEvent,
  NodeUnloadedEvent,
  ReplicaEvent,
  ReplicaFailedEvent,
  ReplicaRefusedEvent,
  SendSnapshotAbortedEvent,
  SendSnapshotEvent,
  SnapshotDamagedEvent,
  SnapshotEvent,
  SnapshotNoSpaceEvent,
  SnapshotReceivedEvent,
  StateDivergedEvent,
  StateMachineStalledEvent,
  StorageProblemEvent,
  ReplicaEvents,
} from './engine/replica-events.js';
export { Emitter } from './events/emitter.js';
export { Group, type GroupEvents, type GroupStatus } from './group/group.js';
export {
  type GroupMember,
  GroupMembers,
  type MemberChangeOptions,
  type MemberReplaceOptions,
  type MemberRole,
} from './group/members.js';
export type { RetryOptions } from './group/retry.js';
export { GroupSession } from './group/session.js';
export type { GroupStateMachine, StartGroupOptions } from './group/start-group.js';
export {
  type AnswerOf,
  type CallArguments,
  type Calls,
  type CommandOptions,
  type GroupOf,
  TypedGroup,
} from './typed/client.js';
export { type Codec, cborCodec } from './typed/codec.js';
export {
  type IsAsynchronous,
  type StateMachineDefinition,
  type Synchronous,
  defineStateMachine,
} from './typed/define.js';
export type {
  ArgumentsOf,
  CommandContext,
  CommandHandler,
  Commands,
  Queries,
  QueryContext,
  QueryHandler,
} from './typed/handlers.js';
export { Refusal, type RefusalClass, type RefusedError, defineRefusal } from './typed/refusal.js';
export type { StandardIssue, StandardResult, StandardSchema } from './typed/standard-schema.js';
export { type AnyTypedStateMachine, type Schemas, TypedStateMachine } from './typed/typed-state-machine.js';
export { type StorageProblem } from './fs/storage-problem.js';
export {
  FileSystemID,
  type DiskSpace,
  type FileAccess,
  type FileStat,
  type FileSystemKind,
  type IFile,
  type IFileSystem,
  type OpenMode,
} from './fs/file-system.js';
export {
  type ILogger,
  type ILoggerFactory,
  type LogFields,
  type LogLevel,
  type LogLevels,
  type LogModule,
  LoggerFactoryID,
  silentLoggerFactory,
} from './logging/logger.js';
export type { MessageFault } from './engine/rejected-messages.js';
export type { CreateOptions, NodeHostConfigSource } from './nodehost/assembly.js';
export { SysOpState } from './nodehost/compactions.js';
export type { ExportOptions, ExportedSnapshot } from './nodehost/export-snapshot.js';
export type { GroupDifference } from './agreement/group-guard.js';
export type { StateDivergence, StatePart } from './agreement/state-comparison.js';
export type { ReplicaAgreement } from './agreement/replica-checks.js';
export type {
  LeaderInfo,
  NodeHostInfo,
  ReplicaInfo,
  ReplicaProgress,
  ReplicaState,
} from './nodehost/host-info.js';
export type { ImportOptions, ImportedSnapshot, ReplacedData } from './nodehost/import-in-place.js';
export { importSnapshot } from './nodehost/import-snapshot.js';
export type { InitialMembers } from './nodehost/members.js';
export type { ClusterMembership } from './engine/cluster-membership.js';
export { NodeHost } from './nodehost/node-host.js';
export type { INodeUser } from './nodehost/node-user.js';
export type { CallOptions, ChangeOptions } from './nodehost/options.js';
export { preloadHost } from './nodehost/parts.js';
export type { ReplaceOptions, ReplaceStep } from './nodehost/replace-node.js';
export type {
  ChangeRefusal,
  ClaimFault,
  RaftStatus,
  RemoteStatus,
  Role,
  StepDownReason,
} from './raft/index.js';
export type { Operation as RequestOperation, RequestOutcome } from './client/claims.js';
export { RequestResult, RequestState } from './requests/request-state.js';
export { ClockID, type IClock, SystemClock, type Timer } from './runtime/clock.js';
export { type IRandom, RandomID, SeededRandom, SystemRandom } from './runtime/random.js';
export type { SoftSettings } from './config/soft.js';
export type { SnapshotProgress } from './snapshot/index.js';
export type { TransportCounters } from './transport/transport.js';
export type {
  CreateStateMachine,
  ISnapshotFileCollection,
  IStateMachine,
  SnapshotWriter,
} from './statemachine/contract.js';
