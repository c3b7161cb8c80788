import { fileURLToPath } from 'node:url';
import {
  CLUSTER_OPTIONS,
  CLUSTER_OPTIONS_HELP,
  UsageError,
  parseOptions,
  partsOf,
  wholeNumber,
} from './cluster/demo-options.js';
import { measureIdleGroups } from './cluster/idle-groups.js';
import { Interruption } from './cluster/interruption.js';
import { makeScratchDir, removeScratchDir } from './cluster/scratch-dir.js';

const HELP = `Usage: npm run idle-groups -- [options]

Three processes with many groups that nobody uses, with quiesce: what they cost. Fails above 3 % of one core for the
three processes together.

Options:
  --groups N     (default 1000; 1 to 100000)
  --seconds N    length of the measurement (default 30; 1 to 3600)
  ${CLUSTER_OPTIONS_HELP}
  --help         this text`;

const MAX_CPU_PERCENT = 3;
const nodeScript = fileURLToPath(new URL('./idle-node.js', import.meta.url));

async function main(): Promise<number> {
  const values = parseOptions(process.argv.slice(2), {
    groups: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '30' },
    ...CLUSTER_OPTIONS,
    help: { type: 'boolean', default: false },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const groups = wholeNumber('groups', values.groups, 1, 100_000);
  const idleMs = wholeNumber('seconds', values.seconds, 1, 3_600) * 1_000;
  const parts = partsOf(values);
  const interruption = new Interruption();
  const dir = await makeScratchDir(values['data-dir'], 'idle');
  const options = { groups, idleMs, nodes: 3, ...parts, dir, nodeScript };
  try {
    const say = (line: string): void => console.log(line);
    const result = await measureIdleGroups(options, say, interruption.signal);
    const isGood = result.cpuPercent <= MAX_CPU_PERCENT;
    console.log(`CPU of the three processes: ${result.cpuPercent.toFixed(2)} % of one core`);
    console.log(
      `memory: ${(result.rssPerGroupBytes / 1024).toFixed(1)} KiB per idle group and process, ` +
        `${(result.rssBytes / 2 ** 20).toFixed(0)} MiB for the three processes`,
    );
    console.log(`still asleep: ${result.asleepAfter} of ${3 * groups} replicas`);
    console.log(isGood ? 'ok' : `FAILED: more than ${MAX_CPU_PERCENT} % of one core`);
    await removeScratchDir(dir);
    return isGood ? 0 : 1;
  } catch (error) {
    if (interruption.signal.aborted) {
      await removeScratchDir(dir);
      return interruption.exitCode;
    }
    console.error(error instanceof Error ? error.message : error);
    console.log(`FAILED. Data and logs are in ${dir}`);
    return 1;
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\nnpm run idle-groups -- --help lists the options.`);
  process.exitCode = 2;
}
