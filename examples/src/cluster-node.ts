import { NodeHost } from '@drakkar/framework';
import type { DumpedRecord, NodeCommands, NodeNews } from './cluster/commands.js';
import { CLUSTER_ID, type NodePlan, groupConfig } from './cluster/plan.js';
import { serveParent, tellParent } from './cluster/serve-parent.js';
import { Workload } from './cluster/workload.js';
import { asBuffer, decodeDigestAnswer, decodeRecords, encodeDigest, encodeScan } from './kv-commands.js';
import { KVStateMachine } from './kv-state-machine.js';

/** One process of the demonstration cluster: a NodeHost with one group, and clients that use it. */
const NEWS_INTERVAL_MS = 100;

const plan = JSON.parse(process.argv[2] as string) as NodePlan;
const host = await NodeHost.create(plan.configPath);
await host.startCluster(new Map(plan.members), false, () => new KVStateMachine(), groupConfig(plan.nodeID));
let workload: Workload | undefined;

async function dump(timeoutMs: number): Promise<DumpedRecord[]> {
  const dumped: DumpedRecord[] = [];
  for (let after = ''; ; after = dumped.at(-1)?.key ?? '') {
    const records = decodeRecords(await host.syncRead(CLUSTER_ID, encodeScan(after), { timeoutMs }));
    if (records.length === 0) return dumped;
    for (const { key, version, value } of records) {
      dumped.push({ key, version, value: asBuffer(value).readDoubleLE(0) });
    }
  }
}

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
  dump: ({ timeoutMs }) => dump(timeoutMs),
  leader: () => host.getLeaderID(CLUSTER_ID).leaderID,
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
