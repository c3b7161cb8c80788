import type { BigCommands, Memory } from './commands.js';
import { type PlanOptions, killNodes, spawnNodes } from '@drakkar/proving';

export interface BigSnapshotOptions extends PlanOptions {
  sizeMiB: number;
  nodeScript: string;
}

export interface BigSnapshotResult {
  saveMs: number;
  /** From the request to add the node until it had caught up. */
  streamMs: number;
  /** Growth of resident memory while the snapshot was written to the sender's disk. */
  saverGrowthBytes: number;
  senderGrowthBytes: number;
  receiverGrowthBytes: number;
}

const CALL_TIMEOUT_MS = 60_000;
/** More than a leader keeps in memory: the log alone must not be enough for a node that joins. */
const WRITES = 3_000;
const BLOCKS_PER_MIB = 4;

/** Has one process take a large snapshot and send it to another that joins, and watches the memory of both. */
export async function streamBigSnapshot(
  options: BigSnapshotOptions,
  say: (line: string) => void,
): Promise<BigSnapshotResult> {
  const { sizeMiB } = options;
  // Slow disks and busy machines: 2 MiB/s are enough.
  const workTimeoutMs = 60_000 + sizeMiB * 500;
  const nodes = await spawnNodes<BigCommands>({ ...options, nodes: 2, args: [String(sizeMiB)] });
  const [sender, receiver] = nodes;
  if (sender === undefined || receiver === undefined) throw new Error('two processes were to be started');
  try {
    await sender.process.call('startReplica', { join: false }, CALL_TIMEOUT_MS);
    await sender.process.call('write', { count: WRITES }, workTimeoutMs);
    await sender.process.call('watchMemory', null, CALL_TIMEOUT_MS);
    const savedAt = performance.now();
    const index = await sender.process.call('requestSnapshot', null, workTimeoutMs);
    const saveMs = performance.now() - savedAt;
    const saver = await sender.process.call('memory', null, CALL_TIMEOUT_MS);
    say(`snapshot of ${sizeMiB} MiB at index ${index} taken in ${(saveMs / 1000).toFixed(1)} s`);
    await sender.process.call('write', { count: WRITES }, workTimeoutMs);

    const { nodeID } = receiver.plan;
    const address = receiver.plan.members.find(([id]) => id === nodeID)?.[1] ?? '';
    await sender.process.call('watchMemory', null, CALL_TIMEOUT_MS);
    await receiver.process.call('watchMemory', null, CALL_TIMEOUT_MS);
    const streamedAt = performance.now();
    await sender.process.call('addNode', { nodeID, address }, CALL_TIMEOUT_MS);
    await receiver.process.call('startReplica', { join: true }, CALL_TIMEOUT_MS);
    await receiver.process.call('waitReady', { timeoutMs: workTimeoutMs }, 2 * workTimeoutMs);
    const streamMs = performance.now() - streamedAt;
    const { updates, blocksRead } = await receiver.process.call('look', null, CALL_TIMEOUT_MS);
    if (updates !== 2 * WRITES)
      throw new Error(`the receiver has ${updates} updates instead of ${2 * WRITES}`);
    if (blocksRead !== sizeMiB * BLOCKS_PER_MIB) throw new Error('the receiver recovered from no snapshot');
    const result = {
      saveMs,
      streamMs,
      saverGrowthBytes: growth(saver),
      senderGrowthBytes: growth(await sender.process.call('memory', null, CALL_TIMEOUT_MS)),
      receiverGrowthBytes: growth(await receiver.process.call('memory', null, CALL_TIMEOUT_MS)),
    };
    await Promise.all(nodes.map(({ process }) => process.shutDown('shutdown', CALL_TIMEOUT_MS)));
    return result;
  } finally {
    await killNodes(nodes);
  }
}

function growth({ firstBytes, highestBytes }: Memory): number {
  return highestBytes - firstBytes;
}
