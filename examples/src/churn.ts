import { fileURLToPath } from 'node:url';
import { type ChurnReport, ChurnRounds, MAX_ROUNDS } from './cluster/churn-rounds.js';
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

const HELP = `Usage: npm run churn -- [options]

Round after round: nodes of one group are added, observed, promoted, deleted and given the leadership at random, on
real processes under load, with kill -9 and restarts in between and small snapshots; then a check that no acknowledged
write is lost, all replicas and memberships are equal, and every member serves.

Options:
  --rounds N     (default 10; 1 to ${MAX_ROUNDS - 1})
  --seed N       decides what happens and when; the machine's timing is its own (default: from the clock)
  --hosts N      processes (default 5; 4 to 9)
  --writers N, --readers N    clients of each member (default 2 and 1)
  --payload N    bytes of a value (default 1024; 8 to 65536)
  ${CLUSTER_OPTIONS_HELP}
  --help         this text`;

const nodeScript = fileURLToPath(new URL('./churn-node.js', import.meta.url));
const totals = { rounds: 0, acknowledgedWrites: 0, unknownOutcomes: 0, reads: 0 };

function show(report: ChurnReport, rounds: number): void {
  const failed = report.checks.filter(({ isGood }) => !isGood);
  totals.rounds += 1;
  totals.acknowledgedWrites += report.acknowledgedWrites;
  totals.unknownOutcomes += report.unknownOutcomes;
  totals.reads += report.reads;
  const verdict = failed.length === 0 ? 'ok    ' : 'FAILED';
  const counts = `${report.acknowledgedWrites} writes, ${report.unknownOutcomes} unknown, ${report.reads} reads`;
  const members = `voters ${report.voters.join(', ')}; observers ${report.observers.join(', ') || 'none'}`;
  console.log(`${verdict} round ${report.round} of ${rounds}: ${counts}; ${members}`);
  for (const step of report.steps) console.log(`         ${step}`);
  for (const { name, detail } of failed) console.log(`       ${name}: ${detail}`);
}

function summarize(rounds: ChurnRounds): void {
  const { acknowledgedWrites, unknownOutcomes, reads } = totals;
  console.log(
    `${totals.rounds} rounds: ${acknowledgedWrites} writes acknowledged, ${unknownOutcomes} of unknown outcome, ${reads} reads`,
  );
  if (rounds.counts === undefined) return;
  const { actions, kills, installs, removedAlive, stoppedThemselves } = rounds.counts;
  const told = Object.entries(actions).map(([kind, count]) => `${count} ${kind}`);
  console.log(
    `${told.join(', ')}; ${kills} kills; ${installs} snapshots streamed and installed; ${stoppedThemselves} of ${removedAlive} removed nodes that ran stopped by themselves within 3 s`,
  );
}

async function main(): Promise<number> {
  const values = parseOptions(process.argv.slice(2), {
    rounds: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    hosts: { type: 'string', default: '5' },
    writers: { type: 'string', default: '2' },
    readers: { type: 'string', default: '1' },
    payload: { type: 'string', default: '1024' },
    ...CLUSTER_OPTIONS,
    help: { type: 'boolean', default: false },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const rounds = wholeNumber('rounds', values.rounds, 1, MAX_ROUNDS - 1);
  const seed = wholeNumber('seed', values.seed, 0, 2 ** 32 - 1);
  const sizes = {
    nodes: wholeNumber('hosts', values.hosts, 4, 9),
    writers: wholeNumber('writers', values.writers, 1, 100),
    readers: wholeNumber('readers', values.readers, 1, 100),
    payloadBytes: wholeNumber('payload', values.payload, 8, 65_536),
  };
  const interruption = new Interruption();
  const dir = await makeScratchDir(values['data-dir'], 'churn');
  const parts = partsOf(values);
  const churn = new ChurnRounds({ rounds, seed, ...sizes, ...parts, dir, nodeScript });
  console.log(`${rounds} rounds, seed ${seed}`);
  let isGood = false;
  try {
    isGood = await churn.play((report) => show(report, rounds), interruption.signal);
  } catch (error) {
    if (!interruption.signal.aborted) console.error(error instanceof Error ? error.message : error);
  }
  summarize(churn);
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
  console.error(`${error.message}\n\nnpm run churn -- --help lists the options.`);
  process.exitCode = 2;
}
