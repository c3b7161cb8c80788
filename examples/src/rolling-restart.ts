import { fileURLToPath } from 'node:url';
import {
  CLUSTER_OPTIONS,
  CLUSTER_OPTIONS_HELP,
  UsageError,
  parseOptions,
  partsOf,
  wholeNumber,
} from './cluster/demo-options.js';
import { Interruption } from './cluster/interruption.js';
import { type Restart, type RollingResult, RollingRestart } from './cluster/rolling.js';
import { makeScratchDir, removeScratchDir } from './cluster/scratch-dir.js';

const HELP = `Usage: npm run rolling-restart -- [options]

Three processes under load; each is stopped in order and started again, one after the other. Fails when a client meets
an error that is not documented as temporary.

Options:
  --passes N     how often each process is restarted (default 1; 1 to 1000)
  --clients N    of each process (default 8; 2 to 300)
  --payload N    bytes of a value (default 16; 8 to 65536)
  --settle N     milliseconds of load between restarts (default 1000; 0 to 60000)
  ${CLUSTER_OPTIONS_HELP}
  --help         this text`;

const nodeScript = fileURLToPath(new URL('./rolling-node.js', import.meta.url));

function show({ nodeID, wasLeader, stopMs, readyMs }: Restart): void {
  const who = `node ${nodeID}${wasLeader ? ', the leader' : ''}`;
  console.log(`${who}: stopped in ${stopMs.toFixed(0)} ms, ready again in ${readyMs.toFixed(0)} ms`);
}

function report({ restarts, errors, figures, longestPauseMs }: RollingResult): boolean {
  const leaders = restarts.filter(({ wasLeader }) => wasLeader).length;
  console.log(`${restarts.length} restarts, ${leaders} of them of the leader`);
  console.log(
    `${figures.acknowledgedWrites} writes acknowledged (${figures.writesPerSecond.toFixed(0)}/s), ` +
      `${figures.unknownOutcomes} of unknown outcome (their clients' process was stopped), ${figures.reads} reads`,
  );
  for (const { code, count, isTemporary } of errors) {
    console.log(`${isTemporary ? 'temporary    ' : 'NOT TEMPORARY'} ${code}: ${count}`);
  }
  console.log(`longest pause in commits: ${longestPauseMs.toFixed(0)} ms`);
  return errors.every(({ isTemporary }) => isTemporary);
}

async function main(): Promise<number> {
  const values = parseOptions(process.argv.slice(2), {
    passes: { type: 'string', default: '1' },
    clients: { type: 'string', default: '8' },
    payload: { type: 'string', default: '16' },
    settle: { type: 'string', default: '1000' },
    ...CLUSTER_OPTIONS,
    help: { type: 'boolean', default: false },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const sizes = {
    passes: wholeNumber('passes', values.passes, 1, 1_000),
    clients: wholeNumber('clients', values.clients, 2, 300),
    payloadBytes: wholeNumber('payload', values.payload, 8, 65_536),
    settleMs: wholeNumber('settle', values.settle, 0, 60_000),
  };
  const interruption = new Interruption();
  const dir = await makeScratchDir(values['data-dir'], 'rolling');
  const parts = partsOf(values);
  const rolling = new RollingRestart({ ...sizes, nodes: 3, ...parts, dir, nodeScript });
  let isGood = false;
  try {
    isGood = report(await rolling.play(show, interruption.signal));
  } catch (error) {
    if (!interruption.signal.aborted) console.error(error instanceof Error ? error.message : error);
  }
  if (interruption.signal.aborted || isGood) await removeScratchDir(dir);
  else console.log(`FAILED. Data, journals and logs are in ${dir}`);
  if (interruption.signal.aborted) return interruption.exitCode;
  return isGood ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\nnpm run rolling-restart -- --help lists the options.`);
  process.exitCode = 2;
}
