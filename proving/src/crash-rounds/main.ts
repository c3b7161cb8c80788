import { fileURLToPath } from 'node:url';
import { CrashRounds } from './rounds.js';
import { runProgram, seedOption } from '../harness/program.js';
import { RoundLog } from '../harness/round-log.js';

const ABOUT = `Round after round: real processes under load, kill -9 of one, two or all of them at a random moment, restart, and a
check that no acknowledged write is lost, all replicas are equal and the history is linearizable.`;

const nodeScript = fileURLToPath(new URL('../harness/cluster-node.js', import.meta.url));

await runProgram({
  name: 'crash-rounds',
  about: ABOUT,
  numbers: {
    rounds: { default: 20, min: 1, max: 100_000 },
    seed: seedOption("decides who is killed and when; the machine's timing is its own"),
    nodes: { what: 'processes', default: 3, min: 3, max: 9 },
    clients: { default: 12, min: 3, max: 300 },
    payload: { what: 'bytes of a value', default: 16, min: 8, max: 65_536 },
  },
  play: async ({ numbers, parts, dir, interruption }) => {
    const { rounds, seed, nodes, clients, payload: payloadBytes } = numbers;
    const log = new RoundLog(rounds);
    const options = { rounds, seed, nodes, clients, payloadBytes, ...parts, dir, nodeScript };
    console.log(`${rounds} rounds, seed ${seed}`);
    try {
      return await new CrashRounds(options).play(
        (report) => log.show(report, report.description),
        interruption.signal,
      );
    } finally {
      log.summarize();
    }
  },
});
