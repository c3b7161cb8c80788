import { type JsonSchema, defaultsOf, objectSchema } from './json-schema.js';
import type { SoftSettings } from './soft.js';

const KIB = 1024;
const MIB = 1024 * KIB;

const integer = (description: string, fallback: number, minimum: number, maximum: number): JsonSchema => ({
  type: 'integer',
  description,
  default: fallback,
  minimum,
  maximum,
});
const bytes = (description: string, fallback: number, minimum: number, maximum = 1024 * MIB): JsonSchema =>
  integer(description, fallback, minimum, maximum);

/** What may stand under `settings`. */
export const softSettingsSchema: JsonSchema = objectSchema<SoftSettings>(
  'Expert settings. They bound memory and pace work; they may differ between hosts, and change between restarts, without harm to data.',
  {
    proposalQueueBytes: bytes(
      'Proposals of one replica that wait to be stepped. At the bound a proposal gets ERR_SYSTEM_BUSY; one alone is always taken.',
      64 * MIB,
      64 * KIB,
    ),
    maxPendingProposals: integer(
      'Proposals of one replica that have not ended, wherever they are. At the bound a proposal gets ERR_SYSTEM_BUSY.',
      65_536,
      1,
      10_000_000,
    ),
    readIndexQueueLength: integer(
      'Linearizable reads of one replica that wait for their index.',
      4096,
      1,
      1_000_000,
    ),
    maxInMemLogBytes: bytes(
      "In-memory log of one replica; above it the replica's proposals get ERR_SYSTEM_BUSY. A group's maxInMemLogSize overrides it.",
      64 * MIB,
      64 * KIB,
    ),
    maxHostMemoryBytes: integer(
      'Entries in memory of all replicas of the host together: queues, and what is not yet both durable and applied. Above three quarters of it, proposals to a group that has more than its share of the last quarter get ERR_SYSTEM_BUSY, and its replica takes no entries while it has some to apply; one proposal alone is always taken. 0 = half of what the heap may take or a quarter of the memory that the process may use, whichever is less, and at least 128 MiB.',
      0,
      0,
      Number.MAX_SAFE_INTEGER,
    ),
    maxReplicateBytes: bytes(
      'Entries in one Replicate message; one entry alone may exceed it.',
      4 * MIB,
      4 * KIB,
      32 * MIB,
    ),
    maxInflightBytes: bytes(
      'Entries on their way to one follower and not yet acknowledged.',
      16 * MIB,
      4 * KIB,
    ),
    maxInflightMessages: integer(
      'Replicate messages on their way to one follower and not yet acknowledged.',
      256,
      1,
      65_536,
    ),
    maxLogReadBytes: bytes(
      'Entries read from the LogDB at a time, for a follower that is behind and at the start of a replica.',
      8 * MIB,
      4 * KIB,
      64 * MIB,
    ),
    maxBatchBytes: bytes('Messages for one host that are sent as one batch.', 4 * MIB, 4 * KIB, 32 * MIB),
    connectionBufferBytes: bytes(
      'What the transport may hold for one slow connection before it takes no more.',
      8 * MIB,
      64 * KIB,
    ),
    connectTimeoutMs: integer('How long connecting to another host may take.', 5000, 10, 600_000),
    breakerMinBackoffMs: integer(
      'First pause before a host that could not be reached is tried again; it doubles each time.',
      100,
      1,
      600_000,
    ),
    breakerMaxBackoffMs: integer('Longest such pause.', 2000, 1, 600_000),
    snapshotWorkerCount: integer('Snapshots of state machines being written at a time.', 4, 1, 1024),
    snapshotWorkerPatienceMs: integer(
      'A snapshot that has been written for longer, since its state machine is slow or hangs, does not count in snapshotWorkerCount while others wait, up to four times that many in all.',
      10_000,
      10,
      3_600_000,
    ),
    maxSnapshotSendCount: integer('Snapshots being sent to other hosts at a time.', 4, 1, 1024),
    maxSnapshotReceiveCount: integer(
      'Snapshots being received at a time; further ones are refused.',
      4,
      1,
      1024,
    ),
    maxSnapshotBytesPerSecond: integer(
      'Bandwidth of all snapshots being sent, in bytes per second; 0 = unlimited.',
      0,
      0,
      Number.MAX_SAFE_INTEGER,
    ),
    snapshotStallTimeoutMs: integer(
      'How long nothing may move in a snapshot stream before it is given up.',
      30_000,
      100,
      3_600_000,
    ),
    diskReserveBytes: integer(
      'Bytes that snapshots leave free for the log on the disk of nodeHostDir; at most a tenth of that disk, or 24 MiB if that is more. A snapshot that would leave less is refused or aborted. When less is free, groups whose logs can not be compacted take neither proposals (ERR_SYSTEM_BUSY) nor entries; below three quarters of it, neither does any group with more than 1 MiB of log since its last snapshot. 0 = not checked.',
      256 * MIB,
      0,
      Number.MAX_SAFE_INTEGER,
    ),
    sealTimeoutMs: integer(
      'Additional time of a clean stop for sealing the data directory: with a seal, `drakkar check` finds every flipped bit. After that time it stays unsealed. 0 = never sealed.',
      5000,
      0,
      3_600_000,
    ),
    stateCheckEntries: integer(
      'Replicas of a group compare hashes of their state every so many applied entries; 0 = never for that reason. Hosts with different values compare at the indexes that they have in common.',
      10_000,
      0,
      1_000_000_000,
    ),
    stateCheckIntervalMs: integer(
      'The leader starts a comparison after this time, too, if entries were applied since; 0 = never.',
      60_000,
      0,
      86_400_000,
    ),
    stopTimeoutMs: integer(
      'Limit for stop(), even if something hangs: replicas have three quarters of it, then the rest is closed, and it rejects with ERR_STOP_TIMEOUT, which says what it waited for. stopCluster() has the same limit for one replica. 0 = indefinitely.',
      60_000,
      0,
      3_600_000,
    ),
  },
  { optional: true },
);

export const DEFAULT_SOFT_SETTINGS: SoftSettings = Object.freeze(
  defaultsOf(softSettingsSchema) as unknown as SoftSettings,
);
