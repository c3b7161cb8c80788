import {
  ErrUpdateRefused,
  type NodeInfo,
  type State,
  type Update,
  encodeEntries,
  encodeSnapshot,
} from '@drakkar/raftio';
import { messageOf } from '@drakkar/raftio/kv';
import { MAX_PAYLOAD_BYTES } from './format/frame.js';
import { type Op, OpType, makeOp, opSizeBytes } from './format/ops.js';
import { encodeHardState } from './index/apply.js';
import type { Replica } from './index/replica.js';

const NO_STATE: State = Object.freeze({ term: 0, vote: 0, commit: 0 });
/** What else may be in the frame that a call shares. */
const SHARED_BYTES = 64 * 1024 * 1024;
const MAX_CALL_BYTES = MAX_PAYLOAD_BYTES - SHARED_BYTES;

/**
 * The ops of an update, checked and encoded. What fails here is one replica's update, with ErrUpdateRefused, before
 * anything of the call was stored.
 */
export function updateOps(update: Update, replica: Replica | undefined): Op[] {
  try {
    return encode(update, replica);
  } catch (cause) {
    const { clusterID, nodeID } = update;
    throw new ErrUpdateRefused(
      `the update of group ${clusterID}, node ${nodeID} was refused before anything was written: ${messageOf(cause)}`,
      { cause, details: { clusterID, nodeID } },
    );
  }
}

function encode(update: Update, replica: Replica | undefined): Op[] {
  const { snapshot, entriesToSave } = update;
  const ops: Op[] = [];
  checkIDs(update);
  if (snapshot !== undefined)
    ops.push(makeOp(OpType.restart, update, { index: snapshot.index, body: encodeSnapshot(snapshot) }));
  const first = entriesToSave[0]?.index;
  if (first !== undefined) {
    checkEntries(update, first);
    ops.push(
      makeOp(OpType.entries, update, {
        ...{ index: first, count: entriesToSave.length, body: encodeEntries(entriesToSave) },
      }),
    );
  }
  const hasState = replica?.state !== undefined;
  const state = update.state ?? (ops.length > 0 && !hasState ? NO_STATE : undefined);
  if (state !== undefined) {
    checkState(state);
    ops.push(makeOp(OpType.state, update, { body: encodeHardState(state) }));
  }
  return ops;
}

function checkIDs({ clusterID, nodeID }: NodeInfo): void {
  for (const id of [clusterID, nodeID]) checkInteger(id, 'an id');
}

function checkInteger(value: number, what: string): void {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new RangeError(`${value} is not ${what}: an integer from 0 to 2^53-1`);
}

function checkState({ term, vote, commit }: State): void {
  for (const value of [term, vote, commit]) checkInteger(value, 'a term, vote or index');
}

function checkEntries({ entriesToSave }: Update, first: number): void {
  const last = entriesToSave.at(-1)?.index ?? 0;
  if (!Number.isSafeInteger(last) || first < 1 || last - first + 1 !== entriesToSave.length)
    throw new RangeError(
      `entries from index ${first} to ${last} are not consecutive: there are ${entriesToSave.length}`,
    );
}

/** Throws before anything of the call is stored. */
export function checkCallSize(ops: readonly Op[]): void {
  let sizeBytes = 0;
  for (const op of ops) sizeBytes += opSizeBytes(op);
  if (sizeBytes > MAX_CALL_BYTES)
    throw new RangeError(`a call of ${sizeBytes} bytes is more than one frame can hold: ${MAX_CALL_BYTES}`);
}
