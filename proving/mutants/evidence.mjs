/**
 * For each invariant of the simulator a mutant that breaks it, so that it is known that the check can fail: seen by it
 * alone, with all the others off, which would often be the first to notice.
 */
export const EVIDENCE = {
  'election safety': 'vote-twice',
  'log matching': 'keep-conflicting-entries',
  'leader completeness': 'vote-for-short-log',
  'state machine safety': 'sessions-not-in-snapshot',
  'committed never changes': 'vote-for-short-log',
  'at most once': 'apply-twice',
  'claims of errors': 'open-effect-denied',
  'term and vote never forgotten': 'vote-twice',
  'one change at a time': 'early-config-change',
  'membership overlap': 'members-not-in-snapshot',
  'observers never counted': 'observer-commits',
  'commit rule': 'commit-old-term',
  'no acknowledgement before durability': 'send-before-save',
  'applied only when durable': 'stable-survives-truncation',
  'reads never go back': 'read-before-applied',
  'equal hashes': 'sessions-not-in-snapshot',
  'bounded queues and memory': 'snapshots-stay',
  'check quorum': 'no-check-quorum',
  'lease of a live leader': 'vote-despite-lease',
  'removed nodes are not heard': 'removed-node-is-heard',
  campaigns: 'late-pre-vote-counts',
  'sleep without work': 'sleep-with-work',
  'leadership transfer': 'proposals-during-transfer',
  'acknowledged entries': 'keep-conflicting-entries',
  'sessions as in the model': 'one-session-too-few',
  'members as in the model': 'order-ignored',
  linearizability: 'read-before-applied',
  liveness: 'never-times-out',
};
