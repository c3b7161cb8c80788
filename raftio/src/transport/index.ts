export { type HostPort, parseAddress, urlAuthority } from './address.js';
export { certificateFault } from './certificate-faults.js';
export {
  type IntegerOption,
  MAX_TIMER_MS,
  integerOption,
  integerOptionsSchema,
  resolveIntegerOptions,
} from './integer-options.js';
export { LivenessMonitor, type LivenessOptions, type Sweepable } from './liveness.js';
export { listen } from './listen.js';
export { SendQueue, type SendQueueOptions } from './send-queue.js';
export { type Identity, IdentityFiles } from './tls-identity.js';
export { type WarningKind, Warnings } from './warnings.js';
