import type { KVOp } from './contract.js';

/** An operation on one key. */
export type KVKeyOp = Exclude<KVOp, { type: 'deleteRange' }>;

/**
 * For a store whose batches know no ranges: the same operations, with each range replaced by its keys, those that are
 * stored and those that the batch itself has put before.
 * @param storedKeys all keys stored from `start` up to, not including, `end`
 */
export async function expandRanges(
  ops: readonly KVOp[],
  storedKeys: (start: Uint8Array, end: Uint8Array) => Promise<readonly Uint8Array[]>,
): Promise<readonly KVKeyOp[]> {
  if (ops.every((op) => op.type !== 'deleteRange')) return ops;
  const expanded: KVKeyOp[] = [];
  for (const op of ops) {
    if (op.type !== 'deleteRange') {
      expanded.push(op);
      continue;
    }
    const put = expanded.filter((each) => each.type === 'put' && isWithin(each.key, op.start, op.end));
    const keys = [...(await storedKeys(op.start, op.end)), ...put.map(({ key }) => key)];
    for (const key of keys) expanded.push({ type: 'delete', key });
  }
  return expanded;
}

function isWithin(key: Uint8Array, start: Uint8Array, end: Uint8Array): boolean {
  return Buffer.compare(key, start) >= 0 && Buffer.compare(key, end) < 0;
}
