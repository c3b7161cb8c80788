import { fileURLToPath } from 'node:url';
import { streamBigSnapshot } from './cluster/big-snapshot.js';
import {
  CLUSTER_OPTIONS,
  CLUSTER_OPTIONS_HELP,
  UsageError,
  parseOptions,
  partsOf,
  wholeNumber,
} from './cluster/demo-options.js';
import { Interruption } from './cluster/interruption.js';
import { makeScratchDir, removeScratchDir } from './cluster/scratch-dir.js';

const HELP = `Usage: npm run big-snapshot -- [options]

One process takes a large snapshot and streams it to another that joins. Fails when the resident memory of either
grows by more than 100 MiB.

Options:
  --mib N        size of the snapshot (default 1024; 1 to 1048576)
  ${CLUSTER_OPTIONS_HELP}
  --help         this text`;

const MIB = 2 ** 20;
const MAX_GROWTH_BYTES = 100 * MIB;
const nodeScript = fileURLToPath(new URL('./big-snapshot-node.js', import.meta.url));

async function main(): Promise<number> {
  const values = parseOptions(process.argv.slice(2), {
    mib: { type: 'string', default: '1024' },
    ...CLUSTER_OPTIONS,
    help: { type: 'boolean', default: false },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const sizeMiB = wholeNumber('mib', values.mib, 1, 1_048_576);
  const parts = partsOf(values);
  const interruption = new Interruption();
  const dir = await makeScratchDir(values['data-dir'], 'big');
  const options = { sizeMiB, nodes: 2, ...parts, dir, nodeScript };
  try {
    const say = (line: string): void => console.log(line);
    const result = await interruption.orEnd(streamBigSnapshot(options, say));
    const { streamMs, saverGrowthBytes, senderGrowthBytes, receiverGrowthBytes } = result;
    const highest = Math.max(saverGrowthBytes, senderGrowthBytes, receiverGrowthBytes);
    const isGood = highest <= MAX_GROWTH_BYTES;
    const mib = (bytes: number): string => `${(bytes / MIB).toFixed(0)} MiB`;
    console.log(
      `streamed and recovered in ${(streamMs / 1000).toFixed(1)} s, ` +
        `${((sizeMiB / streamMs) * 1000).toFixed(0)} MiB/s; every byte was compared`,
    );
    console.log(`growth of resident memory while the snapshot was taken: ${mib(saverGrowthBytes)}`);
    console.log(`growth of the sender's while it was streamed: ${mib(senderGrowthBytes)}`);
    console.log(`growth of the receiver's: ${mib(receiverGrowthBytes)}`);
    console.log(isGood ? 'ok' : `FAILED: more than ${mib(MAX_GROWTH_BYTES)}`);
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
  console.error(`${error.message}\n\nnpm run big-snapshot -- --help lists the options.`);
  process.exitCode = 2;
}
