import { NodeHost } from '@drakkar/framework';
import type { NodeCommands, NodeNews } from './commands.js';
import { dumpRecords } from './dump.js';
import { CLUSTER_ID, type NodePlan, groupConfig } from './plan.js';
import { serveParent, tellParent } from './serve-parent.js';
import { Workload } from './workload.js';
import { decodeDigestAnswer, encodeDigest } from './kv-commands.js';
import { KVStateMachine } from './kv-state-machine.js';

/** One process of the demonstration cluster: a NodeHost with one group, and clients that use it. */
const NEWS_INTERVAL_MS = 100;

const plan = JSON.parse(process.argv[2] as string) as NodePlan;
const host = await NodeHost.create(plan.configPath);
await host.startCluster(new Map(plan.members), false, () => new KVStateMachine(), groupConfig(plan.nodeID));
let workload: Workload | undefined;

serveParent<NodeCommands>({
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
  digest: async ({ timeoutMs }) =>
    decodeDigestAnswer(await host.syncRead(CLUSTER_ID, encodeDigest(), { timeoutMs })),
  dump: ({ timeoutMs }) => dumpRecords(host, timeoutMs),
  leader: () => host.getLeaderID(CLUSTER_ID).leaderID,
  level: () =>
    host.getNodeHostInfo().replicas.find(({ clusterID }) => clusterID === CLUSTER_ID)?.progress
      ?.featureLevel ?? 0,
  shutdown: async () => {
    clearInterval(newsTimer);
    await host.stop();
    return null;
  },
});

const newsTimer = setInterval(() => {
  const news: NodeNews = {
    leaderID: host.getLeaderID(CLUSTER_ID).leaderID,
    stats: workload?.stats ?? { acknowledgedWrites: 0, reads: 0, retries: 0 },
  };
  tellParent({ type: 'news', news });
}, NEWS_INTERVAL_MS);
