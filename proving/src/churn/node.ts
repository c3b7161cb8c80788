import { Buffer } from 'node:buffer';
import { setTimeout as delay } from 'node:timers/promises';
import { type ClusterMembership, type IStateMachine, NodeHost } from '@drakkar/framework';
import { hasErrorCode, isDrakkarError } from '@drakkar/raftio';
import type {
  Change,
  ChurnCommands,
  ChurnHostPlan,
  LocalState,
  PlainMembership,
  ReplicaPlan,
} from './commands.js';
import { dumpRecords } from '../harness/dump.js';
import { keyName } from '../harness/names.js';
import { CLUSTER_ID, groupConfig } from '../harness/plan.js';
import { serveParent } from '../harness/serve-parent.js';
import { Workload } from '../harness/workload.js';
import {
  asBuffer,
  decodeDigestAnswer,
  decodeRecords,
  encodeDigest,
  encodeGet,
  encodePut,
} from '../harness/kv-commands.js';
import { KVStateMachine } from '../harness/kv-state-machine.js';

/** One process of the churn test: a NodeHost that runs a replica of the group, or none, as its parent wants. */
const SNAPSHOT_ENTRIES = 300;
const COMPACTION_OVERHEAD = 30;
const RETRY_DELAY_MS = 20;

const plan = JSON.parse(process.argv[2] as string) as ChurnHostPlan;
const host = await NodeHost.create(plan.configPath);
let isStarting = false;
let installs = 0;
if (plan.replica !== undefined) await startReplica(plan.replica);
let workload: Workload | undefined;

async function startReplica({ nodeID, members, join, isObserver }: ReplicaPlan): Promise<void> {
  const config = {
    ...groupConfig(nodeID),
    isObserver,
    snapshotEntries: SNAPSHOT_ENTRIES,
    compactionOverhead: COMPACTION_OVERHEAD,
  };
  isStarting = true;
  try {
    await host.startCluster(new Map(members), join, createStateMachine, config);
  } catch (error) {
    // Both are where this was to lead: it runs, or the group has removed it in the meantime.
    if (!hasErrorCode(error, 'ERR_CLUSTER_ALREADY_EXIST') && !hasErrorCode(error, 'ERR_NODE_REMOVED'))
      throw error;
  } finally {
    isStarting = false;
  }
}

/** What it recovers when its replica runs already is a snapshot that the leader has sent. */
function createStateMachine(): IStateMachine {
  const stateMachine = new KVStateMachine();
  const recover = stateMachine.recoverFromSnapshot.bind(stateMachine);
  stateMachine.recoverFromSnapshot = async (...args) => {
    await recover(...args);
    if (!isStarting) installs += 1;
  };
  return stateMachine;
}

async function retire(nodeID: number): Promise<void> {
  try {
    await host.stopNode(CLUSTER_ID, nodeID);
  } catch (error) {
    if (!hasErrorCode(error, 'ERR_CLUSTER_NOT_FOUND')) throw error;
  }
  await host.removeData(CLUSTER_ID, nodeID);
}

/** Repeats what has no effect, or the same effect, when it is repeated. */
async function persist<T>(timeoutMs: number, attempt: () => Promise<T>): Promise<T> {
  const endMs = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      const mayHelp = isDrakkarError(error) && error.retry !== 'never';
      if (!mayHelp || performance.now() > endMs) throw error;
      await delay(RETRY_DELAY_MS);
    }
  }
}

function plain({ configChangeIndex, nodes, observers, removed }: ClusterMembership): PlainMembership {
  const byID = ([a]: [number, string], [b]: [number, string]): number => a - b;
  return {
    configChangeIndex,
    nodes: [...nodes].sort(byID),
    observers: [...observers].sort(byID),
    removed: [...removed].sort((a, b) => a - b),
  };
}

async function change(wanted: Change, timeoutMs: number): Promise<void> {
  const { nodes, observers, removed } = await host.getClusterMembership(CLUSTER_ID, { timeoutMs });
  const { nodeID } = wanted;
  if (wanted.kind === 'delete') {
    if (!removed.has(nodeID)) await host.syncRequestDeleteNode(CLUSTER_ID, nodeID, 0, { timeoutMs });
  } else if (wanted.kind === 'addNode') {
    if (!nodes.has(nodeID)) {
      await host.syncRequestAddNode(CLUSTER_ID, nodeID, wanted.address, 0, { timeoutMs, force: true });
    }
  } else if (!observers.has(nodeID)) {
    await host.syncRequestAddObserver(CLUSTER_ID, nodeID, wanted.address, 0, { timeoutMs, force: true });
  }
}

async function state(): Promise<LocalState | undefined> {
  const replica = host.getNodeHostInfo().replicas.find(({ clusterID }) => clusterID === CLUSTER_ID);
  if (replica === undefined) return undefined;
  const { nodeID, progress, error } = replica;
  const isRunning = replica.state === 'running';
  const answer = isRunning ? await host.readLocal(CLUSTER_ID, encodeDigest()) : undefined;
  return {
    nodeID,
    state: replica.state,
    error: error instanceof Error ? error.message : undefined,
    applied: progress?.applied ?? 0,
    leaderID: progress?.leaderID ?? 0,
    membership: progress === undefined ? undefined : plain(progress.membership),
    digest: answer === undefined ? undefined : decodeDigestAnswer(answer),
    installs,
  };
}

async function probe(keyID: number, timeoutMs: number): Promise<void> {
  const attemptMs = { timeoutMs: Math.min(1_000, timeoutMs) };
  const value = Buffer.alloc(8);
  value.writeDoubleLE(Date.now());
  const session = await persist(timeoutMs, () => host.getNewSession(CLUSTER_ID, attemptMs));
  await persist(timeoutMs, () => host.syncPropose(session, encodePut(keyName(keyID), value), attemptMs));
  session.proposalCompleted();
  const query = encodeGet(keyName(keyID));
  const answer = await persist(timeoutMs, () => host.syncRead(CLUSTER_ID, query, attemptMs));
  const [record] = decodeRecords(answer);
  if (record === undefined || !asBuffer(record.value).equals(value)) {
    throw new Error('a read did not see the write that was acknowledged before');
  }
  await persist(timeoutMs, () => host.closeSession(session, attemptMs));
}

serveParent<ChurnCommands>({
  startReplica: async (replica) => {
    await startReplica(replica);
    return null;
  },
  retire: async ({ nodeID }) => {
    await retire(nodeID);
    return null;
  },
  change: async ({ change: wanted, timeoutMs }) => {
    await change(wanted, timeoutMs);
    return null;
  },
  transfer: ({ nodeID }) => {
    host.requestLeaderTransfer(CLUSTER_ID, nodeID);
    return null;
  },
  membership: async ({ timeoutMs }) => plain(await host.getClusterMembership(CLUSTER_ID, { timeoutMs })),
  state,
  probe: async ({ keyID, timeoutMs }) => {
    await probe(keyID, timeoutMs);
    return null;
  },
  dump: ({ timeoutMs }) => dumpRecords(host, timeoutMs),
  startWorkload: (spec) => {
    workload = new Workload(host, CLUSTER_ID, spec);
    workload.start();
    return null;
  },
  stopWorkload: async ({ patienceMs }) => {
    const stopping = workload;
    workload = undefined;
    return (await stopping?.stop(patienceMs)) ?? { acknowledgedWrites: 0, reads: 0, retries: 0 };
  },
  shutdown: async () => {
    await host.stop();
    return null;
  },
});
