import type { ErrorClaim, ErrorEffect, ErrorRetry } from '@drakkar/raftio';
import type { RequestOutcome, RequestResult } from './request-state.js';

/** What a request asks for: the end of each claims something else. */
export type Operation = 'proposal' | 'session' | 'read' | 'change';

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
export function claimOf(operation: Operation, result: RequestResult, mayBeApplied: boolean): ErrorClaim {
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
