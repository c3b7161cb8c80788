import { setTimeout as delay } from 'node:timers/promises';
import { NodeHost } from '@drakkar/framework';
import { BigSnapshotStateMachine } from './state-machine.js';
import type { BigCommands } from './commands.js';
import { CLUSTER_ID, type NodePlan, asBuffer, groupConfig, serveParent } from '@drakkar/proving';

/** One process of the test of a large snapshot: its sender, which is alone in the group at first, or its receiver. */
const SAMPLE_INTERVAL_MS = 20;
const WRITES_AT_A_TIME = 100;
/** A write may have to wait until a snapshot is written, however large. */
const WRITE_TIMEOUT_MS = 300_000;
const CMD = new Uint8Array(16);

const plan = JSON.parse(process.argv[2] as string) as NodePlan;
const sizeMiB = Number(process.argv[3]);
const host = await NodeHost.create(plan.configPath);
let memory = { firstBytes: 0, highestBytes: 0 };

function watchMemory(): void {
  const rssBytes = process.memoryUsage.rss();
  memory = { firstBytes: rssBytes, highestBytes: rssBytes };
}

const sampler = setInterval(() => {
  memory.highestBytes = Math.max(memory.highestBytes, process.memoryUsage.rss());
}, SAMPLE_INTERVAL_MS);

async function startReplica(join: boolean): Promise<void> {
  const members = plan.members.filter(([nodeID]) => !join && nodeID === plan.nodeID);
  // The log must not be enough for a node that joins.
  const config = { ...groupConfig(plan.nodeID), compactionOverhead: 1 };
  await host.startCluster(new Map(members), join, () => new BigSnapshotStateMachine(sizeMiB), config);
  if (!join) await host.waitReady(CLUSTER_ID);
}

serveParent<BigCommands>({
  startReplica: async ({ join }) => {
    await startReplica(join);
    return null;
  },
  write: async ({ count }) => {
    const session = host.getNoOPSession(CLUSTER_ID);
    for (let written = 0; written < count; written += WRITES_AT_A_TIME) {
      const batch = Array.from({ length: Math.min(WRITES_AT_A_TIME, count - written) }, () =>
        host.syncPropose(session, CMD, { timeoutMs: WRITE_TIMEOUT_MS }),
      );
      await Promise.all(batch);
    }
    return null;
  },
  requestSnapshot: () => host.requestSnapshot(CLUSTER_ID),
  addNode: async ({ nodeID, address }) => {
    await host.syncRequestAddObserver(CLUSTER_ID, nodeID, address, 0);
    return null;
  },
  waitReady: async ({ timeoutMs }) => {
    // A node that has just joined has no leader yet, and may be busy with the snapshot for long.
    await host.waitReady(CLUSTER_ID, { timeoutMs });
    return null;
  },
  look: async () => {
    const answer = asBuffer(await host.readLocal(CLUSTER_ID, CMD));
    const [replica] = host.getNodeHostInfo().replicas;
    return {
      applied: replica?.progress?.applied ?? 0,
      updates: answer.readDoubleLE(0),
      blocksRead: answer.readDoubleLE(8),
    };
  },
  watchMemory: async () => {
    await delay(SAMPLE_INTERVAL_MS);
    watchMemory();
    return null;
  },
  memory: () => memory,
  shutdown: async () => {
    clearInterval(sampler);
    await host.stop();
    return null;
  },
});
