import { afterEach, describe, expect, it } from '@jest/globals';
import type { NodeHost, NodeHostConfigInput } from '@drakkar/framework';
import { MEMORY_ADDRESS, type MemoryHost, openMemoryHost } from './memory-host.js';
import { Journal, Workshop, clusterConfig, eventually, retrying } from './support.js';

const workshop = new Workshop();
const hosts: NodeHost[] = [];

afterEach(async () => {
  await Promise.allSettled(hosts.splice(0).map((host) => host.stop()));
  await workshop.clear();
});

async function open(settings: NodeHostConfigInput['settings']): Promise<MemoryHost> {
  const opened = await openMemoryHost(workshop, undefined, { settings });
  hosts.push(opened.host);
  return opened;
}

/** A state machine whose snapshots take until the test lets them go on. */
class SlowSaver extends Journal {
  readonly #gate: Promise<void>;
  saving = false;

  constructor(gate: Promise<void>) {
    super();
    this.#gate = gate;
  }

  override async saveSnapshot(...args: Parameters<Journal['saveSnapshot']>): Promise<void> {
    this.saving = true;
    await this.#gate;
    await super.saveSnapshot(...args);
  }
}

/** Groups of one that have accepted a line; of each the snapshot was asked for, and all but the last one hang at it. */
async function groupsAtSnapshots(
  host: NodeHost,
  count: number,
): Promise<{ release: () => void; asked: Promise<unknown>[] }> {
  let release = (): void => undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  const slow: SlowSaver[] = [];
  const asked: Promise<unknown>[] = [];
  for (let clusterID = 1; clusterID <= count; clusterID++) {
    const machine = clusterID < count ? new SlowSaver(gate) : new Journal();
    if (machine instanceof SlowSaver) slow.push(machine);
    const config = clusterConfig(1, { clusterID });
    await host.startCluster(new Map([[1, MEMORY_ADDRESS]]), false, () => machine, config);
    await retrying(() => host.syncPropose(host.getNoOPSession(clusterID), Buffer.from('line')));
  }
  for (let clusterID = 1; clusterID <= count; clusterID++) {
    asked.push(host.requestSnapshot(clusterID).catch((error: { code: string }) => error.code));
    if (clusterID === count - 1)
      await eventually('the snapshots', () => slow.every(({ saving }) => saving) || undefined);
  }
  return { release, asked };
}

describe('a group whose neighbours are slow at their snapshots', () => {
  it('stops at once, though its own waits for its turn', async () => {
    const { host } = await open({ snapshotWorkerCount: 2 });
    const { release, asked } = await groupsAtSnapshots(host, 3);
    await host.stopCluster(3);
    expect(await asked[2]).toBe('ERR_CLUSTER_CLOSED');
    release();
    await Promise.all(asked);
  });

  it('has its own taken all the same', async () => {
    const { host } = await open({ snapshotWorkerCount: 2, snapshotWorkerPatienceMs: 50 });
    const { release, asked } = await groupsAtSnapshots(host, 3);
    expect(await asked[2]).toBeGreaterThan(0);
    release();
    await Promise.all(asked);
  });
});
