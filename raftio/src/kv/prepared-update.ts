import type { NodeInfo, Update } from '../logdb.js';
import { decodeBootstrap, encodeBootstrap } from '../raftpb/record-codec.js';
import { decodeSnapshot, encodeSnapshot } from '../raftpb/snapshot-codec.js';
import type { Bootstrap, Snapshot, State } from '../raftpb/types.js';
import type { KVOp } from './contract.js';
import { encodeBlock } from './entry-block.js';
import { KeyKind, makeKey } from './keys.js';
import { corrupt, sealBytes, unseal } from './records.js';
import type { Replica } from './replica.js';

export function bootstrapKey({ clusterID, nodeID }: NodeInfo): Uint8Array {
  return makeKey(KeyKind.bootstrap, clusterID, nodeID, 0);
}

export function snapshotKey({ clusterID, nodeID }: NodeInfo, index: number): Uint8Array {
  return makeKey(KeyKind.snapshot, clusterID, nodeID, index);
}

export function putBootstrap(node: NodeInfo, bootstrap: Bootstrap): KVOp {
  const key = bootstrapKey(node);
  return { type: 'put', key, value: sealBytes(key, encodeBootstrap(bootstrap)) };
}

export function putSnapshot(node: NodeInfo, snapshot: Snapshot): KVOp {
  const key = snapshotKey(node, snapshot.index);
  return { type: 'put', key, value: sealBytes(key, encodeSnapshot(snapshot)) };
}

function decodeSealed<T>(key: Uint8Array, value: Uint8Array, decode: (bytes: Uint8Array) => T): T {
  const content = unseal(key, value);
  try {
    return decode(content);
  } catch (error) {
    throw corrupt(key, 'the content does not decode', error);
  }
}

export function readBootstrap(key: Uint8Array, value: Uint8Array): Bootstrap {
  return decodeSealed(key, value, decodeBootstrap);
}

export function readSnapshot(key: Uint8Array, value: Uint8Array): Snapshot {
  return decodeSealed(key, value, decodeSnapshot);
}

function checkEntries({ clusterID, nodeID, entriesToSave }: Update): void {
  const first = entriesToSave[0]?.index;
  const last = entriesToSave.at(-1)?.index;
  if (first === undefined || last === undefined) return;
  if (!Number.isSafeInteger(last) || first < 1 || last - first + 1 !== entriesToSave.length) {
    throw new RangeError(`entries of cluster ${clusterID}, node ${nodeID} are not consecutive`);
  }
}

function checkState(state: State): State {
  for (const value of [state.term, state.vote, state.commit]) {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`not a term, vote or index: ${value}`);
  }
  return { term: state.term, vote: state.vote, commit: state.commit };
}

/**
 * An update checked and encoded, which may fail, but not applied yet: so a call that fails here has changed nothing,
 * in memory or on the disk.
 */
export class PreparedUpdate {
  readonly replica: Replica;
  readonly #update: Update;
  readonly #state: State | undefined;
  readonly #firstIndex: number | undefined;
  readonly #block: { key: Uint8Array; value: Uint8Array } | undefined;
  readonly #snapshotOp: KVOp | undefined;

  constructor(replica: Replica, update: Update) {
    this.replica = replica;
    this.#update = update;
    this.#state = update.state && checkState(update.state);
    this.#snapshotOp = update.snapshot && putSnapshot(update, update.snapshot);
    this.#firstIndex = update.entriesToSave[0]?.index;
    if (this.#firstIndex !== undefined) {
      checkEntries(update);
      const key = replica.recordKey(this.#firstIndex);
      this.#block = { key, value: encodeBlock(key, update.entriesToSave) };
    }
  }

  get isEmpty(): boolean {
    return this.#state === undefined && this.#block === undefined && this.#snapshotOp === undefined;
  }

  /** Whether it removes or replaces something that a read called earlier may be looking at. */
  get takesAway(): boolean {
    if (this.#snapshotOp !== undefined) return true;
    return this.#firstIndex !== undefined && this.replica.isTruncatedBy(this.#firstIndex);
  }

  apply(ops: KVOp[]): void {
    const { replica } = this;
    if (this.#snapshotOp !== undefined) {
      ops.push(this.#snapshotOp);
      replica.forgetLog();
    }
    if (this.#block !== undefined) {
      replica.append(this.#update.entriesToSave, this.#block.key, this.#block.value, ops);
    }
    replica.state = this.#state ?? replica.state ?? { term: 0, vote: 0, commit: 0 };
    replica.writeHead(ops);
  }
}
