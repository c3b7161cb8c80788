/**
 * `@drakkar/framework/internals`: what the command `drakkar` and the project's own programs need of a host's parts. No part
 * of the public API: it changes in any version.
 */
export { isPlainObject } from './config/plain.js';
export { acquireLocks, identityOf, isOwnName, readAndCheck, readStatus } from './datadir/data-dir.js';
export {
  type DataDirLayout,
  type Roots,
  STATUS_FILE_NAME,
  isLogDBFolder,
  isWalFolder,
  layoutOf,
} from './datadir/layout.js';
export {
  type Replacement,
  checkSameHost,
  commitReplacement,
  isReplaced,
  prepareReplacement,
  removeReplaced,
} from './datadir/replacement.js';
export { makeSeal } from './datadir/seal/make-seal.js';
export { dropSeal, readSeal } from './datadir/seal/seal-file.js';
export { type VerifyProgress, verifySeal } from './datadir/seal/verify-seal.js';
export { badLockFiles, refuseIfLocked } from './datadir/socket-lock.js';
export { type DataDirStatus } from './datadir/status.js';
export { type NodeHostServices, buildContainer } from './di/build-container.js';
export { hasSystemCode, messageOf } from './errors/inspect.js';
export { makeDirDurable, writeFileDurable } from './fs/durable.js';
export { NodeFileSystem } from './fs/node-file-system.js';
export { storageProblemOf } from './fs/storage-problem.js';
export { isTombstone } from './nodehost/bootstrap.js';
export { toExported } from './nodehost/export-snapshot.js';
export { withoutTransport } from './nodehost/without-transport.js';
export {
  type CoreReport,
  type IRaft,
  type LogReadRequest,
  type RaftConfig,
  type RaftFactory,
  RaftFactoryID,
  type RaftInit,
  type RaftUpdate,
  type RandomSource,
  type ReadContext,
  type ReadyRead,
  type SnapshotStreamReport,
  type TermRun,
  createRaft,
} from './raft/index.js';
export { EntryPayloads } from './rsm/index.js';
export { finishesWithin } from './runtime/finishes-within.js';
export { type SnapshotOrigin, SnapshotStore, checkExportTarget } from './snapshot/index.js';
