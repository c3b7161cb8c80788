import {
  CLUSTER_OPTIONS,
  type ClusterParts,
  parseOptions,
  partsOf,
  wholeNumber,
} from '../harness/options.js';

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
