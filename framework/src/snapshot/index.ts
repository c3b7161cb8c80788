export { snapshotFailure } from './failure.js';
export { type ExternalFile, type SnapshotDescription, externalFileName } from './format/description.js';
export type { FileHeader } from './format/header-block.js';
export { SnapshotFileReader } from './format/reader.js';
export type { SessionFormat } from './format/session-format.js';
export { SnapshotFileVerifier, type VerifiedSnapshotFile, verifySnapshotFile } from './format/verifier.js';
export { SnapshotFileWriter, type SnapshotFileWriterOptions } from './format/writer.js';
export type { LongWork, SnapshotProgress } from './progress.js';
export { checkExportTarget } from './store/copy.js';
export {
  EXPORT_FILE_NAME,
  type ExportRecord,
  type SnapshotOrigin,
  readExportRecord,
} from './store/export-record.js';
export { verifySnapshotFolder } from './store/folder.js';
export { DATA_FILE_NAME, snapshotDirName } from './store/names.js';
export { type CreateSnapshot, SnapshotDraft } from './store/snapshot-draft.js';
export {
  type CleanUpReport,
  type OpenSnapshot,
  type SnapshotLease,
  type SnapshotProblem,
  SnapshotStore,
  type SnapshotStoreOptions,
} from './store/snapshot-store.js';
export type { ReceivedSnapshot, SnapshotOffer, SnapshotTarget } from './stream/reception.js';
export {
  SnapshotReceiver,
  type SnapshotReceiverDependencies,
  type SnapshotReceiverOptions,
} from './stream/receiver.js';
export {
  type SendOutcome,
  type SendSnapshot,
  SnapshotSender,
  type SnapshotSenderDependencies,
  type SnapshotSenderOptions,
} from './stream/sender.js';
export type { SenderCheck, SenderClaim } from './stream/sender-check.js';
