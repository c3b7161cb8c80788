import { fileURLToPath } from 'node:url';
import { CrashRounds, type RoundReport } from './cluster/crash-rounds.js';
import {
  CLUSTER_OPTIONS,
  CLUSTER_OPTIONS_HELP,
  UsageError,
  parseOptions,
  partsOf,
  wholeNumber,
} from './cluster/demo-options.js';
import { Interruption } from './cluster/interruption.js';
import { makeScratchDir, removeScratchDir } from './cluster/scratch-dir.js';

const HELP = `Usage: npm run crash-rounds -- [options]

Round after round: real processes under load, kill -9 of one, two or all of them at a random moment, restart, and a
check that no acknowledged write is lost, all replicas are equal and the history is linearizable.

Options:
  --rounds N     (default 20; 1 to 100000)
  --seed N       decides who is killed and when; the machine's timing is its own (default: from the clock)
  --nodes N      processes (default 3; 3 to 9)
  --clients N    (default 12; 3 to 300)
  --payload N    bytes of a value (default 16; 8 to 65536)
  ${CLUSTER_OPTIONS_HELP}
  --help         this text`;

const nodeScript = fileURLToPath(new URL('./cluster-node.js', import.meta.url));
const totals = { rounds: 0, acknowledgedWrites: 0, unknownOutcomes: 0, reads: 0 };

function show(report: RoundReport, rounds: number): void {
  const failed = report.checks.filter(({ isGood }) => !isGood);
  totals.rounds += 1;
  totals.acknowledgedWrites += report.acknowledgedWrites;
  totals.unknownOutcomes += report.unknownOutcomes;
  totals.reads += report.reads;
  const verdict = failed.length === 0 ? 'ok    ' : 'FAILED';
  const counts = `${report.acknowledgedWrites} writes, ${report.unknownOutcomes} unknown, ${report.reads} reads`;
  console.log(`${verdict} round ${report.round} of ${rounds}: ${report.description}: ${counts}`);
  for (const { name, detail } of failed) console.log(`       ${name}: ${detail}`);
}

async function main(): Promise<number> {
  const values = parseOptions(process.argv.slice(2), {
    rounds: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    nodes: { type: 'string', default: '3' },
    clients: { type: 'string', default: '12' },
    payload: { type: 'string', default: '16' },
    ...CLUSTER_OPTIONS,
    help: { type: 'boolean', default: false },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const rounds = wholeNumber('rounds', values.rounds, 1, 100_000);
  const seed = wholeNumber('seed', values.seed, 0, 2 ** 32 - 1);
  const sizes = {
    nodes: wholeNumber('nodes', values.nodes, 3, 9),
    clients: wholeNumber('clients', values.clients, 3, 300),
    payloadBytes: wholeNumber('payload', values.payload, 8, 65_536),
  };
  const interruption = new Interruption();
  const dir = await makeScratchDir(values['data-dir'], 'crash');
  const parts = partsOf(values);
  const crashRounds = new CrashRounds({ rounds, seed, ...sizes, ...parts, dir, nodeScript });
  console.log(`${rounds} rounds, seed ${seed}`);
  let isGood = false;
  try {
    isGood = await crashRounds.play((report) => show(report, rounds), interruption.signal);
  } catch (error) {
    if (!interruption.signal.aborted) console.error(error instanceof Error ? error.message : error);
  }
  const { acknowledgedWrites, unknownOutcomes, reads } = totals;
  console.log(
    `${totals.rounds} rounds: ${acknowledgedWrites} writes acknowledged, ${unknownOutcomes} of unknown outcome, ${reads} reads`,
  );
  if (interruption.signal.aborted) {
    await removeScratchDir(dir);
    return interruption.exitCode;
  }
  if (isGood) await removeScratchDir(dir);
  else console.log(`FAILED. Again with --seed ${seed}. Data, journals and logs are in ${dir}`);
  return isGood ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\nnpm run crash-rounds -- --help lists the options.`);
  process.exitCode = 2;
}
