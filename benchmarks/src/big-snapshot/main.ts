import { fileURLToPath } from 'node:url';
import { streamBigSnapshot } from './run.js';
import { runProgram } from '@drakkar/proving';

const MIB = 2 ** 20;
const MAX_GROWTH_BYTES = 100 * MIB;
const nodeScript = fileURLToPath(new URL('./node.js', import.meta.url));

const ABOUT = `One process takes a large snapshot and streams it to another that joins. Fails when the resident memory of either
grows by more than ${mib(MAX_GROWTH_BYTES)}.`;

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(0)} MiB`;
}

await runProgram({
  name: 'big-snapshot',
  about: ABOUT,
  numbers: { mib: { what: 'size of the snapshot', default: 1024, min: 1, max: 1_048_576 } },
  play: async ({ numbers, parts, dir, interruption }) => {
    const options = { sizeMiB: numbers.mib, nodes: 2, ...parts, dir, nodeScript };
    const say = (line: string): void => console.log(line);
    const result = await interruption.orEnd(streamBigSnapshot(options, say));
    const { streamMs, saverGrowthBytes, senderGrowthBytes, receiverGrowthBytes } = result;
    const highest = Math.max(saverGrowthBytes, senderGrowthBytes, receiverGrowthBytes);
    const isGood = highest <= MAX_GROWTH_BYTES;
    console.log(
      `streamed and recovered in ${(streamMs / 1000).toFixed(1)} s, ` +
        `${((numbers.mib / streamMs) * 1000).toFixed(0)} MiB/s; every byte was compared`,
    );
    console.log(`growth of resident memory while the snapshot was taken: ${mib(saverGrowthBytes)}`);
    console.log(`growth of the sender's while it was streamed: ${mib(senderGrowthBytes)}`);
    console.log(`growth of the receiver's: ${mib(receiverGrowthBytes)}`);
    console.log(isGood ? 'ok' : `more than ${mib(MAX_GROWTH_BYTES)}`);
    return isGood;
  },
});
