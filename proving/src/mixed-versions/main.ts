import { fileURLToPath } from 'node:url';
import { MixedVersions } from './rounds.js';
import { runProgram, seedOption } from '../harness/program.js';
import { RoundLog } from '../harness/round-log.js';

const ABOUT = `Three processes of version 0.1 under load are exchanged one by one for this version, and back again while one of 0.1 is
left; then all three, which raises the group's feature level. After each exchange: nothing is lost, all replicas are
equal, the history is linearizable, and the level is what it should be.`;

const nodeScript = fileURLToPath(new URL('../harness/cluster-node.js', import.meta.url));

await runProgram({
  name: 'mixed-versions',
  about: ABOUT,
  numbers: {
    seconds: { what: 'of load, over all exchanges', default: 30, min: 5, max: 3_600 },
    seed: seedOption(
      "decides the order, and who is killed instead of stopped; the machine's timing is its own",
    ),
    clients: { default: 12, min: 3, max: 300 },
    payload: { what: 'bytes of a value', default: 16, min: 8, max: 65_536 },
  },
  play: async ({ numbers, parts, dir, interruption }) => {
    const oldRoot = process.env.DRAKKAR_OLD_VERSION;
    if (oldRoot === undefined)
      throw new Error('DRAKKAR_OLD_VERSION must name the folder of a built version 0.1');
    const { seconds, seed, clients, payload: payloadBytes } = numbers;
    const load = { loadMs: seconds * 1_000, clients, payloadBytes };
    const run = new MixedVersions({ ...load, seed, nodes: 3, ...parts, dir, nodeScript, oldRoot });
    const log = new RoundLog(run.stepCount);
    console.log(`${run.stepCount} rounds, seed ${seed}, version 0.1 from ${oldRoot}`);
    try {
      return await run.play((report) => log.show(report, report.description), interruption.signal);
    } finally {
      log.summarize();
    }
  },
});
