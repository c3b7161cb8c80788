export { type Arrivals, sendLargeBatch } from './arrivals.js';
export { transportModuleTests } from './adapter-module.js';
export { addressFamilyTests } from './address-families.js';
export { CertificateFolder, type Leaf, type LeafOptions, TestCA } from './certificates.js';
export { GUEST_OPTIONS, guestTests } from './guests.js';
export {
  type CreateTransport,
  type HostOptions,
  RecordingSink,
  type TestHost,
  TestHosts,
  type Warning,
  isSettled,
  never,
  numberedBatch,
  numberedChunk,
  settlesWithin,
  takesAtMost,
  termsOf,
  until,
} from './hosts.js';
export { heldBytes } from './memory.js';
export { mutualTLSTests } from './mutual-tls.js';
export { freePort } from './ports.js';
