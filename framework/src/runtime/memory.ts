import { totalmem } from 'node:os';
import { getHeapStatistics } from 'node:v8';

const MIB = 1024 * 1024;
const LEAST_BYTES = 128 * MIB;

/**
 * What a host may hold in memory when nobody has said: half of V8's heap, where small entries are, or a quarter of what
 * the process may use, where large ones are; a container may allow it less than the machine has.
 */
export function defaultMemoryBytes(
  heapBytes = getHeapStatistics().heap_size_limit,
  processBytes = availableBytes(),
): number {
  return Math.max(LEAST_BYTES, Math.floor(Math.min(heapBytes / 2, processBytes / 4)));
}

/** An unlimited container reports no limit, or one that no machine has. */
function availableBytes(): number {
  const constrainedBytes = process.constrainedMemory();
  const hasLimit = constrainedBytes !== undefined && constrainedBytes > 0;
  return hasLimit ? Math.min(constrainedBytes, totalmem()) : totalmem();
}
