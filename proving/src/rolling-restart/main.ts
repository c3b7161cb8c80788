import { fileURLToPath } from 'node:url';
import { runProgram } from '../harness/program.js';
import { type Restart, type RollingResult, RollingRestart } from './run.js';

const ABOUT = `Three processes under load; each is stopped in order and started again, one after the other. Fails when a client meets
an error that is not documented as temporary.`;

const nodeScript = fileURLToPath(new URL('./node.js', import.meta.url));

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

await runProgram({
  name: 'rolling-restart',
  about: ABOUT,
  numbers: {
    passes: { what: 'how often each process is restarted', default: 1, min: 1, max: 1_000 },
    clients: { what: 'of each process', default: 8, min: 2, max: 300 },
    payload: { what: 'bytes of a value', default: 16, min: 8, max: 65_536 },
    settle: { what: 'milliseconds of load between restarts', default: 1000, min: 0, max: 60_000 },
  },
  play: async ({ numbers, parts, dir, interruption }) => {
    const { passes, clients, payload: payloadBytes, settle: settleMs } = numbers;
    const options = { passes, clients, payloadBytes, settleMs, nodes: 3, ...parts, dir, nodeScript };
    return report(await new RollingRestart(options).play(show, interruption.signal));
  },
});
