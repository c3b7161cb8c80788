import type { DrakkarError } from '@drakkar/raftio';
import {
  ErrCanceled,
  ErrClusterNotReady,
  ErrNotAMember,
  ErrObserverBehind,
  ErrQuorumAtRisk,
  ErrRejected,
  ErrRequestTerminated,
  ErrTimeout,
} from '../errors/index.js';
import { onAbort } from '../runtime/on-abort.js';
import type { ChangeRefusal } from '../raft/index.js';
import type { RequestResult, RequestState } from '../requests/request-state.js';

/** The error for a request that did not complete. */
function errorOf(result: RequestResult, clusterID: number): DrakkarError {
  const group = `group ${clusterID}`;
  const { reason } = result;
  switch (result.outcome) {
    case 'rejected':
      if (result.refusal !== undefined) return refusalError(result.refusal, group);
      return new ErrRejected(
        `${group}: the request was rejected: ${reason ?? 'its session may have been evicted or closed'}`,
      );
    case 'dropped':
      return new ErrClusterNotReady(
        `${group} can't serve the request now (${reason ?? 'no leader takes it'}); it had no effect`,
      );
    case 'terminated':
      return new ErrRequestTerminated(
        `${group} was stopped on this host before the request ended; a proposal may still be applied`,
      );
    case 'timeout':
      return new ErrTimeout(`${group} did not answer in time; a proposal may still be applied`);
    case 'completed':
      throw new Error('a completed request has no error');
  }
}

/** The error of a membership change that the leader refused. */
function refusalError({ kind, value, limit }: ChangeRefusal, group: string): DrakkarError {
  const details = { value, limit };
  switch (kind) {
    case 'quorumAtRisk':
      return new ErrQuorumAtRisk(
        `${group}: of the voting members after the change, the leader has heard from ${value} lately, and the quorum ` +
          `is ${limit}: add the node as an observer first, or pass force: true`,
        { details },
      );
    case 'observerBehind':
      return new ErrObserverBehind(
        `${group}: the observer has the log up to ${value} of ${limit}, or does not answer: start it and wait until ` +
          `it has caught up, or pass force: true`,
        { details },
      );
    case 'notAMember':
      return new ErrNotAMember(
        `${group}: node ${value} is no member; removing it would only forbid its id for good`,
        { details },
      );
  }
}

/** Waits for a request to complete; any other end is its error. A signal ends the wait with `ErrCanceled`. */
export function completed(request: RequestState, signal: AbortSignal | undefined): Promise<RequestResult> {
  return new Promise((resolve, reject) => {
    const cancel = (): void => {
      reject(new ErrCanceled(`the wait was ended by its signal; what was proposed may still be applied`));
    };
    const endWait = signal === undefined ? undefined : onAbort(signal, cancel);
    request.onResult((result) => {
      endWait?.();
      if (result.completed()) resolve(result);
      else reject(errorOf(result, request.clusterID));
    });
  });
}
