import { type Snapshot, type State, decodeSnapshot, encodeBootstrap } from '@drakkar/raftio';
import { getUint64, putUint64, viewOf } from '../format/integers.js';
import { type Op, OpType, opSizeBytes } from '../format/ops.js';
import type { Replica, ReplicaMap } from './replica.js';

/** Where an op lies. */
export interface Place {
  segment: number;
  offset: number;
}

const STATE_BYTES = 24;

export function encodeHardState({ term, vote, commit }: State): Uint8Array {
  const bytes = new Uint8Array(STATE_BYTES);
  const view = viewOf(bytes);
  putUint64(view, 0, term);
  putUint64(view, 8, vote);
  putUint64(view, 16, commit);
  return bytes;
}

function decodeHardState(bytes: Uint8Array): State {
  if (bytes.length !== STATE_BYTES)
    throw new Error(`a hard state of ${bytes.length} bytes, not ${STATE_BYTES}`);
  const view = viewOf(bytes);
  return { term: getUint64(view, 0), vote: getUint64(view, 8), commit: getUint64(view, 16) };
}

/** The one meaning of each op: when it is submitted, and when the log is opened. */
export function applyOp(replicas: ReplicaMap, op: Op, place: Place): void {
  const replica = replicas.get(op);
  const sizeBytes = opSizeBytes(op);
  const record = { segment: place.segment, sizeBytes };
  switch (op.type) {
    case OpType.bootstrap:
      replica.setBootstrap({ ...record, body: op.body.slice() });
      return;
    case OpType.state:
      replica.setState({ ...record, body: op.body.slice(), value: decodeHardState(op.body) });
      return;
    case OpType.entries:
      replica.pieces.append({ first: op.index, count: op.count, ...place, sizeBytes });
      return;
    case OpType.relocated:
      replica.pieces.relocate({ first: op.index, count: op.count, ...place, sizeBytes });
      return;
    case OpType.restart:
      replica.forgetLog();
      replica.setSnapshot(op.index, { ...record, body: op.body.slice() });
      return;
    case OpType.snapshot:
      replica.setSnapshot(op.index, { ...record, body: op.body.slice() });
      return;
    case OpType.snapshotDeletion:
      replica.deleteSnapshot(op.index);
      return;
    case OpType.removedTo:
      replica.pieces.trimTo(op.index);
      return;
    case OpType.removal:
      replica.clear();
      return;
    case OpType.import:
      applyImport(replica, op, record);
  }
}

/** One op holds it all, and counts as the place of each part until that is written again. */
function applyImport(replica: Replica, op: Op, record: { segment: number; sizeBytes: number }): void {
  const body = op.body.slice();
  const snapshot: Snapshot = decodeSnapshot(body);
  const value = { term: snapshot.term, vote: 0, commit: snapshot.index };
  replica.clear();
  replica.setBootstrap({ ...record, body: encodeBootstrap({ addresses: new Map(), join: true }) });
  replica.setState({ ...record, body: encodeHardState(value), value });
  replica.setSnapshot(op.index, { ...record, body });
}
