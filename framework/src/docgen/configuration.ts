import { clusterSchema } from '../config/cluster-schema.js';
import { type JsonSchema, describeAllowed } from '../config/json-schema.js';
import { nodeHostSchema } from '../config/node-host-schema.js';
import { markdownTable } from './markdown.js';

const ALLOWED_OF_OBJECT = 'an object';

function defaultCell(schema: JsonSchema, required: boolean): string {
  if (required) return '**required**';
  if (schema.defaultText !== undefined) return schema.defaultText;
  if (schema.default === undefined || schema.type === 'object') return '';
  return `\`${typeof schema.default === 'string' ? schema.default : JSON.stringify(schema.default)}\``;
}

function allowedCell(schema: JsonSchema): string {
  if (schema.type === 'object') return ALLOWED_OF_OBJECT;
  if (schema.type === 'array' && schema.items !== undefined)
    return `a list; each ${describeAllowed(schema.items)}`;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(', ');
  if (schema.maximum === Number.MAX_SAFE_INTEGER) return `an integer of at least ${schema.minimum ?? 0}`;
  return describeAllowed(schema);
}

function rows(schema: JsonSchema, prefix: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, property]) => {
    const path = `${prefix}${key}`;
    const required = schema.required?.includes(key) ?? false;
    const row = [`\`${path}\``, allowedCell(property), defaultCell(property, required), property.description];
    return [row, ...rows(property, `${path}.`)];
  });
}

function table(schema: JsonSchema, prefix = ''): string {
  return markdownTable(['key', 'allowed', 'default', 'meaning'], rows(schema, prefix));
}

const INTRODUCTION = `# Configuration

<!-- Made from the schemas by \`npm run docs\`; a test compares. Change the schemas, not this file. -->

A NodeHost takes the path of one YAML or JSON file, or one object with the same keys. It is checked before anything is
opened, and all mistakes are reported together, each with its path, its value, what is allowed, and what was probably
meant. Relative paths are relative to the file; those of an object to the current folder.

\`\`\`yaml
raftAddress: 10.0.0.1:63001
nodeHostDir: ./data
logdb:
  module: lmdb
transport:
  module: ws
\`\`\`
`;

const RULES_NODE_HOST = `Further rules:

- With \`mutualTls\`, all of \`caFile\`, \`certFile\` and \`keyFile\` are required, and must be files that can be read.
- \`raftAddress\` is an address that other hosts reach: not \`0.0.0.0\` or \`[::]\`; those are for \`listenAddress\`.
- \`settings.maxInflightBytes\` is at least \`settings.maxReplicateBytes\`; \`settings.breakerMaxBackoffMs\` is at least
  \`settings.breakerMinBackoffMs\`.
- \`raftAddress\`, \`deploymentId\`, \`hardSettings\`, the LogDB, and whether there is a \`walDir\` belong to the data: they are
  kept in the data directory, and a host that is started with others is refused.
- A module name is looked up from the folder of the configuration file first, then from the current folder. A module is
  anything that exports an \`adapterModule\`.`;

const RULES_CLUSTER = `Further rules:

- \`electionRTT\` is more than twice \`heartbeatRTT\`; less than ten times is logged as a warning.
- \`maxInMemLogSize\` is 0, or more than an empty entry takes.`;

/** The text of docs/configuration.md. */
export function configurationDocs(): string {
  const settings = nodeHostSchema.properties?.['settings'];
  const hard = nodeHostSchema.properties?.['hardSettings'];
  const { settings: _settings, hardSettings: _hard, ...properties } = nodeHostSchema.properties ?? {};
  return [
    INTRODUCTION,
    '## NodeHost\n',
    `${table({ ...nodeHostSchema, properties })}\n`,
    `${RULES_NODE_HOST}\n`,
    '## `settings`\n',
    `${settings?.description ?? ''}\n`,
    `${settings === undefined ? '' : table(settings, 'settings.')}\n`,
    '## `hardSettings`\n',
    `${hard?.description ?? ''}\n`,
    `${hard === undefined ? '' : table(hard, 'hardSettings.')}\n`,
    '## Groups\n',
    'Each replica is started with a configuration of its own, an object. Times are in ticks of `rttMillisecond`.\n',
    `${table(clusterSchema)}\n`,
    `${RULES_CLUSTER}\n`,
  ].join('\n');
}
