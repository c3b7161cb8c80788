import { afterEach, describe, expect, it } from '@jest/globals';
import type { HostListener, NodeHost, NodeHostConfigInput, SlowOperationEvent } from '@drakkar/framework';
import { MEMORY_ADDRESS, type MemoryHost, openMemoryHost } from './memory-host.js';
import { Journal, Workshop, clusterConfig, eventually, retrying } from './support.js';

const workshop = new Workshop();
const hosts: NodeHost[] = [];

afterEach(async () => {
  await Promise.allSettled(hosts.splice(0).map((host) => host.stop()));
  await workshop.clear();
});

async function open(
  settings: NodeHostConfigInput['settings'],
  events: HostListener = {},
): Promise<MemoryHost> {
  const opened = await openMemoryHost(workshop, undefined, { settings }, events);
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

const line = (host: NodeHost, clusterID: number, text = 'line'): Promise<unknown> =>
  retrying(() => host.syncPropose(host.getNoOPSession(clusterID), Buffer.from(text)));

async function startGroup(host: NodeHost, clusterID: number, machine = new Journal()): Promise<Journal> {
  const config = clusterConfig(1, { clusterID });
  await host.startCluster(new Map([[1, MEMORY_ADDRESS]]), false, () => machine, config);
  await line(host, clusterID);
  return machine;
}

const failureOf = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

describe('a host whose disk hangs', () => {
  it('stops in time, reports what it waits for, and closes the LogDB when that has ended', async () => {
    const { host, logDB } = await open({ stopTimeoutMs: 300 });
    await startGroup(host, 1);
    await startGroup(host, 2);
    logDB.holding = true;
    const proposed = host.propose(host.getNoOPSession(2), Buffer.from('x'));
    await eventually('the save', () => logDB.heldCount > 0 || undefined);
    const startedMs = performance.now();
    const error = await failureOf(host.stop());
    // Without it, `stop` waits as long as the save does, which is without an end.
    expect(performance.now() - startedMs).toBeLessThan(30_000);
    expect(error).toMatchObject({ code: 'ERR_STOP_TIMEOUT', details: { clusterIDs: [2] } });
    expect(String(error)).toMatch(/LogDB\.saveRaftState of group 2, for \d+ ms now/);
    expect((await proposed.result).outcome).toBe('terminated');
    expect(logDB.closed).toBe(false);
    // The directory is not free before nothing can write to it any more.
    expect(await failureOf(open({}))).toMatchObject({ code: 'ERR_LOCK_DIRECTORY' });
    logDB.release();
    await eventually('the LogDB to close', () => logDB.closed || undefined);
    const again = await eventually('the directory', async () => await open({}).catch(() => undefined));
    await startGroup(again.host, 1);
  });

  it('reports a save that takes longer than a second, and its end', async () => {
    const slow: SlowOperationEvent[] = [];
    const { host, logDB } = await open({}, { slowOperation: (event) => void slow.push(event) });
    await startGroup(host, 1);
    logDB.holding = true;
    const proposed = line(host, 1);
    const operation = 'LogDB.saveRaftState';
    await eventually('the report', () => slow.length > 0 || undefined);
    expect(slow[0]).toMatchObject({ operation, clusterIDs: [1], hasEnded: false });
    expect(slow[0]?.durationMs).toBeGreaterThanOrEqual(1000);
    logDB.release();
    await proposed;
    await eventually('the end', () => slow.some(({ hasEnded }) => hasEnded) || undefined);
    expect(slow.every((event) => event.operation === operation)).toBe(true);
  });
});

describe('a group whose state machine hangs', () => {
  it('does not stop, which its caller hears in time, and is not started before it has', async () => {
    const { host } = await open({ stopTimeoutMs: 200 });
    const journal = await startGroup(host, 1);
    let end: (value: number) => void = () => undefined;
    const updated = new Promise<number>((resolve) => (end = resolve));
    let hasBegun = false;
    journal.update = () => {
      hasBegun = true;
      return updated;
    };
    host.propose(host.getNoOPSession(1), Buffer.from('x'));
    await eventually('the update', () => hasBegun || undefined);
    const error = await failureOf(host.stopCluster(1));
    expect(error).toMatchObject({ code: 'ERR_STOP_TIMEOUT', details: { clusterIDs: [1] } });
    expect(String(error)).toMatch(/state machine's update of group 1, for \d+ ms now/);
    expect(await failureOf(startGroup(host, 1))).toMatchObject({ code: 'ERR_CLUSTER_NOT_STOPPED' });
    end(1);
    await eventually('the end', () => (journal.closed > 0 ? true : undefined));
    await startGroup(host, 1);
  });
});
