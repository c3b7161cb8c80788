import { readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  type Interruption,
  NodeProcess,
  makeScratchDir,
  planNodes,
  pollUntil,
  removeScratchDir,
} from '@drakkar/proving';
import type { BenchCommands, Measurement } from './commands.js';
import { type MachineFacts, machineFacts } from './machine.js';

export interface BenchRunOptions {
  /** Measured time of each row. */
  seconds: number;
  /** Proposals under way at once; a row for each. */
  inflight: readonly number[];
  payloadBytes: number;
  nodes: number;
  logdb: string;
  transport: string;
  tls: boolean;
  dataDir: string | undefined;
}

export interface Row {
  inflight: number;
  writesPerSecond: number;
  p50Ms: number;
  p99Ms: number;
  failures: number;
  leaderCpuMicrosPerWrite: number;
  /** Mean over the followers. */
  followerCpuMicrosPerWrite: number;
  /** By which the leader's folder grew; nothing is compacted meanwhile. */
  diskBytesPerWrite: number;
}

export interface BenchResult {
  facts: MachineFacts;
  rows: Row[];
}

type Node = NodeProcess<BenchCommands, never>;

const nodeScript = fileURLToPath(new URL('./bench-node.js', import.meta.url));
const START_TIMEOUT_MS = 30_000;
const CALL_TIMEOUT_MS = 5_000;
const BLOCK_BYTES = 512;

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

/** Space that a folder takes up on the disk; holes in files do not count. */
async function usedBytes(folder: string): Promise<number> {
  let used = 0;
  for (const name of await readdir(folder, { recursive: true })) {
    const { blocks, size } = await stat(join(folder, name));
    used += process.platform === 'win32' ? size : blocks * BLOCK_BYTES;
  }
  return used;
}

async function measureRow(
  nodes: readonly Node[],
  inflight: number,
  options: BenchRunOptions,
  dir: string,
): Promise<Row> {
  const { seconds, payloadBytes } = options;
  const leaderID = await waitForLeader(nodes);
  const folder = join(dir, `node-${leaderID}`);
  const usedBefore = await usedBytes(folder);
  const leader = nodes[leaderID - 1] as Node;
  const followers = nodes.filter((node) => node !== leader);
  const warmUpSeconds = seconds / 5;
  const timeoutMs = (seconds + warmUpSeconds) * 1_000 + START_TIMEOUT_MS;
  const measuring = leader.call('measure', { inflight, payloadBytes, warmUpSeconds, seconds }, timeoutMs);
  const cpu = await followersDuring(followers, warmUpSeconds, seconds, measuring);
  const measured: Measurement = await measuring;
  const perWrite = (sum: number): number => sum / Math.max(1, measured.writes);
  const grownBytes = (await usedBytes(folder)) - usedBefore;
  return {
    inflight,
    writesPerSecond: measured.writes / measured.seconds,
    p50Ms: measured.p50Ms,
    p99Ms: measured.p99Ms,
    failures: measured.failures,
    leaderCpuMicrosPerWrite: perWrite(measured.cpuMicros),
    followerCpuMicrosPerWrite: perWrite(cpu / Math.max(1, followers.length)),
    diskBytesPerWrite: grownBytes / Math.max(1, measured.allWrites),
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

/** What the nodes have written of an error to their logs, or else the end of what they have written. */
async function complaintOf(dir: string, nodes: number): Promise<string> {
  const names = Array.from({ length: nodes }, (_, i) => join(dir, `node-${i + 1}.log`));
  const texts = await Promise.all(names.map((name) => readFile(name, 'utf8').catch(() => '')));
  const lines = texts.join('\n').trim().split('\n');
  return lines.find((line) => /^\w*Err\w*\b.*: /.test(line)) ?? lines.at(-1) ?? '';
}

/**
 * Starts the processes, measures a row for each number of proposals under way, and leaves nothing behind. Rejects when
 * a process does not start, or ends by itself, and when the user has enough.
 */
export async function runBench(options: BenchRunOptions, interruption: Interruption): Promise<BenchResult> {
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
      rows.push(await interruption.orEnd(measureRow(nodes, inflight, options, dir)));
    }
    await Promise.all(nodes.map((node) => node.shutDown('shutdown', START_TIMEOUT_MS)));
    return { facts, rows };
  } catch (error) {
    if (interruption.signal.aborted) throw error;
    throw new Error(`${(error as Error).message}: ${await complaintOf(dir, options.nodes)}`, {
      cause: error,
    });
  } finally {
    await Promise.all(nodes.map((node) => node.killHard()));
    await removeScratchDir(dir);
  }
}
