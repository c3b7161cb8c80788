import type { Core } from './core.js';
import type { RaftStatus } from './types.js';

export function statusOf(core: Core): RaftStatus {
  const { log } = core;
  const remotes = new Map<number, RaftStatus['remotes'] extends ReadonlyMap<number, infer R> ? R : never>();
  if (core.role === 'leader') {
    for (const remote of core.remotes) {
      const { nodeID, status, match, next, active } = remote;
      remotes.set(nodeID, { status, match, next, active, inflightBytes: remote.inflights.sizeBytes });
    }
  }
  return {
    role: core.role,
    term: core.term,
    vote: core.vote,
    leaderID: core.leaderID,
    commit: log.commit,
    applied: log.applied,
    stable: log.stable,
    firstIndex: log.firstIndex,
    lastIndex: log.lastIndex,
    inMemBytes: log.mem.sizeBytes,
    quiesced: core.isQuiesced,
    leaderTransferTarget: core.transferTarget,
    level: core.level,
    membership: core.membership,
    remotes,
  };
}
