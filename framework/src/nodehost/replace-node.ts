import { hasErrorCode } from '@drakkar/raftio';
import { ErrCanceled, ErrInvalidTarget, ErrTimeout } from '../errors/index.js';
import { messageOf } from '../errors/inspect.js';
import { isTempError } from '../errors/temp-error.js';
import type { IClock } from '../runtime/clock.js';
import { unlessAborted } from '../runtime/unless-aborted.js';
import type { ClusterMembership } from './membership-requests.js';
import { type CallOptions, timeoutTicks } from './options.js';

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
/** A group whose leadership does not move is worth an election, not a failure. */
const MAX_TRANSFERS = 5;

/** What is to be done next, by the membership as it is; `undefined`: nothing. */
export function nextStep(
  { nodes, observers, removed }: ClusterMembership,
  { clusterID, nodeID, newNodeID }: Replacement,
  leaderID: number,
): ReplaceStep | undefined {
  const isOldThere = nodes.has(nodeID) || observers.has(nodeID);
  if (removed.has(newNodeID)) {
    throw new ErrInvalidTarget(
      `group ${clusterID}: node ${newNodeID} was removed; give the new node another id`,
    );
  }
  if (!nodes.has(newNodeID) && !observers.has(newNodeID)) {
    if (isOldThere) return 'addObserver';
    throw new ErrInvalidTarget(
      `group ${clusterID}: neither node ${nodeID} nor node ${newNodeID} is a member`,
    );
  }
  if (observers.has(newNodeID) && !observers.has(nodeID)) return 'promote';
  if (!isOldThere) return undefined;
  return leaderID === nodeID ? 'transferLeadership' : 'removeOld';
}

/** See `NodeHost.syncRequestReplaceNode`. What was done before, by an earlier call, it finds in the membership. */
export async function replaceNode(
  { host, clock, tickMs }: ReplaceContext,
  replacement: Replacement,
  options: ReplaceOptions = {},
): Promise<void> {
  const { clusterID, nodeID, newNodeID } = replacement;
  const { timeoutMs = DEFAULT_REPLACE_TIMEOUT_MS, signal, onProgress } = options;
  timeoutTicks({ ...options, timeoutMs }, tickMs);
  if (nodeID === newNodeID)
    throw new ErrInvalidTarget(`group ${clusterID}: node ${nodeID} can't replace itself`);
  const endMs = clock.nowMs() + timeoutMs;
  let step: ReplaceStep | undefined;
  let obstacle: string | undefined;
  let transfers = 0;
  for (;;) {
    const leftMs = endMs - clock.nowMs();
    if (leftMs < tickMs) {
      throw new ErrTimeout(
        `group ${clusterID}: node ${nodeID} was not replaced by node ${newNodeID} within ${timeoutMs} ms, at step ` +
          `${step ?? 'none'} (${obstacle ?? 'under way'}): call again to go on`,
        { details: { step } },
      );
    }
    const call = { timeoutMs: Math.max(tickMs, Math.min(leftMs, STEP_TIMEOUT_MS)), signal };
    const before: string | undefined = obstacle;
    try {
      const membership = await host.getClusterMembership(clusterID, call);
      const leaderID = transfers < MAX_TRANSFERS ? host.getLeaderID(clusterID).leaderID : 0;
      const next = nextStep(membership, replacement, leaderID);
      if (next === undefined) return;
      if (next !== step || before !== undefined)
        onProgress?.({ step: next, obstacle: next === step ? before : undefined });
      step = next;
      obstacle = undefined;
      if (step === 'transferLeadership') transfers += 1;
      await make(host, step, replacement, membership.configChangeIndex, call);
      if (step === 'removeOld') return;
    } catch (error) {
      if (!isTempError(error) && !hasErrorCode(error, 'ERR_TIMEOUT')) throw error;
      obstacle = messageOf(error);
    }
    await pause(clock, step === 'transferLeadership' ? STEP_TIMEOUT_MS / 10 : tickMs, signal);
  }
}

async function make(
  host: ReplacingHost,
  step: ReplaceStep,
  { clusterID, nodeID, newNodeID, address }: Replacement,
  index: number,
  call: CallOptions,
): Promise<void> {
  switch (step) {
    case 'addObserver':
      return host.syncRequestAddObserver(clusterID, newNodeID, address, index, call);
    case 'promote':
      return host.syncRequestAddNode(clusterID, newNodeID, address, index, call);
    case 'transferLeadership':
      host.requestLeaderTransfer(clusterID, newNodeID);
      return;
    case 'removeOld':
      return host.syncRequestDeleteNode(clusterID, nodeID, index, call);
  }
}

function pause(clock: IClock, ms: number, signal: AbortSignal | undefined): Promise<void> {
  const wait = new Promise<void>((resolve) => void clock.setTimeout(resolve, ms));
  if (signal === undefined) return wait;
  return unlessAborted(
    wait,
    signal,
    () => new ErrCanceled('the wait was ended by its signal; call again to go on'),
  );
}
