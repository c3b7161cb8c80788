import {
  CLUSTER_OPTIONS,
  CLUSTER_OPTIONS_HELP,
  Interruption,
  UsageError,
  parseOptions,
  partsOf,
  wholeNumber,
} from '@drakkar/proving';
import { type BenchRunOptions, type Row, runBench } from './bench-run.js';
import type { MachineFacts } from './machine.js';

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

interface BenchOptions extends BenchRunOptions {
  json: boolean;
}

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

function printTable(facts: MachineFacts, options: BenchOptions, rows: readonly Row[]): void {
  const { node, platform, cpuCount, cpu, fileSystemType, syncP50Ms, syncP99Ms } = facts;
  console.log(`Node.js ${node}, ${platform}, ${cpuCount} x ${cpu}`);
  console.log(
    `file system 0x${fileSystemType}, append and fdatasync alone: p50 ${syncP50Ms.toFixed(2)} ms, p99 ${syncP99Ms.toFixed(2)} ms`,
  );
  console.log(
    `${options.nodes} processes, ${options.logdb} (synced), ${options.transport}${options.tls ? ' with mutual TLS' : ''}, payload ${options.payloadBytes} bytes, ${options.seconds} s a row\n`,
  );
  const cells = rows.map((row) => [
    row.inflight.toLocaleString('en'),
    Math.round(row.writesPerSecond).toLocaleString('en'),
    row.p50Ms.toFixed(2),
    row.p99Ms.toFixed(2),
    row.leaderCpuMicrosPerWrite.toFixed(1),
    row.followerCpuMicrosPerWrite.toFixed(1),
    Math.round(row.diskBytesPerWrite).toLocaleString('en'),
    String(row.failures),
  ]);
  const head = [
    'in flight',
    'writes/s',
    'p50 ms',
    'p99 ms',
    'leader µs/write',
    'follower µs/write',
    'disk B/write',
    'failures',
  ];
  for (const line of [head, ...cells]) {
    console.log(line.map((cell, i) => cell.padStart((head[i] as string).length + 2)).join(''));
  }
}

async function main(options: BenchOptions): Promise<number> {
  const interruption = new Interruption();
  try {
    const { facts, rows } = await runBench(options, interruption);
    if (options.json) console.log(JSON.stringify({ facts, options, rows }, null, 2));
    else printTable(facts, options, rows);
    return rows.every(({ writesPerSecond }) => writesPerSecond > 0) ? 0 : 1;
  } catch (error) {
    if (interruption.signal.aborted) return interruption.exitCode;
    console.error(error instanceof Error ? error.message : error);
    return 1;
  } finally {
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
