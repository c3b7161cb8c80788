import type { CompressionType } from '../compression/snappy.js';

/** `none`: hosts of this project alone; `dragonboat-2.1`: hosts of Dragonboat v2.1.7 may be members as well. */
export type Compatibility = 'none' | 'dragonboat-2.1';

/** Configuration of one replica of a group, checked, with every default filled in. Durations are in ticks. */
export interface ClusterConfig {
  readonly nodeID: number;
  readonly clusterID: number;
  readonly checkQuorum: boolean;
  readonly electionRTT: number;
  readonly heartbeatRTT: number;
  /** Applied entries between automatic snapshots; 0 = none. */
  readonly snapshotEntries: number;
  /** Entries kept in the log behind a snapshot. */
  readonly compactionOverhead: number;
  /** Bytes of log that are kept for members to which a snapshot is on its way, or which catch up after one. */
  readonly maxHeldLogBytes: number;
  readonly orderedConfigChange: boolean;
  readonly isObserver: boolean;
  readonly quiesce: boolean;
  /** Whether the hash of the state machine is compared with that of other replicas. */
  readonly stateCheckHash: boolean;
  readonly preVote: boolean;
  /** Bytes; 0 = the host's `settings.maxInMemLogBytes`. */
  readonly maxInMemLogSize: number;
  readonly snapshotCompression: CompressionType;
  readonly entryCompression: CompressionType;
  readonly disableAutoCompactions: boolean;
  /** Which others the group goes with. */
  readonly compatibility: Compatibility;
}

/** What a user writes. Meaning of the keys: docs/configuration.md. */
export type ClusterConfigInput = Pick<ClusterConfig, 'nodeID' | 'clusterID'> & Partial<ClusterConfig>;
