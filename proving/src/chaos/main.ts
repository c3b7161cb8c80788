import { fileURLToPath } from 'node:url';
import { CHAOS_HELP, type ChaosOptions, parseChaosOptions } from './options.js';
import type { Round } from './round.js';
import { ChaosRun } from './run.js';
import { missingFaults, renderTable } from './table.js';
import { UsageError } from '../harness/options.js';
import { Interruption } from '../harness/interruption.js';
import { Progress } from '../harness/progress.js';
import { makeScratchDir, removeScratchDir } from '../harness/scratch-dir.js';

const MINUTE_MS = 60_000;
const LINE_INTERVAL_MS = 15_000;
/** In a run of this length each kind of fault must have happened. */
const LONG_MINUTES = 5;
const nodeScript = fileURLToPath(new URL('./node.js', import.meta.url));
const guardScript = fileURLToPath(new URL('./guard-process.js', import.meta.url));

/** Resolves to the exit code. @throws UsageError */
async function main(args: readonly string[]): Promise<number> {
  const options = parseChaosOptions(args);
  if (options === undefined) {
    console.log(CHAOS_HELP);
    return 0;
  }
  const interruption = new Interruption();
  const dir = await makeScratchDir(options.dataDir, 'chaos');
  const progress = new Progress(options.json ? process.stderr : process.stdout, LINE_INTERVAL_MS);
  let current: { name: string; round: Round } | undefined;
  const run = new ChaosRun({
    ...options,
    totalMs: options.minutes * MINUTE_MS,
    dir,
    nodeScript,
    guardScript,
    say: (line) => progress.say(line),
    onRound: (name, round) => (current = { name, round }),
  });
  progress.say(`${options.minutes} minutes, ${options.groups} groups, seed ${options.seed}`);
  progress.follow(() => {
    const { acknowledged = 0, reads = 0 } = current?.round.counts ?? {};
    return `${current?.name ?? 'starting'}: ${acknowledged} writes, ${reads} reads`;
  });
  let isGood = false;
  try {
    isGood = await run.play(interruption.signal);
  } catch (error) {
    if (!interruption.signal.aborted)
      progress.say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    progress.stop();
    interruption.dispose();
  }
  const wasInterrupted = interruption.signal.aborted;
  isGood = tell(run, options, isGood) || wasInterrupted;
  if (isGood && !options.keep) await removeScratchDir(dir);
  else
    progress.say(`${isGood ? 'Data' : `FAILED. ${again(options)} Data, histories`} and logs are in ${dir}`);
  if (wasInterrupted) return interruption.exitCode;
  return isGood ? 0 : 1;
}

/** The table; false when the run was not good. */
function tell(run: ChaosRun, options: ChaosOptions, allRoundsGood: boolean): boolean {
  const played = run.figures.filter(({ rounds }) => rounds > 0);
  const missing = missingFaults(played);
  const isGood = allRoundsGood && (missing.length === 0 || options.minutes < LONG_MINUTES);
  if (options.json) {
    const { failures, diskKind } = run;
    const { seed, minutes } = options;
    console.log(
      JSON.stringify({ isGood, seed, minutes, disks: diskKind, missing, failures, pairs: played }, null, 2),
    );
    return isGood;
  }
  console.log(`\n${renderTable(played)}\n`);
  if (missing.length > 0) console.log(`Never happened: ${missing.join(', ')}`);
  return isGood;
}

function again({ seed, minutes, groups, pairs }: ChaosOptions): string {
  const names = pairs.map(({ name }) => name).join(',');
  return (
    `Again, though the machine's timing is its own: npm run chaos -- --seed ${seed} --minutes ${minutes} ` +
    `--groups ${groups} --pairs ${names}.`
  );
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\nnpm run chaos -- --help lists the options.`);
  process.exitCode = 2;
}
