import { parseArgs } from 'node:util';

/** What the processes of a cluster are made of. */
export interface ClusterParts {
  logdb: string;
  transport: string;
  tls: boolean;
}

export interface DemoOptions extends ClusterParts {
  seconds: number;
  clients: number;
  payloadBytes: number;
  nodes: number;
  /** Undefined: a folder of the project. */
  dataDir: string | undefined;
  keep: boolean;
  json: boolean;
}

export const DEMO_HELP = `Usage: npm start -- [options]

Runs a cluster of real processes on this machine, writes and reads from many clients, kills the leader with kill -9,
starts it again, and then checks that nothing was lost and nothing contradicts itself.

Options:
  --seconds N      how long the clients work (default 20; 5 to 3600)
  --clients N      clients in all, two thirds of them writers (default 48; 3 to 3000)
  --payload N      bytes of a value (default 16; 8 to 65536)
  --nodes N        processes (default 3; 3 to 9)
  --logdb M        storage: lmdb, leveldb, or a package or a path of yours (default lmdb)
  --transport M    transport: ws, tcp, grpc, quic, or a package or a path of yours (default ws)
  --tls            mutual TLS between the processes, with certificates made for this run
  --data-dir DIR   where to make the folder for data and logs (default: .drakkar-data in the project)
  --keep           leave that folder behind
  --json           figures and checks as JSON on standard output, progress on standard error
  --help           this text`;

export class UsageError extends Error {}

/** A whole number option within its bounds. */
export function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw new UsageError(`--${name} must be a whole number from ${min} to ${max}, found "${text}"`);
  }
  return value;
}

type StringOptions = Record<
  string,
  { type: 'string'; default?: string } | { type: 'boolean'; default: boolean }
>;

/** `parseArgs`, with what it has to say turned into a UsageError. */
export function parseOptions<T extends StringOptions>(
  args: readonly string[],
  options: T,
): ReturnType<
  typeof parseArgs<{ options: T; args: string[]; strict: true; allowPositionals: false }>
>['values'] {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** For `parseOptions`: the options that `partsOf` understands, and the folder for data. */
export const CLUSTER_OPTIONS = {
  logdb: { type: 'string', default: 'lmdb' },
  transport: { type: 'string', default: 'ws' },
  tls: { type: 'boolean', default: false },
  'data-dir': { type: 'string' },
} as const;

/** A line of help for them. */
export const CLUSTER_OPTIONS_HELP = '--logdb M, --transport M, --tls, --data-dir DIR    as for npm start';

/** @throws UsageError */
export function partsOf({ logdb, transport, tls }: ClusterParts): ClusterParts {
  return { logdb: moduleName('logdb', logdb), transport: moduleName('transport', transport), tls };
}

/** Undefined when help was asked for. @throws UsageError */
export function parseDemoOptions(args: readonly string[]): DemoOptions | undefined {
  const values = parseOptions(args, {
    seconds: { type: 'string', default: '20' },
    clients: { type: 'string', default: '48' },
    payload: { type: 'string', default: '16' },
    nodes: { type: 'string', default: '3' },
    ...CLUSTER_OPTIONS,
    keep: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  });
  if (values.help) return undefined;
  return {
    seconds: wholeNumber('seconds', values.seconds, 5, 3_600),
    clients: wholeNumber('clients', values.clients, 3, 3_000),
    payloadBytes: wholeNumber('payload', values.payload, 8, 65_536),
    nodes: wholeNumber('nodes', values.nodes, 3, 9),
    ...partsOf(values),
    dataDir: values['data-dir'],
    keep: values.keep,
    json: values.json,
  };
}

function moduleName(option: string, text: string): string {
  if (text.trim() === '') throw new UsageError(`--${option} must name a module`);
  return text;
}
