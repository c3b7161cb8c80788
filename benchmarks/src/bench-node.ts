import { CLUSTER_ID, type NodePlan, groupConfig, serveParent } from '@drakkar/proving';
import { type IStateMachine, NodeHost, type SnapshotWriter } from '@drakkar/framework';
import type { BenchCommands } from './commands.js';
import { cpuMicros, measure } from './load-generator.js';

/** Costs as little as a state machine can, so that what is measured is the rest. */
class CountingStateMachine implements IStateMachine {
  #count = 0;

  update(): number {
    this.#count += 1;
    return this.#count;
  }

  lookup(): Uint8Array {
    return Buffer.from(String(this.#count));
  }

  async saveSnapshot(writer: SnapshotWriter): Promise<void> {
    await writer.write(this.lookup());
  }

  async recoverFromSnapshot(reader: AsyncIterable<Uint8Array>): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of reader) chunks.push(chunk);
    this.#count = Number(Buffer.concat(chunks).toString());
  }

  close(): void {}

  getHash(): number {
    return this.#count;
  }
}

const plan = JSON.parse(process.argv[2] as string) as NodePlan;
const host = await NodeHost.create(plan.configPath);
await host.startCluster(new Map(plan.members), false, () => new CountingStateMachine(), {
  ...groupConfig(plan.nodeID),
  snapshotEntries: 0,
});

serveParent<BenchCommands>({
  leader: () => host.getLeaderID(CLUSTER_ID).leaderID,
  measure: (options) => measure(host, CLUSTER_ID, options),
  cpu: cpuMicros,
  shutdown: async () => {
    await host.stop();
    return null;
  },
});
