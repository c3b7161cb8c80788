import { LOG_LEVELS, LOG_MODULES, type LogModule } from '../logging/logger.js';
import { softSettingsSchema } from './soft-schema.js';
import { DEFAULT_LRU_MAX_SESSION_COUNT } from './hard.js';
import { UNMANAGED_DEPLOYMENT_ID } from '@drakkar/raftio';
import { type JsonSchema, objectSchema } from './json-schema.js';
import type { AdapterConfig, HardSettingsConfig, LogConfig, NodeHostConfig } from './node-host-config.js';

const MIB = 1024 * 1024;
const ADDRESS = 'host:port, as in "10.0.0.1:63001", "node-1.example.com:63001" or "[::1]:63001"';

const text = (description: string, extra: Partial<JsonSchema> = {}): JsonSchema => ({
  type: 'string',
  description,
  minLength: 1,
  ...extra,
});
const path = (description: string, extra: Partial<JsonSchema> = {}): JsonSchema =>
  text(description, { allowed: 'a path, absolute or relative to the configuration file', ...extra });

const adapter = (what: string, fallback: string, shortNames: string): JsonSchema =>
  objectSchema<AdapterConfig>(
    `The ${what} and its options.`,
    {
      module: text(
        `Which ${what}: a short name (${shortNames}), the name of an installed package, or a path that starts with ./ or ../ or is absolute. In code, also the adapter module itself.`,
        { default: fallback, allowed: 'a short name, a package name, a path, or in code an adapter module' },
      ),
      options: {
        type: 'object',
        description:
          "Options of the adapter, checked against the adapter's own schema; see its documentation.",
        default: {},
      },
    },
    { optional: true },
  );

const level = (description: string, extra: Partial<JsonSchema> = {}): JsonSchema => ({
  type: 'string',
  description,
  enum: LOG_LEVELS,
  ...extra,
});

const moduleLevels = Object.fromEntries(
  LOG_MODULES.map((name) => [name, level(`Level of ${name}.`, { defaultText: '`log.level`' })]),
) as Record<LogModule, JsonSchema>;

/** What may stand in a NodeHost's configuration. Rules that concern several keys are in node-host-rules.ts. */
export const nodeHostSchema: JsonSchema = objectSchema<NodeHostConfig>(
  'Configuration of a NodeHost.',
  {
    raftAddress: text(
      "Address by which other hosts reach this one; it is the host's identity in memberships, and its data directory belongs to it.",
      { allowed: ADDRESS },
    ),
    listenAddress: text('Address to listen on, where it differs, as behind address translation.', {
      allowed: ADDRESS,
      defaultText: '`raftAddress`',
    }),
    nodeHostDir: path('Folder for all data of this host. Made when missing; it belongs to this host alone.'),
    walDir: path(
      'Folder for the part of the log that is written most often, on a faster disk. Can not be changed once there is data.',
      { defaultText: 'within `nodeHostDir`' },
    ),
    rttMillisecond: {
      type: 'integer',
      description:
        'Length of a tick in milliseconds: about the round-trip time between hosts, all processing included. Election and heartbeat times of groups are counted in it.',
      default: 100,
      minimum: 1,
      maximum: 60_000,
    },
    deploymentId: {
      type: 'integer',
      description:
        'Hosts exchange messages only within the same deployment. Can not be changed once there is data.',
      default: UNMANAGED_DEPLOYMENT_ID,
      minimum: 1,
      maximum: Number.MAX_SAFE_INTEGER,
    },
    mutualTls: {
      type: 'boolean',
      description:
        "Encrypts the traffic between hosts and authenticates both sides against the deployment's own CA. Needs `caFile`, `certFile` and `keyFile`.",
      default: false,
    },
    caFile: path('Certificate of the CA, PEM.', { defaultText: 'none' }),
    certFile: path('Certificate of this host, PEM.', { defaultText: 'none' }),
    keyFile: path('Private key of this host, PEM.', { defaultText: 'none' }),
    crlFile: path(
      'Certificates that their CA has revoked: PEM, or one list in DER. Read again when it has changed; connections of a revoked certificate are closed.',
      { defaultText: 'none' },
    ),
    allowedPeers: {
      type: 'array',
      description:
        'When present, only certificates that match one of these are accepted, and `hosts` says for whom they speak beside the hosts that they name. See docs/security.md.',
      defaultText: 'every certificate of the CA, for the hosts that it names',
      items: {
        type: 'object',
        description: 'Certificates that are accepted.',
        additionalProperties: false,
        required: ['identity'],
        properties: {
          identity: {
            type: 'string',
            description: '`DNS:name`, `IP:address`, `URI:uri`, `CN:name` or `SHA256:fingerprint`.',
            minLength: 1,
          },
          hosts: {
            type: 'array',
            description: 'Names or IP addresses; `*` for any.',
            items: { type: 'string', minLength: 1, description: 'Name or IP address.' },
          },
        },
      },
    },
    allowPlaintext: {
      type: 'boolean',
      description:
        'Silences the warning that a host without `mutualTls` gives when it can be reached from other machines.',
      defaultText: '`false`',
    },
    allowNetworkFileSystem: {
      type: 'boolean',
      description:
        'Allows a data directory on a network file system, where its lock does not exclude a host on another machine.',
      defaultText: '`false`',
    },
    logdb: adapter('LogDB', 'lmdb', '`lmdb`, `leveldb`, `wal`'),
    transport: adapter('transport', 'ws', '`ws`, `tcp`, `grpc`, `quic`'),
    masterServers: {
      type: 'array',
      description:
        'Addresses of the master servers of the deployment. Checked, but without effect in this release, which says so in its log.',
      items: text('Address of a master server.', { allowed: ADDRESS }),
      uniqueItems: true,
      default: [],
    },
    maxSendQueueSize: {
      type: 'integer',
      description:
        'Bytes of messages held for one other host; what comes above it is dropped, and sent again by Raft.',
      default: 64 * MIB,
      minimum: MIB,
      maximum: 4096 * MIB,
    },
    maxReceiveQueueSize: {
      type: 'integer',
      description: 'Bytes of received messages held for one replica; what comes above it is dropped.',
      default: 64 * MIB,
      minimum: MIB,
      maximum: 4096 * MIB,
    },
    log: objectSchema<LogConfig>(
      'Logging.',
      {
        level: level('Least severe level that is logged.', { default: 'info' }),
        modules: objectSchema<Record<LogModule, string>>(
          'Levels of single parts of the framework, where they differ.',
          moduleLevels,
          { optional: true },
        ),
      },
      { optional: true },
    ),
    settings: softSettingsSchema,
    hardSettings: objectSchema<HardSettingsConfig>(
      'Settings that must be the same on every host of the deployment and can not be changed once there is data.',
      {
        lruMaxSessionCount: {
          type: 'integer',
          description:
            'Client sessions that each group keeps; the least recently used one is evicted when there are more. What a new group begins with: from feature level 1 on the group has it in its log.',
          default: DEFAULT_LRU_MAX_SESSION_COUNT,
          minimum: 1,
          maximum: 1_000_000,
        },
      },
      { optional: true },
    ),
  },
  { required: ['raftAddress', 'nodeHostDir'] },
);
