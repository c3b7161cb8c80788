import type { ReplicaEvents } from '../engine/replica-events.js';
import type { StorageProblem } from '../fs/storage-problem.js';
import type { TransportEvents } from '../transport/transport-events.js';

export interface LogDBFailedEvent {
  error: unknown;
  /** The kind of disk problem; undefined: unknown. */
  problem: StorageProblem | undefined;
  /** What to do, as text. */
  advice: string;
}

export interface ClockJumpedEvent {
  /** Negative: backward. */
  byMs: number;
}

export interface PlaintextEvent {
  listenAddress: string;
}

export interface FilesExposedEvent {
  /** A folder of the data directory, or the key file. */
  path: string;
  what: 'data' | 'key';
  /** Permission bits, such as `0755`. */
  mode: string;
  /** Why the host could not change it; undefined for a key, which the host does not change. */
  error: unknown;
}

export interface NetworkFileSystemEvent {
  dir: string;
  /** Such as `FUSE`. */
  fileSystem: string;
}

export interface CertificateExpiresEvent {
  /** The file with the certificate. */
  file: string;
  /** The configuration key that names the file. */
  setting: 'caFile' | 'certFile';
  /** Of the certificate. */
  subject: string;
  /** SHA-256. */
  fingerprint: string;
  /** Milliseconds since the Unix epoch. */
  expiresMs: number;
  /** Whole days that remain; negative once it has expired. */
  daysLeft: number;
}

export interface SlowOperationEvent {
  /** Such as `LogDB.saveRaftState`, `snapshot`, `state machine's update`. */
  operation: string;
  /** The groups concerned; none: the whole host. */
  clusterIDs: readonly number[];
  /** So far, or in total if it has ended. */
  durationMs: number;
  hasEnded: boolean;
}

/** Events of a host. */
export interface HostEvents extends ReplicaEvents, TransportEvents {
  /**
   * A call of the LogDB or of a state machine, or a snapshot, takes longer than a second: then, at each doubling (or every
   * five minutes), and at its end. At most a hundred in ten seconds.
   */
  slowOperation: SlowOperationEvent;
  /**
   * The LogDB failed, or its folder was removed, which stops every replica of the host. Nothing is retried, because what a
   * failed write left on the disk is unknown.
   */
  logDBFailed: LogDBFailedEvent;
  /**
   * The time of day jumped by more than two seconds: it was set, or the machine slept. Raft and the data do not depend on
   * it; certificates and log times do.
   */
  clockJumped: ClockJumpedEvent;
  /**
   * The host runs without mutual TLS at an address that other machines can reach, so they can do everything. Once, at
   * startup; `allowPlaintext: true` silences it.
   */
  plaintext: PlaintextEvent;
  /**
   * Users other than the host's can access its data or key. Once per folder, at startup; the key is also checked every
   * hour and at each reload.
   */
  filesExposed: FilesExposedEvent;
  /**
   * The data directory is on a file system that other machines may share, where its lock does not exclude a host on
   * another machine. Once per folder, at startup; `allowNetworkFileSystem: true` silences it.
   */
  networkFileSystem: NetworkFileSystemEvent;
  /**
   * A certificate of this host, or of its CA, expires within 30 days; again within 7 and 1, and when it has expired.
   */
  certificateExpires: CertificateExpiresEvent;
  /** `NodeHost.stop` was called. */
  nodeHostShuttingDown: Record<never, never>;
}

/**
 * Hears what happens on a host; every method is optional. Called outside the engine's work, in the order in which
 * things happened, so it may call the host. What it throws, or rejects with, is logged and has no other effect. A
 * promise that it returns is not waited for. While it runs nothing else does, for all is one thread; the host has its
 * turn again after every few milliseconds of it, however many events wait.
 */
export type HostListener = {
  readonly [Name in keyof HostEvents]?: (event: HostEvents[Name]) => void | Promise<void>;
};
