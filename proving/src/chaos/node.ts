import { ChaosHost } from './host.js';
import type { ChaosNodeCommands, ChaosNodePlan } from './node-commands.js';
import { serveParent, tellParent } from '../harness/serve-parent.js';

/** One process of the chaos: a NodeHost with replicas of many groups, which does what its parent says. */
const NEWS_INTERVAL_MS = 250;

const plan = JSON.parse(process.argv[2] as string) as ChaosNodePlan;
const host = await ChaosHost.create(plan, () => tellNews());
function tellNews(): void {
  tellParent({ type: 'news', news: host.news() });
}
await Promise.all(plan.replicas.map((replica) => host.start(replica)));
const newsTimer = setInterval(tellNews, NEWS_INTERVAL_MS);

serveParent<ChaosNodeCommands>({
  propose: (request) => host.propose(request),
  proposeTwo: (request) => host.proposeTwo(request),
  read: (request) => host.read(request),
  openSession: (request) => host.openSession(request),
  change: async ({ change, timeoutMs }) => {
    await host.change(change, timeoutMs);
    return null;
  },
  start: async (replica) => {
    await host.start(replica);
    return null;
  },
  retire: async ({ clusterID, nodeID }) => {
    await host.retire(clusterID, nodeID);
    return null;
  },
  transfer: ({ clusterID, nodeID }) => {
    host.transfer(clusterID, nodeID);
    return null;
  },
  snapshot: ({ clusterID }) => host.snapshot(clusterID),
  states: () => host.states(),
  obstruct: (faults) => {
    host.obstruct(faults);
    return null;
  },
  burdenSnapshots: (burden) => {
    host.burdenSnapshots(burden);
    return null;
  },
  fillDisk: ({ isFull }) => {
    host.fillDisk(isFull);
    return null;
  },
  shutdown: async () => {
    await host.stop();
    clearInterval(newsTimer);
    tellNews();
    return null;
  },
});
