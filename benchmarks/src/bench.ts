import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  CLUSTER_OPTIONS,
  CLUSTER_OPTIONS_HELP,
  type ClusterParts,
  Interruption,
  NodeProcess,
  UsageError,
  makeScratchDir,
  parseOptions,
  partsOf,
  planNodes,
  pollUntil,
  removeScratchDir,
  wholeNumber,
} from '@drakkar/examples';
import type { BenchCommands, Measurement } from './commands.js';
import { type MachineFacts, machineFacts } from './machine.js';

const HELP = `Usage: npm run bench -- [options]

Three processes on this machine replicate one group, every write synced; proposals are made in the leader's process,
without client sessions.

Options:
  --seconds N        measured time of each row (default 5; 1 to 600), after a warm-up of a fifth of it
  --inflight A,B,…   proposals under way at once, a row for each (default 1,256,1024)
  --payload N        bytes of a command (default 16; 0 to 65536)
  --nodes N          processes (default 3; 1 to 9)
  ${CLUSTER_OPTIONS_HELP}
  --json             one JSON document instead of a table
  --help             this text`;

interface BenchOptions extends ClusterParts {
  seconds: number;
  inflight: number[];
  payloadBytes: number;
  nodes: number;
  dataDir: string | undefined;
  json: boolean;
}

interface Row {
  inflight: number;
  writesPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  failures: number;
  leaderCpuMicrosPerWrite: number;
  /** Mean over the followers. */
  followerCpuMicrosPerWrite: number;
}

type Node = NodeProcess<BenchCommands, never>;

const nodeScript = fileURLToPath(new URL('./bench-node.js', import.meta.url));
const START_TIMEOUT_MS = 30_000;
const CALL_TIMEOUT_MS = 5_000;

function parseBenchOptions(args: readonly string[]): BenchOptions | undefined {
  const values = parseOptions(args, {
    seconds: { type: 'string', default: '5' },
    inflight: { type: 'string', default: '1,256,1024' },
    payload: { type: 'string', default: '16' },
    nodes: { type: 'string', default: '3' },
    ...CLUSTER_OPTIONS,
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  });
  if (values.help) return undefined;
  return {
    seconds: wholeNumber('seconds', values.seconds, 1, 600),
    inflight: values.inflight.split(',').map((text) => wholeNumber('inflight', text, 1, 100_000)),
    payloadBytes: wholeNumber('payload', values.payload, 0, 65_536),
    nodes: wholeNumber('nodes', values.nodes, 1, 9),
    ...partsOf(values),
    dataDir: values['data-dir'],
    json: values.json,
  };
}

async function waitForLeader(nodes: readonly Node[]): Promise<number> {
  return await pollUntil(START_TIMEOUT_MS, 'no leader', async () => {
    const named = await Promise.all(nodes.map((node) => node.call('leader', null, CALL_TIMEOUT_MS)));
    const [first = 0] = named;
    return first !== 0 && named.every((leaderID) => leaderID === first) ? first : undefined;
  });
}

/** User and system time of all nodes but the leader, in microseconds. */
async function followersCpu(followers: readonly Node[]): Promise<number> {
  const used = await Promise.all(followers.map((node) => node.call('cpu', null, CALL_TIMEOUT_MS)));
  return used.reduce((sum, micros) => sum + micros, 0);
}

async function measureRow(nodes: readonly Node[], inflight: number, options: BenchOptions): Promise<Row> {
  const { seconds, payloadBytes } = options;
  const leaderID = await waitForLeader(nodes);
  const leader = nodes[leaderID - 1] as Node;
  const followers = nodes.filter((node) => node !== leader);
  const warmUpSeconds = seconds / 5;
  const timeoutMs = (seconds + warmUpSeconds) * 1_000 + START_TIMEOUT_MS;
  const measuring = leader.call('measure', { inflight, payloadBytes, warmUpSeconds, seconds }, timeoutMs);
  const cpu = await followersDuring(followers, warmUpSeconds, seconds, measuring);
  const measured: Measurement = await measuring;
  const perWrite = (micros: number): number => micros / Math.max(1, measured.writes);
  return {
    inflight,
    writesPerSecond: measured.writes / measured.seconds,
    p50Ms: measured.p50Ms,
    p99Ms: measured.p99Ms,
    failures: measured.failures,
    leaderCpuMicrosPerWrite: perWrite(measured.cpuMicros),
    followerCpuMicrosPerWrite: perWrite(cpu / Math.max(1, followers.length)),
  };
}

/** Asks the followers for their processor time at both ends of the measured time, as near as messages allow. */
async function followersDuring(
  followers: readonly Node[],
  warmUpSeconds: number,
  seconds: number,
  measuring: Promise<unknown>,
): Promise<number> {
  const failure = measuring.then(() => new Promise<never>(() => {}));
  const after = async (delaySeconds: number): Promise<number> => {
    await Promise.race([delay(delaySeconds * 1_000), failure]);
    return await followersCpu(followers);
  };
  const [before, end] = await Promise.all([after(warmUpSeconds), after(warmUpSeconds + seconds)]);
  return end - before;
}

function printTable(facts: MachineFacts, options: BenchOptions, rows: readonly Row[]): void {
  const { node, platform, cpuCount, cpu, fileSystemType, syncP50Ms, syncP99Ms } = facts;
  console.log(`Node.js ${node}, ${platform}, ${cpuCount} x ${cpu}`);
  console.log(
    `file system 0x${fileSystemType}, append and fdatasync alone: p50 ${syncP50Ms.toFixed(2)} ms, p99 ${syncP99Ms.toFixed(2)} ms`,
  );
  console.log(
    `${options.nodes} processes, ${options.logdb} (synced), ${options.transport}${options.tls ? ' with TLS' : ''}, payload ${options.payloadBytes} bytes, ${options.seconds} s a row\n`,
  );
  const cells = rows.map((row) => [
    row.inflight.toLocaleString('en'),
    Math.round(row.writesPerSecond).toLocaleString('en'),
    row.p50Ms.toFixed(2),
    row.p99Ms.toFixed(2),
    row.leaderCpuMicrosPerWrite.toFixed(1),
    row.followerCpuMicrosPerWrite.toFixed(1),
    String(row.failures),
  ]);
  const head = [
    'in flight',
    'writes/s',
    'p50 ms',
    'p99 ms',
    'leader µs/write',
    'follower µs/write',
    'failures',
  ];
  for (const line of [head, ...cells]) {
    console.log(line.map((cell, i) => cell.padStart((head[i] as string).length + 2)).join(''));
  }
}

async function main(options: BenchOptions): Promise<number> {
  const interruption = new Interruption();
  const dir = await makeScratchDir(options.dataDir, 'bench');
  const nodes: Node[] = [];
  try {
    const facts = machineFacts(dir);
    for (const plan of await planNodes({ ...options, dir })) {
      const logPath = join(dir, `node-${plan.nodeID}.log`);
      nodes.push(new NodeProcess({ script: nodeScript, args: [JSON.stringify(plan)], logPath }));
    }
    await interruption.orEnd(Promise.all(nodes.map((node) => node.ready(START_TIMEOUT_MS))));
    const rows: Row[] = [];
    for (const inflight of options.inflight) {
      rows.push(await interruption.orEnd(measureRow(nodes, inflight, options)));
    }
    await Promise.all(nodes.map((node) => node.shutDown('shutdown', START_TIMEOUT_MS)));
    if (options.json) console.log(JSON.stringify({ facts, options, rows }, null, 2));
    else printTable(facts, options, rows);
    return rows.every(({ writesPerSecond }) => writesPerSecond > 0) ? 0 : 1;
  } catch (error) {
    if (interruption.signal.aborted) return interruption.exitCode;
    console.error(error instanceof Error ? error.message : error);
    return 1;
  } finally {
    await Promise.all(nodes.map((node) => node.killHard()));
    await removeScratchDir(dir);
    interruption.dispose();
  }
}

try {
  const options = parseBenchOptions(process.argv.slice(2));
  if (options === undefined) console.log(HELP);
  else process.exitCode = await main(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\nnpm run bench -- --help lists the options.`);
  process.exitCode = 2;
}
