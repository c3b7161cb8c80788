import type { AnyAdapterModule, AllowedPeer } from '@drakkar/raftio';
import type { LogLevel, LogModule } from '../logging/logger.js';
import type { SoftSettings } from './soft.js';

/** Which adapter, and its options. */
export interface AdapterConfig {
  /** Short name, package name, or path relative to the configuration file; in code also the module itself. */
  readonly module: string | AnyAdapterModule;
  /** Checked against the adapter's own schema. */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface LogConfig {
  readonly level: LogLevel;
  /** Levels that differ from `level`. */
  readonly modules: Readonly<Partial<Record<LogModule, LogLevel>>>;
}

/** The part of the hard settings that a deployment may choose, once, before its first start. */
export interface HardSettingsConfig {
  readonly lruMaxSessionCount: number;
}

/** A NodeHost's configuration, checked, with every default filled in and every path absolute. */
export interface NodeHostConfig {
  readonly raftAddress: string;
  readonly listenAddress: string;
  readonly nodeHostDir: string;
  /** Equals `nodeHostDir` when not set apart. */
  readonly walDir: string;
  /** Length of a tick in ms: the unit of all `…RTT` of a group's configuration. */
  readonly rttMillisecond: number;
  readonly deploymentId: number;
  readonly mutualTls: boolean;
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** Certificates that their CA has revoked. */
  readonly crlFile: string | undefined;
  /** When present, only certificates that match one of them are accepted. */
  readonly allowedPeers: readonly AllowedPeer[] | undefined;
  /** Runs without mutual TLS on a network, which is warned of otherwise. */
  readonly allowPlaintext: boolean | undefined;
  readonly allowNetworkFileSystem: boolean | undefined;
  readonly logdb: AdapterConfig;
  readonly transport: AdapterConfig;
  readonly masterServers: readonly string[];
  /** Bytes held for one other host. */
  readonly maxSendQueueSize: number;
  /** Bytes held for one replica. */
  readonly maxReceiveQueueSize: number;
  readonly log: LogConfig;
  readonly settings: SoftSettings;
  readonly hardSettings: HardSettingsConfig;
}

export interface AdapterConfigInput {
  readonly module?: string | AnyAdapterModule;
  readonly options?: Readonly<Record<string, unknown>>;
}

/** What a user writes: everything that has a default may be left out. Meaning of the keys: docs/configuration.md. */
export interface NodeHostConfigInput {
  readonly raftAddress: string;
  readonly listenAddress?: string;
  readonly nodeHostDir: string;
  readonly walDir?: string;
  readonly rttMillisecond?: number;
  readonly deploymentId?: number;
  readonly mutualTls?: boolean;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly crlFile?: string;
  readonly allowedPeers?: readonly AllowedPeer[];
  readonly allowPlaintext?: boolean;
  readonly allowNetworkFileSystem?: boolean;
  readonly logdb?: AdapterConfigInput;
  readonly transport?: AdapterConfigInput;
  readonly masterServers?: readonly string[];
  readonly maxSendQueueSize?: number;
  readonly maxReceiveQueueSize?: number;
  readonly log?: Partial<LogConfig>;
  readonly settings?: Partial<SoftSettings>;
  readonly hardSettings?: Partial<HardSettingsConfig>;
}
