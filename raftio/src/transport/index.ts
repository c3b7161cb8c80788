export { type HostPort, parseAddress, urlAuthority } from './address.js';
export { Arrival, Arrivals } from './arrivals.js';
export { ConnectAttempts, attemptAborted, attemptTimedOut } from './attempts.js';
export { BatchWatch, type FrameHead, StreamWatch } from './batch-watch.js';
export { certificateFault } from './certificate-faults.js';
export { type AttemptState, explainConnectError } from './connect-errors.js';
export { asConnectionClosed } from './connection-closed.js';
export {
  CONNECTION_OPTIONS,
  type ConnectionOptions,
  resolveChoice,
  snapshotWindow,
} from './connection-options.js';
export {
  type IntegerOption,
  MAX_TIMER_MS,
  integerOption,
  integerOptionsSchema,
  resolveIntegerOptions,
} from './integer-options.js';
export { HelloHeader, Introductions, wrongHost } from './introductions.js';
export { type LivenessOptions, LivenessMonitor, type MonitoredLink } from './liveness.js';
export { listen } from './listen.js';
export {
  type CredentialFault,
  type PeerCredentials,
  credentialsOf,
  credentialsOfSocket,
  faultOfCredentials,
  identityOf,
  serverCheck,
} from './peer-credentials.js';
export { PeerWatch } from './peer-watch.js';
export { printable } from '../printable.js';
export { Revocations } from './revocations.js';
export { Guests } from './guests.js';
export { Newcomers } from './newcomers.js';
export { ownBytes } from './own-bytes.js';
export { SendQueue, type SendQueueOptions } from './send-queue.js';
export { SnapshotSender, type SnapshotSenderOptions } from './snapshot-sender.js';
export { type Identity, IdentityFiles, certificatesIn } from './tls-identity.js';
export { type HeldLink, TransportLife } from './transport-life.js';
export { unsentBytesOf } from './unsent-bytes.js';
export { type WarningKind, Warnings } from './warnings.js';
