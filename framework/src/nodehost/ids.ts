import { showValue } from '../config/findings.js';
import { ErrInvalidOption } from '../errors/index.js';

/** Ids of groups begin at 0, those of nodes at 1. */
const LEAST = { clusterID: 0, nodeID: 1, targetNodeID: 1, newNodeID: 1, groupID: 0, replicaID: 1 } as const;

export type IDName = keyof typeof LEAST;

/** What is wrong with an id; undefined: nothing. A text with digits is no id, and neither is a bigint. */
export function idFault(name: IDName, value: unknown): ErrInvalidOption | undefined {
  if (Number.isSafeInteger(value) && (value as number) >= LEAST[name]) return undefined;
  return new ErrInvalidOption(
    `${name} must be a number, an integer from ${LEAST[name]} to 2^53 - 1, but is ${showValue(value)} (${typeof value})`,
  );
}

/** @throws ErrInvalidOption */
export function checkIDs(ids: Readonly<Partial<Record<IDName, unknown>>>): void {
  for (const [name, value] of Object.entries(ids)) {
    const fault = idFault(name as IDName, value);
    if (fault !== undefined) throw fault;
  }
}
