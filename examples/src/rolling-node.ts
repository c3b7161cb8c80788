import { NodeHost } from '@drakkar/framework';
import { CountingHost } from './cluster/counting-host.js';
import { CLUSTER_ID, type NodePlan, groupConfig } from './cluster/plan.js';
import type { RollingCommands } from './cluster/rolling.js';
import { serveParent } from './cluster/serve-parent.js';
import { Workload } from './cluster/workload.js';
import { KVStateMachine } from './kv-state-machine.js';

/** One process of the rolling restart: its host is stopped in order, with clients that go on asking it. */
const plan = JSON.parse(process.argv[2] as string) as NodePlan;
const host = await NodeHost.create(plan.configPath);
await host.startCluster(new Map(plan.members), false, () => new KVStateMachine(), groupConfig(plan.nodeID));
const counting = new CountingHost(host);
let workload: Workload | undefined;

serveParent<RollingCommands>({
  startWorkload: (spec) => {
    workload = new Workload(counting, CLUSTER_ID, spec);
    workload.start();
    return null;
  },
  stopWorkload: async ({ patienceMs }) => {
    await workload?.stop(patienceMs);
    workload = undefined;
    return counting.takeErrors();
  },
  stopHost: async () => {
    await host.stop();
    // Each client ends with ErrClosed by now; that is counted, and no other error may be.
    await workload?.stop(0).catch(() => undefined);
    return counting.takeErrors();
  },
  waitReady: async (options) => {
    await host.waitReady(CLUSTER_ID, options);
    return null;
  },
  leader: () => host.getLeaderID(CLUSTER_ID).leaderID,
  shutdown: async () => {
    await host.stop();
    return null;
  },
});
