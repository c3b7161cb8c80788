/** The value that a register holds; `undefined` = absent: never written, or deleted. */
export type RegisterValue = number | string | undefined;

/**
 * One call that a client made on a register. Times come from one clock, in any unit, and only their order counts.
 *
 * A call whose outcome is unknown (it timed out, its client was killed) has no `returnedAt`: it may have taken effect
 * at any time after `invokedAt`, or never. A call known to have had no effect does not belong in a history.
 */
export interface RegisterOperation {
  readonly key: number | string;
  readonly kind: 'put' | 'get' | 'delete';
  /** What a put wrote, or what a get saw. Without meaning for a delete and for a get that never returned. */
  readonly value: RegisterValue;
  readonly invokedAt: number;
  readonly returnedAt: number | undefined;
  /** Who called, for the report. */
  readonly client?: number | string;
}

/** The value that a register holds right after a put or a delete. */
export function valueWritten(operation: RegisterOperation): RegisterValue {
  return operation.kind === 'put' ? operation.value : undefined;
}

/** Operations by key, in the order of their keys' first appearance. */
export function partitionByKey(
  history: Iterable<RegisterOperation>,
): Map<number | string, RegisterOperation[]> {
  const partitions = new Map<number | string, RegisterOperation[]>();
  for (const operation of history) {
    const partition = partitions.get(operation.key);
    if (partition === undefined) partitions.set(operation.key, [operation]);
    else partition.push(operation);
  }
  return partitions;
}

/** One operation as a line of a report: `client 3  put  x = 7  [12.000, 15.500]`. */
export function formatOperation(operation: RegisterOperation): string {
  const { client, kind, key, value, invokedAt, returnedAt } = operation;
  const who = client === undefined ? '' : `client ${client}  `;
  const what = kind === 'delete' ? '' : ` = ${value === undefined ? 'absent' : String(value)}`;
  const until = returnedAt === undefined ? 'unknown' : returnedAt.toFixed(3);
  return `${who}${kind}  ${key}${what}  [${invokedAt.toFixed(3)}, ${until}]`;
}
