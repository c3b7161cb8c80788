import { cp, readFile, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type ClusterConfigInput, type IStateMachine, type NodeHost, SeededRandom } from '@drakkar/framework';
import { flipBitAt, folderNameOf, snapshotFolders } from './repair-support.js';
import {
  CLUSTER,
  EventLog,
  Journal,
  TestCluster,
  type TestNode,
  Workshop,
  clusterConfig,
  codeOf,
  eventually,
} from './support.js';

const lines = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i} ${'.'.repeat(500)}`);

/** Reads two pieces of a snapshot, or none, and is content. */
class HastyJournal extends Journal {
  override async recoverFromSnapshot(reader: AsyncIterable<Uint8Array>): Promise<void> {
    const whole: Uint8Array[] = [];
    try {
      for await (const piece of reader) {
        whole.push(Buffer.from(piece));
        if (whole.length === 2) break;
      }
      this.lines = JSON.parse(Buffer.concat(whole).toString()) as string[];
    } catch {
      this.lines = ['whatever was there'];
    }
    this.recoveries++;
  }
}

interface Stored {
  dir: string;
  address: string;
  /** Of the older snapshot and of the newest. */
  indexes: number[];
  end: string;
}

/** A data directory with two snapshots and a log that reaches from the older one on, or only from the newest. */
async function makeData(workshop: Workshop, compactionOverhead: number): Promise<Stored> {
  const cluster = await TestCluster.start(workshop, 1, {}, { compactionOverhead });
  const node = await cluster.readyLeader();
  const indexes: number[] = [];
  for (let i = 0; i < 2; i++) {
    for (const line of lines(10 * i + 1, 10 * i + 10)) await cluster.write(node, line);
    indexes.push(await node.host.requestSnapshot(CLUSTER));
  }
  for (const line of lines(21, 25)) await cluster.write(node, line);
  const other = clusterConfig(1, { clusterID: 2 });
  await node.host.startCluster(cluster.members, false, () => new Journal(), other);
  await node.host.stop();
  return { dir: node.dir, address: node.address, indexes, end: lines(1, 25).join('\n') };
}

interface Started {
  host: NodeHost;
  journals: Journal[];
  events: EventLog;
  /** Code of the error with which the start was refused, or `no error`. */
  code: string;
  message: string;
}

async function startOn(
  workshop: Workshop,
  { address }: Stored,
  dir: string,
  make: () => Journal = () => new Journal(),
): Promise<Started> {
  const events = new EventLog();
  const host = await workshop.open({ raftAddress: address, nodeHostDir: dir }, { events: events.listener });
  const journals: Journal[] = [];
  const create = (): IStateMachine => {
    const journal = make();
    journals.push(journal);
    return journal;
  };
  let message = '';
  const start = (config: ClusterConfigInput): Promise<void> =>
    host.startCluster(new Map(), false, create, config);
  const code = await codeOf(() =>
    start(clusterConfig(1)).catch((error: unknown) => {
      message = (error as Error).message;
      throw error;
    }),
  );
  return { host, journals, events, code, message };
}

const readAll = async (host: NodeHost): Promise<string> => {
  await host.waitReady(CLUSTER, { timeoutMs: 20_000 });
  return Buffer.from(await host.syncRead(CLUSTER, new Uint8Array(0))).toString();
};

describe('a replica whose newest snapshot is damaged', () => {
  const storage = new Workshop();
  const workshop = new Workshop();
  let reaching: Stored;
  let cut: Stored;

  beforeAll(async () => {
    reaching = await makeData(storage, 1_000);
    const other = new Workshop();
    const made = await makeData(other, 1);
    const dir = join(await storage.dir(), 'cut');
    await cp(made.dir, dir, { recursive: true, filter: (path) => !path.endsWith('.sock') });
    cut = { ...made, dir };
    await other.clear();
  }, 60_000);
  afterEach(() => workshop.clear());
  afterAll(() => storage.clear());

  async function copyOf({ dir }: Stored): Promise<string> {
    const copy = join(await workshop.dir(), 'copy');
    await rm(copy, { recursive: true, force: true });
    await cp(dir, copy, { recursive: true, filter: (path) => !path.endsWith('.sock') });
    return copy;
  }

  const dataOf = async (dir: string, at: number): Promise<string> => {
    const folders = await snapshotFolders({ dir, nodeID: 1 });
    return join(folders.at(at) ?? '', 'snapshot.data');
  };

  /** Starts, expects all the data, and that the damaged snapshots are gone; and starts once more. */
  async function expectRecovered(dir: string, damaged: number[], make?: () => Journal): Promise<Journal[]> {
    const first = await startOn(workshop, reaching, dir, make);
    expect({ code: first.code, message: first.message }).toEqual({ code: 'no error', message: '' });
    expect(await readAll(first.host)).toBe(reaching.end);
    const told = first.events.of('snapshotDamaged');
    expect(told.map(({ index }) => index)).toEqual(damaged);
    for (const { error } of told) expect(error).toMatchObject({ code: 'ERR_SNAPSHOT_CORRUPT' });
    await first.host.stop();
    const left = (await snapshotFolders({ dir, nodeID: 1 })).map((path) => basename(path));
    for (const index of damaged) expect(left).not.toContain(folderNameOf({ index }));
    const again = await startOn(workshop, reaching, dir);
    expect(await readAll(again.host)).toBe(reaching.end);
    expect(again.events.of('snapshotDamaged')).toEqual([]);
    await again.host.stop();
    return first.journals;
  }

  it('goes on with the older one and the log, wherever the flipped bit is', async () => {
    const [, newest = 0] = reaching.indexes;
    const random = new SeededRandom(5);
    // Header, sessions, data, description: at fixed places, and at some others.
    const parts = [0, 0.01, 0.3, 0.99999, ...Array.from({ length: 8 }, () => random.nextInt(1e6) / 1e6)];
    for (const part of parts) {
      const dir = await copyOf(reaching);
      await flipBitAt(await dataOf(dir, -1), part);
      const journals = await expectRecovered(dir, [newest]);
      // One that damage was read into is thrown away, not read into again, and closed.
      const used = journals.at(-1);
      expect(used?.recoveries).toBe(1);
      expect(used?.updates).toBeGreaterThanOrEqual(15);
      for (const journal of journals) expect(journal.closed).toBe(1);
    }
  }, 120_000);

  it('does so too when the state machine reads only a part, or passes over the error', async () => {
    const [, newest = 0] = reaching.indexes;
    for (const part of [0.5, 0.97]) {
      const dir = await copyOf(reaching);
      await flipBitAt(await dataOf(dir, -1), part);
      let count = 0;
      await expectRecovered(dir, [newest], () => (count++ === 0 ? new HastyJournal() : new Journal()));
    }
  }, 60_000);

  it('goes on with the log alone when that reaches back to the beginning', async () => {
    const dir = await copyOf(reaching);
    for (const at of [0, 1]) await flipBitAt(await dataOf(dir, at), 0.5);
    const journals = await expectRecovered(dir, [...reaching.indexes].reverse());
    expect(journals.at(-1)?.recoveries).toBe(0);
  }, 60_000);

  it('does not look at the older one twice, nor at a good one, and keeps both', async () => {
    const dir = await copyOf(reaching);
    const { host, journals, events, code } = await startOn(workshop, reaching, dir);
    expect(code).toBe('no error');
    expect(await readAll(host)).toBe(reaching.end);
    expect(journals.map(({ recoveries }) => recoveries)).toEqual([1]);
    expect(events.of('snapshotDamaged')).toEqual([]);
    expect(await snapshotFolders({ dir, nodeID: 1 })).toHaveLength(2);
  });

  it('does not start when the log was cut, reports what to do, and leaves the others alone', async () => {
    const dir = await copyOf(cut);
    const path = await dataOf(dir, -1);
    await flipBitAt(path, 0.5);
    const before = await readFile(path);
    const { host, code, message, journals } = await startOn(workshop, cut, dir);
    expect(code).toBe('ERR_SNAPSHOT_CORRUPT');
    expect(message).toContain(path);
    expect(message).toMatch(/remove the node from the group, call removeData, and add a new node/);
    expect(message).toContain('docs/disaster-recovery.md');
    expect(journals.map(({ closed }) => closed)).toEqual([1]);
    await host.startCluster(new Map(), false, () => new Journal(), clusterConfig(1, { clusterID: 2 }));
    await host.waitReady(2, { timeoutMs: 20_000 });
    // Nothing of it was touched: with the file repaired, the replica is back.
    expect(await readFile(path)).toEqual(before);
    expect(await readdir(join(dir, 'snapshots', '1-1'))).toHaveLength(2);
    await host.stop();
    await flipBitAt(path, 0.5);
    const repaired = await startOn(workshop, cut, dir);
    expect(await readAll(repaired.host)).toBe(cut.end);
  }, 60_000);
});

describe('a snapshot that proves damaged when it is sent', () => {
  const workshop = new Workshop();
  afterEach(() => workshop.clear());

  async function withLagging(): Promise<{ cluster: TestCluster; rest: TestNode[]; lagging: TestNode }> {
    const small = { compactionOverhead: 1, maxInMemLogSize: 65_536 };
    const cluster = await TestCluster.start(workshop, 3, {}, small);
    const leader = await cluster.readyLeader();
    const lagging = cluster.other(leader);
    await cluster.write(leader, 'before');
    await lagging.host.stop();
    const rest = cluster.others(lagging);
    const many = lines(1, 30).map((line) => line.padEnd(10_000, '.'));
    for (const line of many) await cluster.write(leader, line);
    return { cluster, rest, lagging };
  }

  it.each([
    ['of what is applied since', true],
    ['in its place, when nothing was applied since', false],
  ])(
    'is replaced by a new one %s',
    async (_, more) => {
      const { cluster, rest, lagging } = await withLagging();
      for (const node of rest) {
        await node.host.requestSnapshot(CLUSTER);
        for (const folder of await snapshotFolders(node)) await flipBitAt(join(folder, 'snapshot.data'), 0.7);
      }
      const [one] = rest as [TestNode];
      if (more) await cluster.write(one, 'since');
      const expected = Buffer.from(await one.host.readLocal(CLUSTER, new Uint8Array(0))).toString();
      const back = await cluster.startNode(lagging.nodeID);
      expect(await cluster.read(back)).toBe(expected);
      expect(back.journal.recoveries).toBe(1);
      const told = rest.flatMap(({ events }) => events.of('snapshotDamaged'));
      // Told once, however often the follower asks. The other one's was never looked at, unless the leader changed.
      expect(told.length).toBeGreaterThan(0);
      expect(told.length).toBeLessThanOrEqual(rest.length);
      for (const { error } of told) expect(error).toMatchObject({ code: 'ERR_SNAPSHOT_CORRUPT' });
      // What replaced it is good, on disk too.
      const sender = rest.find(({ events }) => events.of('snapshotDamaged').length > 0) as TestNode;
      await sender.host.stop();
      const again = await cluster.startNode(sender.nodeID);
      expect(again.events.of('snapshotDamaged')).toEqual([]);
      expect(await cluster.read(again)).toBe(expected);
    },
    60_000,
  );

  it('is not tried again indefinitely while no other can be taken', async () => {
    const { cluster, rest, lagging } = await withLagging();
    let attempts = 0;
    for (const node of rest) {
      await node.host.requestSnapshot(CLUSTER);
      for (const folder of await snapshotFolders(node)) await flipBitAt(join(folder, 'snapshot.data'), 0.7);
      node.journal.saveSnapshot = () => {
        attempts++;
        return Promise.reject(new Error('no snapshot today'));
      };
    }
    const back = await cluster.openHost(lagging.nodeID);
    await back.host.startCluster(cluster.members, false, () => back.journal, clusterConfig(lagging.nodeID));
    await eventually('an attempt', () => (attempts > 0 ? true : undefined));
    const leader = await cluster.leader();
    const { received } = back;
    const start = received.get(CLUSTER) ?? 0;
    await eventually('fifty messages of the leader', () =>
      (received.get(CLUSTER) ?? 0) >= start + 50 ? true : undefined,
    );
    expect(attempts).toBe(1);
    expect(leader.events.of('snapshotDamaged')).toHaveLength(1);
    // As soon as one can be taken it is, and the follower gets it.
    for (const node of rest) node.journal.saveSnapshot = Journal.prototype.saveSnapshot.bind(node.journal);
    await leader.host.requestSnapshot(CLUSTER);
    expect(await cluster.read(back)).toContain(lines(30, 30)[0] ?? '');
  }, 60_000);
});
