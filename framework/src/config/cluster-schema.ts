import { type JsonSchema, objectSchema } from './json-schema.js';
import type { CompressionType } from '../compression/snappy.js';
import type { ClusterConfig, Compatibility } from './cluster-config.js';

const flag = (description: string, fallback: boolean): JsonSchema => ({
  type: 'boolean',
  description,
  default: fallback,
});
const count = (description: string, minimum: number, fallback?: number): JsonSchema => ({
  type: 'integer',
  description,
  minimum,
  maximum: Number.MAX_SAFE_INTEGER,
  ...(fallback === undefined ? {} : { default: fallback }),
});
/** What is drawn at random for an election timeout is below 2^32. */
const MAX_TICKS = 1_000_000_000;
const ticks = (description: string, fallback: number): JsonSchema => ({
  ...count(description, 1, fallback),
  maximum: MAX_TICKS,
});
const COMPRESSIONS: readonly CompressionType[] = ['none', 'snappy'];
const COMPATIBILITIES: readonly Compatibility[] = ['none', 'dragonboat-2.1'];
const compression = (description: string): JsonSchema => ({
  type: 'string',
  description,
  enum: [...COMPRESSIONS],
  default: 'none',
});

/** What may stand in a replica's configuration. Rules that concern several keys are in validate-cluster.ts. */
export const clusterSchema: JsonSchema = objectSchema<ClusterConfig>(
  'Configuration of one replica of a group.',
  {
    nodeID: count(
      'Id of the replica in its group. An id that was removed from the group can not be used again.',
      1,
    ),
    clusterID: count('Id of the group in the deployment.', 0),
    checkQuorum: flag(
      'A leader that has not heard from a quorum for an election timeout steps down; when this is off, after four of them.',
      true,
    ),
    electionRTT: ticks(
      'Least time without a leader, in ticks of rttMillisecond, after which a follower campaigns; the actual time is chosen at random between it and twice it. More than twice heartbeatRTT, better ten times.',
      10,
    ),
    heartbeatRTT: ticks("Ticks between a leader's heartbeats.", 1),
    snapshotEntries: count(
      'Entries applied between automatic snapshots, up to a quarter fewer by the node id, so that members differ; 0 turns them off.',
      0,
      100_000,
    ),
    compactionOverhead: count(
      'Entries that stay in the log behind a snapshot, for followers that are a little behind.',
      0,
      10_000,
    ),
    maxHeldLogBytes: count(
      'Bytes of log that a compaction keeps, besides compactionOverhead, for members that are receiving a snapshot or catching up after one. Beyond it the log is compacted, and they need another snapshot; 0 keeps none.',
      0,
      256 * 1024 * 1024,
    ),
    orderedConfigChange: flag(
      'A membership change must name the membership that it is meant for, and is rejected on any other. What a new group begins with: from feature level 1 on the group has it in its log.',
      false,
    ),
    isObserver: flag('The replica follows without a vote until it is promoted.', false),
    stateCheckHash: flag(
      "Replicas compare the state machine's own hash (`getHash`) together with those of sessions and members. It is asked for while no entry is applied, so it should be quick.",
      false,
    ),
    quiesce: flag('An idle group stops exchanging heartbeats until there is work.', false),
    preVote: flag(
      'A candidate asks before it raises its term, so that one that was cut off does not unseat the leader. Off with compatibility `dragonboat-2.1`.',
      true,
    ),
    maxInMemLogSize: count(
      'Bytes of the in-memory log above which proposals get ERR_SYSTEM_BUSY; 0 takes settings.maxInMemLogBytes of the host.',
      0,
      0,
    ),
    snapshotCompression: compression('Compression of snapshots.'),
    entryCompression: compression(
      'Compression of the commands proposed on this host. Every member understands either, so the members of a group may differ. `none` with compatibility `dragonboat-2.1`.',
    ),
    disableAutoCompactions: flag(
      'The space of removed entries is freed only when NodeHost.requestCompaction is called, not after each snapshot.',
      false,
    ),
    compatibility: {
      type: 'string',
      description:
        '`dragonboat-2.1`: hosts of Dragonboat v2.1.7 may be members. Membership changes then go by its rules, nothing gets into the log that it does not know (no feature level, no settings, no compressed command), pre-vote is off, and addresses must be host:port with exactly one colon. Equal on all members. See docs/dragonboat.md.',
      enum: [...COMPATIBILITIES],
      default: 'none',
    },
  },
  { required: ['nodeID', 'clusterID'] },
);
