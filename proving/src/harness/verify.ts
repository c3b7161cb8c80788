import { type RegisterOperation, checkLinearizableRegister } from '@drakkar/linearizability';
import type { KVDigest } from './kv-commands.js';
import type { DumpedRecord } from './commands.js';
import { CallKind, type JournaledCall } from './journal.js';
import { isPrivateKey, keyIDOf, keyName } from './names.js';

export interface Check {
  name: string;
  isGood: boolean;
  /** A figure when it is good, what is wrong when it is not. */
  detail: string;
}

/** What one replica holds at the end, asked for when all clients were done. */
export interface Dump {
  nodeID: number;
  askedAt: number;
  toldAt: number;
  records: DumpedRecord[];
}

export interface Evidence {
  calls: JournaledCall[];
  digests: ReadonlyMap<number, KVDigest | undefined>;
  dumps: Dump[];
  /** Writes that the group had applied before the first of the calls. */
  writesBefore: number;
}

const LINEARIZABILITY_TIME_LIMIT_MS = 20_000;
const KIND_NAMES = { [CallKind.put]: 'put', [CallKind.get]: 'get', [CallKind.delete]: 'delete' } as const;

/** Everything that must hold of a run, whatever was killed in it. */
export function verify(evidence: Evidence): Check[] {
  return [
    checkReplicasEqual(evidence),
    checkAcknowledgedPresent(evidence),
    checkOnce(evidence),
    checkWriteCount(evidence),
    checkLinearizable(evidence),
  ];
}

function check(name: string, problems: string[], detail: string): Check {
  if (problems.length === 0) return { name, isGood: true, detail };
  const more = problems.length > 5 ? `, and ${problems.length - 5} more` : '';
  return { name, isGood: false, detail: problems.slice(0, 5).join('; ') + more };
}

function checkReplicasEqual({ digests, dumps }: Evidence): Check {
  const problems: string[] = [];
  const [first] = digests.values();
  for (const [nodeID, digest] of digests) {
    if (digest === undefined) problems.push(`node ${nodeID} gives no answer`);
    else if (digest.hash !== first?.hash || digest.writeCount !== first.writeCount) {
      problems.push(`node ${nodeID} has ${digest.writeCount} writes and hash ${digest.hash}`);
    }
  }
  if (first !== undefined && problems.length > 0) problems.push(`the first has hash ${first.hash}`);
  const [reference] = dumps.map(({ records }) => JSON.stringify(records));
  for (const { nodeID, records } of dumps) {
    if (JSON.stringify(records) !== reference) problems.push(`the records of node ${nodeID} differ`);
  }
  if (dumps.length !== digests.size)
    problems.push(`${dumps.length} of ${digests.size} nodes reported their records`);
  return check('replicas are equal', problems, `${digests.size} with hash ${first?.hash ?? ''}`);
}

/** Puts of a client to a key of its own, in order: the one on whose outcome nothing is known can only be the last. */
function putsByPrivateKey(calls: readonly JournaledCall[]): Map<number, JournaledCall[]> {
  const byKey = new Map<number, JournaledCall[]>();
  for (const call of calls) {
    if (call.kind !== CallKind.put || !isPrivateKey(call.keyID)) continue;
    const puts = byKey.get(call.keyID);
    if (puts === undefined) byKey.set(call.keyID, [call]);
    else puts.push(call);
  }
  return byKey;
}

function checkAcknowledgedPresent({ calls, dumps }: Evidence): Check {
  const problems: string[] = [];
  const putsByKey = putsByPrivateKey(calls);
  let writeCount = 0;
  for (const { nodeID, records } of dumps) {
    const byName = new Map(records.map((record) => [record.key, record]));
    for (const [keyID, puts] of putsByKey) {
      const acknowledged = puts.filter(({ returnedAt }) => returnedAt !== undefined).length;
      const { version = 0, value } = byName.get(keyName(keyID)) ?? {};
      // A key's version counts its puts: fewer than acknowledged, and one is lost, wherever it was.
      if (version < acknowledged || version > puts.length) {
        problems.push(
          `node ${nodeID}: ${keyName(keyID)} has ${version} writes of ${acknowledged} acknowledged`,
        );
      } else if (version > 0 && value !== puts[version - 1]?.value) {
        problems.push(`node ${nodeID}: ${keyName(keyID)} holds ${value}, which is not its last write`);
      }
    }
  }
  for (const puts of putsByKey.values()) writeCount += puts.length;
  return check(
    'every acknowledged write is on every replica',
    problems,
    `${writeCount} writes to clients' own keys`,
  );
}

function checkOnce({ calls }: Evidence): Check {
  const problems: string[] = [];
  let count = 0;
  for (const [keyID, puts] of putsByPrivateKey(calls)) {
    puts.forEach(({ returnedAt, version }, i) => {
      if (returnedAt === undefined) return;
      count += 1;
      if (version !== i + 1)
        problems.push(`put ${i + 1} to ${keyName(keyID)} was answered with version ${version}`);
    });
  }
  return check('no write took effect twice', problems, `${count} answers`);
}

function checkWriteCount({ calls, digests, writesBefore }: Evidence): Check {
  const writes = calls.filter(({ kind }) => kind !== CallKind.get);
  const acknowledged = writes.filter(({ returnedAt }) => returnedAt !== undefined).length;
  const problems: string[] = [];
  for (const [nodeID, digest] of digests) {
    const applied = (digest?.writeCount ?? 0) - writesBefore;
    if (applied < acknowledged || applied > writes.length) {
      problems.push(
        `node ${nodeID} applied ${applied}, which is not within ${acknowledged} to ${writes.length}`,
      );
    }
  }
  const unknown = writes.length - acknowledged;
  return check('writes add up', problems, `${acknowledged} acknowledged, ${unknown} of unknown outcome`);
}

function checkLinearizable({ calls, dumps }: Evidence): Check {
  const history: RegisterOperation[] = calls.map((call) => ({
    key: keyName(call.keyID),
    kind: KIND_NAMES[call.kind],
    value: call.value,
    invokedAt: call.invokedAt,
    returnedAt: call.returnedAt,
    client: call.client,
  }));
  const keyIDs = new Set(calls.map(({ keyID }) => keyID));
  // What each replica holds in the end are reads as well, and the last.
  for (const { nodeID, askedAt, toldAt, records } of dumps) {
    const byKey = new Map(records.map(({ key, value }) => [keyIDOf(key), value]));
    for (const keyID of keyIDs) {
      const read = {
        key: keyName(keyID),
        kind: 'get' as const,
        value: byKey.get(keyID),
        client: `node ${nodeID}`,
      };
      history.push({ ...read, invokedAt: askedAt, returnedAt: toldAt });
    }
  }
  const result = checkLinearizableRegister(history, { timeLimitMs: LINEARIZABILITY_TIME_LIMIT_MS });
  const name = 'the history is linearizable';
  if (result.verdict === 'ok') {
    const detail = `${result.operationCount} operations on ${result.keyCount} keys`;
    return { name, isGood: true, detail };
  }
  const detail =
    result.verdict === 'violation' ? result.message : `undecided: ${result.reason}, key ${result.key}`;
  return { name, isGood: false, detail };
}
