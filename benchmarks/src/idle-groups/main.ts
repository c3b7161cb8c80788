import { fileURLToPath } from 'node:url';
import { measureIdleGroups } from './run.js';
import { runProgram } from '@drakkar/proving';

const NODES = 3;
const MAX_CPU_PERCENT = 3;
const nodeScript = fileURLToPath(new URL('./node.js', import.meta.url));

const ABOUT = `Three processes with many groups that nobody uses, with quiesce: what they cost. Fails above ${MAX_CPU_PERCENT} % of one core for
the three processes together.`;

await runProgram({
  name: 'idle-groups',
  about: ABOUT,
  numbers: {
    groups: { default: 1000, min: 1, max: 100_000 },
    seconds: { what: 'length of the measurement', default: 30, min: 1, max: 3_600 },
  },
  play: async ({ numbers: { groups, seconds }, parts, dir, interruption }) => {
    const options = { groups, idleMs: seconds * 1_000, nodes: NODES, ...parts, dir, nodeScript };
    const say = (line: string): void => console.log(line);
    const result = await measureIdleGroups(options, say, interruption.signal);
    const isGood = result.cpuPercent <= MAX_CPU_PERCENT;
    console.log(`CPU of the three processes: ${result.cpuPercent.toFixed(2)} % of one core`);
    console.log(
      `memory: ${(result.rssPerGroupBytes / 1024).toFixed(1)} KiB per idle group and process, ` +
        `${(result.rssBytes / 2 ** 20).toFixed(0)} MiB for the three processes`,
    );
    console.log(`still asleep: ${result.asleepAfter} of ${NODES * groups} replicas`);
    console.log(isGood ? 'ok' : `more than ${MAX_CPU_PERCENT} % of one core`);
    return isGood;
  },
});
