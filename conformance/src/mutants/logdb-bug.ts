import type { NodeInfo } from '@drakkar/raftio';
import type { OpenMemoryLogDB } from '../reference/memory-logdb-harness.js';

export interface LogDBBug {
  name: string;
  caughtBy: readonly string[];
  open: OpenMemoryLogDB;
}

/** A replica's name, as a key. */
export function of({ clusterID, nodeID }: NodeInfo): string {
  return `${clusterID}/${nodeID}`;
}
