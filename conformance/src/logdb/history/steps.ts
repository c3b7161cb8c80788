import type { NodeInfo, Update } from '@drakkar/raftio';
import { bootstrap, entry, replica, snapshotRecord, state, update } from '../make.js';
import type { Operation } from '../model.js';

/** Entries `from` to `from + count - 1`; with `varied`, of any size up to `sizeBytes`. */
export interface EntriesStep {
  from: number;
  count: number;
  term: number;
  sizeBytes: number;
  varied: boolean;
}

export interface UpdateStep {
  of: NodeInfo;
  state?: [term: number, vote: number, commit: number];
  entries?: EntriesStep;
  snapshot?: [index: number, term: number];
}

/** A call that changes something, in so few words that it can be sent to another process and printed. */
export type WriteStep =
  | { do: 'saveRaftState' | 'saveSnapshots'; updates: UpdateStep[] }
  | { do: 'saveBootstrapInfo'; of: NodeInfo; nodeIDs: number[]; join: boolean }
  | { do: 'removeEntriesTo' | 'compactEntriesTo' | 'deleteSnapshot'; of: NodeInfo; index: number }
  | { do: 'removeNodeData'; of: NodeInfo }
  | { do: 'importSnapshot'; of: NodeInfo; snapshot: [index: number, term: number] };

export type ReadStep =
  | { do: 'iterateEntries'; of: NodeInfo; low: number; high: number; maxSizeBytes: number }
  | { do: 'readRaftState'; of: NodeInfo; lastIndex: number }
  | { do: 'listSnapshots'; of: NodeInfo; index: number }
  | { do: 'getBootstrapInfo'; of: NodeInfo };

export type Step =
  | WriteStep
  | ReadStep
  /** Waits for all calls made so far. */
  | { do: 'settle' }
  /** Waits, and compares everything with the model. */
  | { do: 'check' }
  /** Waits, closes, opens. */
  | { do: 'reopen' }
  /** Each lane makes its calls, one after the other, in a process that is lost on the way. */
  | { do: 'crash'; lanes: WriteStep[][]; acksBeforeCrash: number; delay: number };

const KNUTH = 2_654_435_761;

function sizeOf({ sizeBytes, varied }: EntriesStep, index: number): number {
  return varied ? (Math.imul(index, KNUTH) >>> 0) % (sizeBytes + 1) : sizeBytes;
}

function updateOf(step: UpdateStep): Update {
  const { of, entries } = step;
  const log =
    entries === undefined
      ? []
      : Array.from({ length: entries.count }, (_, i) =>
          entry(entries.from + i, entries.term, sizeOf(entries, entries.from + i)),
        );
  return update(of, {
    entries: log,
    ...(step.state === undefined ? {} : { state: state(...step.state) }),
    ...(step.snapshot === undefined ? {} : { snapshot: snapshotRecord(...step.snapshot) }),
  });
}

/** The call of the step, with arguments that nobody else has. */
export function operationOf(step: WriteStep): Operation {
  switch (step.do) {
    case 'saveRaftState':
    case 'saveSnapshots':
      return { op: step.do, updates: step.updates.map(updateOf) };
    case 'saveBootstrapInfo':
      return { op: step.do, of: { ...step.of }, bootstrap: bootstrap(step.nodeIDs, step.join) };
    case 'removeNodeData':
      return { op: step.do, of: { ...step.of } };
    case 'importSnapshot':
      return { op: step.do, of: { ...step.of }, snapshot: snapshotRecord(...step.snapshot) };
    default:
      return { op: step.do, of: { ...step.of }, index: step.index };
  }
}

export function isRead(step: Step): step is ReadStep {
  return (
    step.do === 'iterateEntries' ||
    step.do === 'readRaftState' ||
    step.do === 'listSnapshots' ||
    step.do === 'getBootstrapInfo'
  );
}

export function isWrite(step: Step): step is WriteStep {
  return !isRead(step) && !['settle', 'check', 'reopen', 'crash'].includes(step.do);
}

/** The replicas that a call is for. */
export function replicasOf(step: WriteStep): NodeInfo[] {
  return 'updates' in step ? step.updates.map(({ of }) => of) : [step.of];
}

export { replica };
