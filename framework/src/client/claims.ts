import type { ErrorClaim, ErrorEffect, ErrorRetry } from '@drakkar/raftio';

/** What a request asks for: the end of each claims something else. */
export type Operation = 'proposal' | 'session' | 'read' | 'change';

/**
 * How a request ended.
 * - `completed`: done; for a proposal, applied here and committed by a quorum.
 * - `rejected`: the replicated state machine refused it, e.g. an evicted session, or the leader a membership change.
 * - `dropped`: never entered any log, e.g. no leader is known.
 * - `timeout`: no answer in time. What was proposed may still be applied.
 * - `terminated`: the replica was stopped first. What was proposed may still be applied.
 */
export type RequestOutcome = 'completed' | 'rejected' | 'dropped' | 'timeout' | 'terminated';

/** What there is to know of the end of a request. */
interface Ended {
  readonly outcome: RequestOutcome;
  /** Why the leader refused it. */
  readonly refusal: { readonly kind: string } | undefined;
}

const EFFECT: Readonly<Record<RequestOutcome, ErrorEffect>> = {
  completed: 'unknown',
  rejected: 'none',
  dropped: 'none',
  timeout: 'unknown',
  terminated: 'unknown',
};

const RETRY: Readonly<Record<RequestOutcome, ErrorRetry>> = {
  completed: 'never',
  rejected: 'never',
  dropped: 'here',
  timeout: 'here',
  terminated: 'elsewhere',
};

/**
 * What may be claimed of a request that ended otherwise than completed.
 *
 * @param mayBeApplied whether another attempt at the same, with the same session, may have been applied
 */
export function claimOf(operation: Operation, result: Ended, mayBeApplied: boolean): ErrorClaim {
  const { outcome, refusal } = result;
  const retry = refusal?.kind === 'observerBehind' ? 'here' : RETRY[outcome];
  return { effect: mayBeApplied ? 'unknown' : effectOf(operation, outcome), retry };
}

/** What may be claimed of a request whose caller waits no more. */
export function claimOfCanceled(operation: Operation): ErrorClaim {
  return { effect: operation === 'read' ? 'none' : 'unknown', retry: 'never' };
}

function effectOf(operation: Operation, outcome: RequestOutcome): ErrorEffect {
  return operation === 'read' ? 'none' : EFFECT[outcome];
}
