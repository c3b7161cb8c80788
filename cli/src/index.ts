/** The command `drakkar`, for programs: what it does in a process, and its development certificates. */
export {
  type CertificateOptions,
  type HostFiles,
  type WrittenCertificates,
  writeCertificates,
} from './certs-files.js';
export { type CliIO } from './output.js';
export { CommandSignals, type CommandSignal } from './signals.js';
export { runCli } from './program.js';
