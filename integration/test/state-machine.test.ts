import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { ErrSnapshotStopped, type SnapshotWriter } from '@drakkar/framework';
import {
  CLUSTER,
  Journal,
  TestCluster,
  Workshop,
  clusterConfig,
  codeOf,
  eventually,
  retrying,
} from './support.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

const TIMEOUT = { timeoutMs: 60_000 };
const QUERY = new Uint8Array(0);

/** Resolves when the signal is given. */
const given = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

/** Saves and recovers for as long as nobody tells it to stop. */
class Endless extends Journal {
  saving = false;
  recovering = false;
  isEndless = true;

  override async saveSnapshot(writer: SnapshotWriter, _files?: unknown, signal?: AbortSignal): Promise<void> {
    await super.saveSnapshot(writer);
    if (!this.isEndless || signal === undefined) return;
    this.saving = true;
    await given(signal);
    throw new ErrSnapshotStopped();
  }

  override async recoverFromSnapshot(
    reader: AsyncIterable<Uint8Array>,
    _files?: unknown,
    signal?: AbortSignal,
  ): Promise<void> {
    await super.recoverFromSnapshot(reader);
    if (!this.isEndless || signal === undefined) return;
    this.recovering = true;
    await given(signal);
    throw new ErrSnapshotStopped();
  }
}

describe('a state machine', () => {
  it('gets each command once it is committed, one at a time, in the same order everywhere', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    let most = 0;
    for (const { journal } of cluster.nodes) {
      let running = 0;
      const update = journal.update.bind(journal);
      journal.update = async (cmd) => {
        most = Math.max(most, ++running);
        const copy = Buffer.from(cmd);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        return await update(copy);
      };
    }
    const writes = cluster.nodes.flatMap((node) =>
      Array.from({ length: 10 }, (_, i) => cluster.write(node, `${node.nodeID}-${i}`)),
    );
    await Promise.all(writes);
    const [first, ...others] = await Promise.all(cluster.nodes.map((node) => cluster.read(node)));
    expect(first?.split('\n')).toHaveLength(30);
    for (const other of others) expect(other).toBe(first);
    expect(most).toBe(1);
  });

  it('is not looked at while it updates', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const node = await cluster.readyLeader();
    const { journal, host } = node;
    let release = (): void => undefined;
    let updating = false;
    const seen: boolean[] = [];
    journal.update = async () => {
      updating = true;
      await new Promise<void>((resolve) => (release = resolve));
      updating = false;
      return 1;
    };
    journal.lookup = () => {
      seen.push(updating);
      return QUERY;
    };
    const write = host.syncPropose(host.getNoOPSession(CLUSTER), Buffer.from('slow'), TIMEOUT);
    await eventually('the update', () => (updating ? true : undefined));
    const reads = [host.readLocal(CLUSTER, QUERY), host.readLocal(CLUSTER, QUERY)];
    release();
    await Promise.all([write, ...reads]);
    expect(seen).toEqual([false, false]);
  });

  it('is notified while it saves when its replica stops, and nothing remains of the snapshot', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const { host, dir } = cluster.node(1);
    const machine = new Endless();
    const config = clusterConfig(1, { clusterID: 2 });
    const start = (): Promise<void> => host.startCluster(cluster.members, false, () => machine, config);
    await start();
    await retrying(() => host.syncPropose(host.getNoOPSession(2), Buffer.from('a'), TIMEOUT));
    const snapshot = codeOf(() => host.requestSnapshot(2));
    await eventually('it to save', () => (machine.saving ? true : undefined));
    await host.stopCluster(2);
    expect(await snapshot).not.toBe('no error');
    expect(machine.closed).toBe(1);
    const folders = await readdir(join(dir, 'snapshots')).catch(() => []);
    for (const folder of folders.filter((name) => name.startsWith('2-')))
      expect(await readdir(join(dir, 'snapshots', folder))).toEqual([]);
    machine.lines = [];
    await start();
    expect(machine.recoveries).toBe(0);
    expect(Buffer.from(await retrying(() => host.syncRead(2, QUERY, TIMEOUT))).toString()).toBe('a');
  });

  it('is notified while it recovers when its host stops, and recovers the next time', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const node = await cluster.readyLeader();
    await cluster.write(node, 'a');
    await node.host.requestSnapshot(CLUSTER);
    await node.host.stop();
    const again = await cluster.openHost(1);
    const machine = new Endless();
    const starting = codeOf(() =>
      again.host.startCluster(cluster.members, false, () => machine, clusterConfig(1)),
    );
    await eventually('it to recover', () => (machine.recovering ? true : undefined));
    await again.host.stop();
    expect(await starting).not.toBe('no error');
    expect(machine.closed).toBe(1);
    expect(await cluster.read(await cluster.startNode(1))).toBe('a');
  });

  it('is not looked at any more when it is closed', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const { host, journal } = await cluster.readyLeader();
    const seen: number[] = [];
    journal.lookup = () => {
      seen.push(journal.closed);
      return QUERY;
    };
    const request = host.readIndex(CLUSTER, TIMEOUT);
    await request.result;
    await host.readLocalNode(request, QUERY);
    await host.stopCluster(CLUSTER);
    expect(['ERR_CLUSTER_NOT_FOUND', 'ERR_CLUSTER_CLOSED']).toContain(
      await codeOf(() => host.readLocalNode(request, QUERY)),
    );
    expect(seen).toEqual([0]);
  });
});
