import { ErrLogDBCorrupt, hasErrorCode } from '../errors.js';
import type { IOrderedKV, KVOp } from './contract.js';
import { KeyKind, indexOfKey, keyAfter, kindEnd, makeKey, parseKey } from './keys.js';
import { decodeHead, sealBytes, unseal } from './records.js';
import { Replica } from './replica.js';

/** Version of the layout described in keys.ts, records.ts and entry-block.ts. */
const FORMAT_VERSION = 1;
const FORMAT_NAME = 'drakkar-log';
const KEYS_PER_PAGE = 1000;

/** All replicas of a store, by cluster id and node id. */
export class ReplicaMap {
  readonly #byCluster = new Map<number, Map<number, Replica>>();

  find(clusterID: number, nodeID: number): Replica | undefined {
    return this.#byCluster.get(clusterID)?.get(nodeID);
  }

  get(clusterID: number, nodeID: number): Replica {
    let nodes = this.#byCluster.get(clusterID);
    if (nodes === undefined) {
      checkID(clusterID);
      nodes = new Map();
      this.#byCluster.set(clusterID, nodes);
    }
    let replica = nodes.get(nodeID);
    if (replica === undefined) {
      checkID(nodeID);
      replica = new Replica(clusterID, nodeID);
      nodes.set(nodeID, replica);
    }
    return replica;
  }

  /** For a look at what is stored: nothing is kept of an id under which there is nothing. */
  peek(clusterID: number, nodeID: number): Replica {
    checkID(clusterID);
    checkID(nodeID);
    return this.find(clusterID, nodeID) ?? new Replica(clusterID, nodeID);
  }

  all(): Replica[] {
    return [...this.#byCluster.values()].flatMap((nodes) => [...nodes.values()]);
  }
}

function checkID(id: number): void {
  if (!Number.isSafeInteger(id) || id < 0) throw new RangeError(`not an id: ${id}`);
}

/**
 * Makes an empty store ours; refuses one that holds anything else.
 *
 * It writes in either case, and a write is durable with all that was written before it. A process that was killed may
 * have left writes in the caches of the system that were never synced; they are found now, and will be relied on, but
 * a power failure could still take them away.
 */
export async function checkFormat(kv: IOrderedKV): Promise<void> {
  const key = makeKey(KeyKind.format, 0, 0, 0);
  const value = await kv.get(key);
  if (value === undefined) {
    const others = await kv.getKeys({ start: new Uint8Array(1), end: new Uint8Array([0xff]), limit: 1 });
    if (others.length > 0) throw new ErrLogDBCorrupt('the store holds something else than a log of Drakkar');
    const content = new TextEncoder().encode(`${FORMAT_NAME} ${FORMAT_VERSION}`);
    await kv.write([{ type: 'put', key, value: sealBytes(key, content) }]);
    return;
  }
  const format = new TextDecoder().decode(unseal(key, value));
  if (format !== `${FORMAT_NAME} ${FORMAT_VERSION}`) {
    throw new ErrLogDBCorrupt(`the log is of format "${format}", which this version does not know`);
  }
  await kv.write([{ type: 'put', key, value }]);
}

/** Reads what there is of every replica, a few reads for each, none for an entry. */
export async function loadReplicas(kv: IOrderedKV): Promise<ReplicaMap> {
  const replicas = new ReplicaMap();
  await loadBootstraps(kv, replicas);
  let start = makeKey(KeyKind.log, 0, 0, 0);
  for (;;) {
    const [key] = await kv.getKeys({ start, end: kindEnd(KeyKind.log), limit: 1 });
    if (key === undefined) return replicas;
    const { clusterID, nodeID } = parseKey(key);
    const replica = replicas.get(clusterID, nodeID);
    await loadHead(kv, replica);
    start = keyAfter(replica.headKey);
  }
}

async function loadBootstraps(kv: IOrderedKV, replicas: ReplicaMap): Promise<void> {
  let start = makeKey(KeyKind.bootstrap, 0, 0, 0);
  for (;;) {
    const keys = await kv.getKeys({ start, end: kindEnd(KeyKind.bootstrap), limit: KEYS_PER_PAGE });
    for (const key of keys) {
      const { clusterID, nodeID } = parseKey(key);
      replicas.get(clusterID, nodeID).hasBootstrap = true;
    }
    const last = keys.at(-1);
    if (last === undefined || keys.length < KEYS_PER_PAGE) return;
    start = keyAfter(last);
  }
}

async function loadHead(kv: IOrderedKV, replica: Replica): Promise<void> {
  const top = await kv.getFloorKey(replica.recordKey(Number.MAX_SAFE_INTEGER), replica.recordKey(0));
  replica.topRecord = top === undefined ? 0 : indexOfKey(top);
  const value = await kv.get(replica.headKey);
  if (value === undefined) return;
  try {
    const head = decodeHead(replica.headKey, value);
    replica.state = head.state;
    replica.runs = head.runs;
  } catch (error) {
    if (!hasErrorCode(error, 'ERR_LOGDB_CORRUPT')) throw error;
    replica.damage = error as ErrLogDBCorrupt;
  }
}

/** Operations that remove a replica but for the records of its log; without its head these mean nothing. */
export function removalOps(replica: Replica): KVOp[] {
  const { clusterID, nodeID } = replica;
  return [
    { type: 'delete', key: makeKey(KeyKind.bootstrap, clusterID, nodeID, 0) },
    { type: 'delete', key: replica.headKey },
    {
      type: 'deleteRange',
      start: makeKey(KeyKind.snapshot, clusterID, nodeID, 0),
      end: keyAfter(makeKey(KeyKind.snapshot, clusterID, nodeID, Number.MAX_SAFE_INTEGER)),
    },
  ];
}
