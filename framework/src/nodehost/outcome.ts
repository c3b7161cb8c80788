import type { DrakkarError, ErrorClaim } from '@drakkar/raftio';
import {
  ErrCanceled,
  ErrClusterNotReady,
  ErrNotAMember,
  ErrHostOutdated,
  ErrObserverBehind,
  ErrQuorumAtRisk,
  ErrRejected,
  ErrRequestTerminated,
  ErrSystemBusy,
  ErrTimeout,
} from '../errors/index.js';
import { messageOf } from '../errors/inspect.js';
import { onAbort } from '../runtime/on-abort.js';
import type { ChangeRefusal } from '../raft/index.js';
import { type Operation, claimOf, claimOfCanceled } from '../client/claims.js';
import { NO_ROOM, type RequestResult, type RequestState } from '../requests/request-state.js';

const NAMES: Readonly<Record<Operation, string>> = {
  proposal: 'the proposal',
  session: 'the registration of a session, or its end,',
  read: 'the read',
  change: 'the membership change',
};

/** The error for a request that did not complete. */
function errorOf(request: RequestState, result: RequestResult): DrakkarError {
  const { clusterID, operation, mayBeApplied } = request;
  const group = `group ${clusterID}`;
  const what = NAMES[operation];
  const claim = claimOf(operation, result, mayBeApplied);
  const then = consequenceOf(claim, operation);
  const { reason } = result;
  switch (result.outcome) {
    case 'rejected':
      if (result.refusal !== undefined) return refusalError(result.refusal, group, claim);
      return new ErrRejected(
        `${group}: ${what} was rejected: ${reason ?? 'the session is not registered, or was evicted'}${then}`,
        claim,
      );
    case 'dropped':
      if (result === NO_ROOM)
        return new ErrSystemBusy(`${group} can't take ${what} now (${reason})${then}`, claim);
      return new ErrClusterNotReady(
        `${group} can't serve ${what} now (${reason ?? 'no leader takes it'})${then}`,
        claim,
      );
    case 'terminated':
      return terminatedError(`${group}: ${what}`, then, claim, result.cause);
    case 'timeout':
      return new ErrTimeout(`${group}: ${what} was not answered in time${then}`, claim);
    case 'completed':
      throw new Error('a completed request has no error');
  }
}

function terminatedError(
  what: string,
  then: string,
  claim: ErrorClaim,
  cause: unknown,
): ErrRequestTerminated {
  const why =
    cause === undefined ? 'its replica on this host was stopped' : `its replica failed: ${messageOf(cause)}`;
  return new ErrRequestTerminated(`${what} has not ended, since ${why}${then}`, { ...claim, cause });
}

/** The end of a message, for people: what `effect` says. */
function consequenceOf({ effect }: ErrorClaim, operation: Operation): string {
  if (operation === 'read') return '';
  return effect === 'none' ? '; it had no effect' : '; it may have been applied, or may yet be';
}

/** The error of a membership change that the leader refused. */
function refusalError({ kind, value, limit }: ChangeRefusal, group: string, claim: ErrorClaim): DrakkarError {
  const context = { ...claim, details: { value, limit } };
  switch (kind) {
    case 'quorumAtRisk':
      return new ErrQuorumAtRisk(
        `${group}: of the voting members after the change, the leader has heard from ${value} lately, and the quorum ` +
          `is ${limit}: add the node as an observer first, or pass force: true`,
        context,
      );
    case 'observerBehind':
      return new ErrObserverBehind(
        `${group}: the observer has the log up to ${value} of ${limit}, or does not answer: start it and wait until ` +
          `it has caught up, or pass force: true`,
        context,
      );
    case 'hostOutdated':
      return new ErrHostOutdated(
        `${group}: the host of the new node announces feature level ${value}, and the group has ${limit}: it would ` +
          `get nothing. Upgrade that host, or pass force: true`,
        context,
      );
    case 'notAMember':
      return new ErrNotAMember(
        `${group}: node ${value} is no member; removing it would only forbid its id permanently`,
        context,
      );
  }
}

/** Waits for a request to complete; any other end is its error. A signal ends the wait with `ErrCanceled`. */
export function completed(request: RequestState, signal: AbortSignal | undefined): Promise<RequestResult> {
  return new Promise((resolve, reject) => {
    const cancel = (): void => {
      const { clusterID, operation } = request;
      const claim = claimOfCanceled(operation);
      const then = consequenceOf(claim, operation);
      reject(
        new ErrCanceled(`group ${clusterID}: the signal of ${NAMES[operation]} was aborted${then}`, {
          ...claim,
          cause: signal?.reason,
        }),
      );
    };
    const endWait = signal === undefined ? undefined : onAbort(signal, cancel);
    request.onResult((result) => {
      endWait?.();
      if (result.completed()) resolve(result);
      else reject(errorOf(request, result));
    });
  });
}
