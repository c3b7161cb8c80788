import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Cluster } from '../harness/cluster.js';
import { type DemoResult, runDemo } from './run.js';
import { UsageError } from '../harness/options.js';
import { DEMO_HELP, type DemoOptions, parseDemoOptions } from './options.js';
import { Interruption } from '../harness/interruption.js';
import { Progress } from '../harness/progress.js';
import { makeScratchDir, removeScratchDir } from '../harness/scratch-dir.js';
import type { Check } from '../harness/verify.js';

const nodeScript = fileURLToPath(new URL('../harness/cluster-node.js', import.meta.url));

function checkLines(checks: readonly Check[]): string[] {
  return checks.map(({ name, isGood, detail }) => `${isGood ? 'ok    ' : 'FAILED'} ${name}: ${detail}`);
}

function figureLines({ figures, killedNodeID, outageMs, restartMs }: DemoResult): string[] {
  const { writeLatency, readLatency } = figures;
  const whole = (value: number): string => Math.round(value).toLocaleString('en').padStart(9);
  const latency = (p50Ms: number, p99Ms: number): string =>
    `p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms`;
  return [
    `writes acknowledged ${whole(figures.acknowledgedWrites)}  ${whole(figures.writesPerSecond)}/s   ` +
      latency(writeLatency.p50Ms, writeLatency.p99Ms),
    `linearizable reads  ${whole(figures.reads)}  ${whole(figures.readsPerSecond)}/s   ` +
      latency(readLatency.p50Ms, readLatency.p99Ms),
    `unknown outcomes    ${whole(figures.unknownOutcomes)}  (their clients were killed with node ${killedNodeID})`,
    `without a leader    ${whole(outageMs)} ms  (longest time without an acknowledged write after the kill)`,
    `restart             ${whole(restartMs)} ms  (until the killed process served again)`,
  ];
}

function report(result: DemoResult, options: DemoOptions, progress: Progress): boolean {
  const isGood = result.checks.every((check) => check.isGood);
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ ok: isGood, ...result }, null, 2)}\n`);
    return isGood;
  }
  progress.say('');
  for (const line of [...figureLines(result), '', ...checkLines(result.checks), '']) progress.say(line);
  progress.say(isGood ? 'All checks hold.' : 'NOT ALL CHECKS HOLD.');
  return isGood;
}

async function main(options: DemoOptions): Promise<number> {
  const interruption = new Interruption();
  const progress = new Progress(options.json ? process.stderr : process.stdout);
  const dir = await makeScratchDir(options.dataDir, 'demo');
  let keep = options.keep;
  const cluster = await Cluster.create({ ...options, dir, nodeScript });
  try {
    const result = await interruption.orEnd(runDemo(cluster, options, progress, interruption.signal));
    await cluster.shutDown();
    const isGood = report(result, options, progress);
    keep ||= !isGood;
    return isGood ? 0 : 1;
  } catch (error) {
    progress.stop();
    if (interruption.signal.aborted) {
      progress.say('Interrupted.');
      return interruption.exitCode;
    }
    keep = true;
    console.error(error instanceof Error ? error.message : error);
    return 1;
  } finally {
    progress.stop();
    await cluster.killAll();
    if (keep) progress.say(`Data, journals and logs are in ${join(dir)}`);
    else await removeScratchDir(dir);
    interruption.dispose();
  }
}

try {
  const options = parseDemoOptions(process.argv.slice(2));
  if (options === undefined) console.log(DEMO_HELP);
  else process.exitCode = await main(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\nnpm start -- --help lists the options.`);
  process.exitCode = 2;
}
