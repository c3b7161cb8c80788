/** Resident memory since the last time that watching began. */
export interface Memory {
  firstBytes: number;
  highestBytes: number;
}

/** Commands that the parent gives a process that sends or receives a large snapshot. */
export interface BigCommands {
  /** Starts the replica: alone in its group, or one that joins it. */
  startReplica: { takes: { join: boolean }; answers: null };
  write: { takes: { count: number }; answers: null };
  requestSnapshot: { takes: null; answers: number };
  addNode: { takes: { nodeID: number; address: string }; answers: null };
  /** Resolves when the replica here has caught up. */
  waitReady: { takes: { timeoutMs: number }; answers: null };
  look: { takes: null; answers: { applied: number; updates: number; blocksRead: number } };
  watchMemory: { takes: null; answers: null };
  memory: { takes: null; answers: Memory };
  shutdown: { takes: null; answers: null };
}
