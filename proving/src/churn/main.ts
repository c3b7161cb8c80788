import { fileURLToPath } from 'node:url';
import { type ChurnReport, ChurnRounds, MAX_ROUNDS } from './rounds.js';
import { runProgram, seedOption } from '../harness/program.js';
import { RoundLog } from '../harness/round-log.js';

const ABOUT = `Round after round: nodes of one group are added, observed, promoted, deleted and given the leadership at random, on
real processes under load, with kill -9 and restarts in between and small snapshots; then a check that no acknowledged
write is lost, all replicas and memberships are equal, and every member serves.`;

const nodeScript = fileURLToPath(new URL('./node.js', import.meta.url));

function describe({ voters, observers, steps }: ChurnReport): string {
  const members = `voters ${voters.join(', ')}; observers ${observers.join(', ') || 'none'}`;
  return [members, ...steps.map((step) => `         ${step}`)].join('\n');
}

function summarize({ counts }: ChurnRounds): void {
  if (counts === undefined) return;
  const { actions, kills, installs, removedAlive, stoppedThemselves } = counts;
  const told = Object.entries(actions).map(([kind, count]) => `${count} ${kind}`);
  console.log(
    `${told.join(', ')}; ${kills} kills; ${installs} snapshots streamed and installed; ${stoppedThemselves} of ${removedAlive} removed nodes that ran stopped by themselves within 3 s`,
  );
}

await runProgram({
  name: 'churn',
  about: ABOUT,
  numbers: {
    rounds: { default: 10, min: 1, max: MAX_ROUNDS - 1 },
    seed: seedOption("decides what happens and when; the machine's timing is its own"),
    hosts: { what: 'processes', default: 5, min: 4, max: 9 },
    writers: { what: 'clients of each member that write', default: 2, min: 1, max: 100 },
    readers: { what: 'and that read', default: 1, min: 1, max: 100 },
    payload: { what: 'bytes of a value', default: 1024, min: 8, max: 65_536 },
  },
  play: async ({ numbers, parts, dir, interruption }) => {
    const { rounds, seed, hosts: nodes, writers, readers, payload: payloadBytes } = numbers;
    const log = new RoundLog(rounds);
    const options = { rounds, seed, nodes, writers, readers, payloadBytes, ...parts, dir, nodeScript };
    const churn = new ChurnRounds(options);
    console.log(`${rounds} rounds, seed ${seed}`);
    try {
      return await churn.play((report) => log.show(report, describe(report)), interruption.signal);
    } finally {
      log.summarize();
      summarize(churn);
    }
  },
});
