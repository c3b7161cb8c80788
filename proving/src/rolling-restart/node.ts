import { NodeHost } from '@drakkar/framework';
import { nowMicros } from '../harness/clock.js';
import { CountingHost } from './counting-host.js';
import { CLUSTER_ID, type NodePlan, groupConfig } from '../harness/plan.js';
import type { RollingCommands, Told } from './run.js';
import { serveParent } from '../harness/serve-parent.js';
import { Workload } from '../harness/workload.js';
import { encodePut } from '../harness/kv-commands.js';
import { KVStateMachine } from '../harness/kv-state-machine.js';

/** One process of the rolling restart: its host is stopped in order, with clients that go on asking it. */
const BEAT_INTERVAL_MS = 10;
const BEAT_TIMEOUT_MS = 2_000;
const BEAT = encodePut('pulse', new Uint8Array(8));

const plan = JSON.parse(process.argv[2] as string) as NodePlan;
const host = await NodeHost.create(plan.configPath);
await host.startCluster(new Map(plan.members), false, () => new KVStateMachine(), groupConfig(plan.nodeID));
const counting = new CountingHost(host);
let workload: Workload | undefined;
let pulse: NodeJS.Timeout | undefined;
let beats: number[] = [];

/** One of many writes that start whether or not those before were answered: they show when the group commits. */
async function beat(): Promise<void> {
  const session = host.getNoOPSession(CLUSTER_ID);
  await counting.syncPropose(session, BEAT, { timeoutMs: BEAT_TIMEOUT_MS });
  beats.push(nowMicros());
}

function tell(): Told {
  const told = { errors: counting.takeErrors(), beats };
  beats = [];
  return told;
}

serveParent<RollingCommands>({
  startWorkload: (spec) => {
    workload = new Workload(counting, CLUSTER_ID, spec);
    workload.start();
    // Errors are counted; a beat has nobody else to tell.
    pulse = setInterval(() => void beat().catch(() => undefined), BEAT_INTERVAL_MS);
    return null;
  },
  stopWorkload: async ({ patienceMs }) => {
    clearInterval(pulse);
    await workload?.stop(patienceMs);
    workload = undefined;
    return tell();
  },
  stopHost: async () => {
    await host.stop();
    clearInterval(pulse);
    // Each client ends with ErrClosed by now; that is counted, and no other error may be.
    await workload?.stop(0).catch(() => undefined);
    return tell();
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
