import { hasErrorCode, isDrakkarError, isSameAddress, withClaim } from '@drakkar/raftio';
import { ErrCanceled, ErrInvalidTarget, ErrTimeout } from '../errors/index.js';
import { messageOf } from '../errors/inspect.js';
import { isTempError } from '../errors/temp-error.js';
import type { IClock } from '../runtime/clock.js';
import { unlessAborted } from '../runtime/unless-aborted.js';
import { checkIDs } from './ids.js';
import type { ClusterMembership } from '../engine/cluster-membership.js';
import { type CallOptions, timeoutMsOf } from './options.js';

/** What `syncRequestReplaceNode` is at. */
export type ReplaceStep = 'addObserver' | 'promote' | 'transferLeadership' | 'removeOld';

export interface ReplaceOptions extends CallOptions {
  /** For all of it; the new node may need long for a snapshot. Default: 600,000. */
  timeoutMs?: number;
  /** Called at the beginning of each step, and again when one is tried again for another reason. */
  onProgress?: (progress: { step: ReplaceStep; obstacle: string | undefined }) => void;
}

/** Which node takes the place of which. */
export interface Replacement {
  clusterID: number;
  nodeID: number;
  newNodeID: number;
  address: string;
}

/** The calls of a NodeHost that it takes. */
export interface ReplacingHost {
  getClusterMembership(clusterID: number, options: CallOptions): Promise<ClusterMembership>;
  getLeaderID(clusterID: number): { leaderID: number };
  requestLeaderTransfer(clusterID: number, targetNodeID: number): void;
  syncRequestAddObserver(...args: AddArguments): Promise<void>;
  syncRequestAddNode(...args: AddArguments): Promise<void>;
  syncRequestDeleteNode(
    clusterID: number,
    nodeID: number,
    index: number,
    options: CallOptions,
  ): Promise<void>;
}

type AddArguments = [clusterID: number, nodeID: number, address: string, index: number, options: CallOptions];

export interface ReplaceContext {
  host: ReplacingHost;
  clock: IClock;
  tickMs: number;
}

const DEFAULT_REPLACE_TIMEOUT_MS = 600_000;
/** One change; the next look at the membership says what became of it. */
const STEP_TIMEOUT_MS = 5_000;
/** Waits within a step double up to this: each refusal that a follower is told costs an entry of the log. */
const MAX_PAUSE_MS = 1_000;
/** A group whose leadership does not move is worth an election, not a failure. */
const MAX_TRANSFERS = 5;

/** What is to be done next, by the membership as it is; `undefined`: nothing. */
export function nextStep(
  { nodes, observers, removed }: ClusterMembership,
  { clusterID, nodeID, newNodeID, address }: Replacement,
  leaderID: number,
): ReplaceStep | undefined {
  const invalid = (what: string): ErrInvalidTarget => new ErrInvalidTarget(`group ${clusterID}: ${what}`);
  const isOldThere = nodes.has(nodeID);
  const newAddress = nodes.get(newNodeID) ?? observers.get(newNodeID);
  if (removed.has(newNodeID)) {
    throw invalid(`node ${newNodeID} was removed; give the new node another id`);
  }
  // Whether the place was one of an observer could not be told once that is removed.
  if (observers.has(nodeID)) {
    throw invalid(`node ${nodeID} is an observer: add another observer, then remove this one`);
  }
  if (!isOldThere && (newAddress === undefined || !removed.has(nodeID))) {
    const other = newAddress === undefined ? `, nor is node ${newNodeID}` : ' and never was one';
    throw invalid(`node ${nodeID} is no member${other}: look at the membership`);
  }
  if (newAddress === undefined) {
    const [holder] = [...nodes, ...observers].find(([, held]) => isSameAddress(held, String(address))) ?? [];
    if (holder === undefined) return 'addObserver';
    throw invalid(
      `${address} is the address of node ${holder}, and a group has one node at an address: ${
        holder === nodeID
          ? `for a host that lost its data, remove node ${nodeID} (syncRequestDeleteNode), then add node ` +
            `${newNodeID} there (syncRequestAddObserver), start it with join, and promote it (syncRequestAddNode)`
          : 'give the new node another one'
      }`,
    );
  }
  if (!isSameAddress(newAddress, String(address))) {
    throw invalid(`node ${newNodeID} is a member already, at ${newAddress} and not at ${address}`);
  }
  if (observers.has(newNodeID)) return 'promote';
  if (!isOldThere) return undefined;
  return leaderID === nodeID ? 'transferLeadership' : 'removeOld';
}

/** See `NodeHost.syncRequestReplaceNode`. What was done before, by an earlier call, it finds in the membership. */
export async function replaceNode(
  context: ReplaceContext,
  replacement: Replacement,
  options: ReplaceOptions = {},
): Promise<void> {
  const { clock, tickMs } = context;
  const { clusterID, nodeID, newNodeID } = replacement;
  const { timeoutMs = DEFAULT_REPLACE_TIMEOUT_MS, signal, onProgress } = options;
  timeoutMsOf({ ...options, timeoutMs }, tickMs);
  checkIDs({ clusterID, nodeID, newNodeID });
  if (nodeID === newNodeID)
    throw new ErrInvalidTarget(`group ${clusterID}: node ${nodeID} can't replace itself`);
  const endMs = clock.nowMs() + timeoutMs;
  const work = new ReplaceWork(context.host, replacement, onProgress);
  const notReplaced = `group ${clusterID}: node ${nodeID} was not replaced by node ${newNodeID}`;
  let pauseMs = tickMs;
  try {
    for (;;) {
      const leftMs = endMs - clock.nowMs();
      if (leftMs < tickMs) {
        const message = `${notReplaced} within ${timeoutMs} ms, ${work.situation}: call again to go on`;
        throw new ErrTimeout(message, { details: { step: work.step } });
      }
      const { step } = work;
      if (await work.advance({ timeoutMs: Math.max(tickMs, Math.min(leftMs, STEP_TIMEOUT_MS)), signal }))
        return;
      pauseMs = work.step === step ? Math.min(pauseMs * 2, Math.max(tickMs, MAX_PAUSE_MS)) : tickMs;
      await pause(clock, Math.max(0, Math.min(pauseMs, endMs - clock.nowMs())), signal);
    }
  } catch (error) {
    if (signal?.aborted !== true || !hasErrorCode(error, 'ERR_CANCELED')) throw work.restated(error);
    const message = `${notReplaced} before its signal was given, ${work.situation}: call again to go on`;
    throw new ErrCanceled(message, { cause: error, details: { step: work.step } });
  }
}

/** How far one call has come. */
class ReplaceWork {
  readonly #host: ReplacingHost;
  readonly #replacement: Replacement;
  readonly #onProgress: ReplaceOptions['onProgress'];
  #step: ReplaceStep | undefined;
  /** Why the step is not done, and what of that was told. */
  #obstacle: string | undefined;
  #toldObstacle: string | undefined;
  #transfers = 0;
  #mayHaveChanged = false;
  /** A change that did not fit the membership. */
  #refusal: { error: unknown; configChangeIndex: number } | undefined;

  constructor(host: ReplacingHost, replacement: Replacement, onProgress: ReplaceOptions['onProgress']) {
    this.#host = host;
    this.#replacement = replacement;
    this.#onProgress = onProgress;
  }

  get step(): ReplaceStep | undefined {
    return this.#step;
  }

  get situation(): string {
    const where = this.#step === undefined ? 'before the first step' : `at step ${this.#step}`;
    return `${where} (${this.#obstacle ?? 'under way'})`;
  }

  /** The error as one of the whole, which may have been done in part. */
  restated(error: unknown): unknown {
    const claimsNothing = isDrakkarError(error) && error.effect === 'none';
    return this.#mayHaveChanged && claimsNothing ? withClaim(error, { effect: 'unknown' }) : error;
  }

  /** Makes one step, or tries to. @returns whether all is done */
  async advance(call: CallOptions): Promise<boolean> {
    const { clusterID } = this.#replacement;
    const found = await this.#unlessPassing(call, async () => ({
      membership: await this.#host.getClusterMembership(clusterID, call),
      leaderID: this.#host.getLeaderID(clusterID).leaderID,
    }));
    if (found === undefined) return false;
    const { membership, leaderID } = found;
    const { configChangeIndex } = membership;
    const next = nextStep(membership, this.#replacement, this.#transfers < MAX_TRANSFERS ? leaderID : 0);
    if (next === undefined) return true;
    // It was for an older membership, as when another call does the same, or it will never fit.
    if (this.#refusal?.configChangeIndex === configChangeIndex) throw this.#refusal.error;
    this.#refusal = undefined;
    this.#begin(next);
    const isMade = await this.#unlessPassing(call, async () => {
      const hadChanged = this.#mayHaveChanged;
      this.#mayHaveChanged = true;
      try {
        await this.#make(next, configChangeIndex, call);
      } catch (error) {
        if (isDrakkarError(error) && error.effect === 'none') this.#mayHaveChanged = hadChanged;
        if (!hasErrorCode(error, 'ERR_REJECTED') && !hasErrorCode(error, 'ERR_NOT_A_MEMBER')) throw error;
        this.#refusal = { error, configChangeIndex };
        this.#obstacle = messageOf(error);
        return false;
      }
      this.#obstacle = undefined;
      if (next === 'transferLeadership') this.#transfers += 1;
      return true;
    });
    return isMade === true && next === 'removeOld';
  }

  #begin(step: ReplaceStep): void {
    const isNew = step !== this.#step;
    if (isNew) {
      this.#step = step;
      this.#obstacle = undefined;
    } else if (this.#obstacle === undefined || this.#obstacle === this.#toldObstacle) {
      return;
    }
    this.#toldObstacle = this.#obstacle;
    this.#onProgress?.({ step, obstacle: this.#obstacle });
  }

  /** `undefined` after a failure that may pass; others are thrown. */
  async #unlessPassing<T>({ timeoutMs = 0 }: CallOptions, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      const isTimeout = hasErrorCode(error, 'ERR_TIMEOUT');
      // A replica that was stopped here, or has removed itself, does not come back by waiting.
      const isGone = hasErrorCode(error, 'ERR_CLUSTER_CLOSED') || hasErrorCode(error, 'ERR_SYSTEM_STOPPED');
      if (isGone || (!isTempError(error) && !isTimeout)) throw error;
      // The last call of all has little time: that it ran out says less than what was known before.
      if (!isTimeout || timeoutMs >= STEP_TIMEOUT_MS) this.#obstacle = messageOf(error);
      else this.#obstacle ??= messageOf(error);
      return undefined;
    }
  }

  async #make(step: ReplaceStep, index: number, call: CallOptions): Promise<void> {
    const { clusterID, nodeID, newNodeID, address } = this.#replacement;
    switch (step) {
      case 'addObserver':
        return this.#host.syncRequestAddObserver(clusterID, newNodeID, address, index, call);
      case 'promote':
        return this.#host.syncRequestAddNode(clusterID, newNodeID, address, index, call);
      case 'transferLeadership':
        return this.#host.requestLeaderTransfer(clusterID, newNodeID);
      case 'removeOld':
        return this.#host.syncRequestDeleteNode(clusterID, nodeID, index, call);
    }
  }
}

function pause(clock: IClock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  const wait = new Promise<void>((resolve) => void clock.setTimeout(resolve, ms));
  if (signal === undefined) return wait;
  return unlessAborted(wait, signal, () => new ErrCanceled('the wait was ended by its signal'));
}
