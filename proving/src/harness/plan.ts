import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { isAbsolute, join, resolve } from 'node:path';
import { type HostFiles, writeCertificates } from '@drakkar/cli';
import type { ClusterConfigInput } from '@drakkar/framework';

export const CLUSTER_ID = 1;
/** Length of a tick. An election starts after 10 to 20 of them without a word from the leader. */
const RTT_MS = 30;
const LOOPBACK = '127.0.0.1';
/** Longer than any run. */
const CERTIFICATE_DAYS = 30;

/** What a node's process is told on its command line, as JSON. */
export interface NodePlan {
  nodeID: number;
  configPath: string;
  members: [nodeID: number, raftAddress: string][];
}

/** Snapshots are far more frequent than anyone would want them, so that they are in the way of every crash. */
export function groupConfig(nodeID: number): ClusterConfigInput {
  return {
    clusterID: CLUSTER_ID,
    nodeID,
    electionRTT: 10,
    heartbeatRTT: 1,
    checkQuorum: true,
    preVote: true,
    snapshotEntries: 500,
    compactionOverhead: 100,
  };
}

export interface PlanOptions {
  /** Existing folder for configuration files and data. */
  dir: string;
  nodes: number;
  logdb: string;
  transport: string;
  /** Whether hosts talk by mutual TLS, with a CA and certificates made for them. */
  tls?: boolean;
}

/** Finds ports and writes a configuration file and a data folder for each node, 1 to `nodes`. */
export async function planNodes(options: PlanOptions): Promise<NodePlan[]> {
  const { dir, nodes, logdb, transport } = options;
  const ports = await freePorts(nodes);
  const members = ports.map((port, i): [number, string] => [i + 1, `${LOOPBACK}:${port}`]);
  const certificates = options.tls === true ? await makeCertificates(dir, nodes) : [];
  return await Promise.all(
    members.map(async ([nodeID, raftAddress]) => {
      const configPath = join(dir, `node-${nodeID}.yaml`);
      const nodeHostDir = join(dir, `node-${nodeID}`);
      await mkdir(nodeHostDir, { recursive: true });
      const certificate = certificates[nodeID - 1];
      await writeFile(configPath, configYAML({ raftAddress, nodeHostDir, logdb, transport, certificate }));
      return { nodeID, configPath, members };
    }),
  );
}

/** As `drakkar certs` makes them, one for each node, all of them for the address that all nodes have. */
export async function makeCertificates(dir: string, nodes: number): Promise<HostFiles[]> {
  const written = await writeCertificates({
    outDir: join(dir, 'certs'),
    hosts: Array.from({ length: nodes }, (_, i) => `node-${i + 1}`),
    alsoNames: [LOOPBACK, 'drakkar.internal'],
    days: CERTIFICATE_DAYS,
    replace: true,
  });
  return written.hosts;
}

/** A NodeHost's configuration file. JSON strings are YAML strings, so that any path may stand in it. */
function configYAML(config: {
  raftAddress: string;
  nodeHostDir: string;
  logdb: string;
  transport: string;
  certificate: HostFiles | undefined;
}): string {
  const { certificate } = config;
  return [
    `raftAddress: ${JSON.stringify(config.raftAddress)}`,
    `nodeHostDir: ${JSON.stringify(config.nodeHostDir)}`,
    `rttMillisecond: ${RTT_MS}`,
    'deploymentId: 1',
    'logdb:',
    `  module: ${JSON.stringify(modulePath(config.logdb))}`,
    'transport:',
    `  module: ${JSON.stringify(modulePath(config.transport))}`,
    ...(certificate === undefined
      ? []
      : [
          'mutualTls: true',
          `caFile: ${JSON.stringify(certificate.caFile)}`,
          `certFile: ${JSON.stringify(certificate.certFile)}`,
          `keyFile: ${JSON.stringify(certificate.keyFile)}`,
        ]),
    'log:',
    '  level: warn',
    '',
  ].join('\n');
}

/** A path is meant relative to where the user is, not to the file that it is written to. */
function modulePath(module: string): string {
  return module.startsWith('.') && !isAbsolute(module) ? resolve(module) : module;
}

/**
 * Below the range from which systems take ports for outgoing connections: otherwise one could take the port of a node
 * that is down for a moment, or a node that knocks on the port of another could end up connected to itself.
 */
const LOWEST_PORT = 20_000;
const PORTS_EACH = 1000;
const PROCESSES = 12;

/** Programs that run beside each other look for ports in different places: one may look at what another has just found. */
const place = Number(process.env['JEST_WORKER_ID'] ?? process.pid) % PROCESSES;
let next = Math.floor(Math.random() * PORTS_EACH);

/** Different ports of the loopback interface that nothing listens on now. */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let tries = 0; tries < PORTS_EACH && ports.length < count; tries += 1) {
    const port = LOWEST_PORT + place * PORTS_EACH + next;
    next = (next + 1) % PORTS_EACH;
    if (await isFree(port)) ports.push(port);
  }
  if (ports.length < count) throw new Error(`found no ${count} free ports`);
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return await new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, LOOPBACK, () => server.close(() => resolve(true)));
  });
}
