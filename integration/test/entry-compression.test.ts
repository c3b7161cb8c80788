import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { ClusterConfigInput } from '@drakkar/framework';
import {
  EntryType,
  type Message,
  MessageType,
  NOOP_SERIES_ID,
  makeEntry,
  makeMessage,
} from '@drakkar/raftio';
import { openLmdbLogDB } from '@drakkar/logdb-lmdb';
import {
  CLUSTER,
  TestCluster,
  type TestNode,
  Workshop,
  codeOf,
  eventually,
  freeAddress,
  progressOf,
} from './support.js';
import { withSender } from './sender.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

const SNAPPY: Partial<ClusterConfigInput> = { entryCompression: 'snappy' };
const long = (word: string): string => `${word} `.repeat(2_000).trim();

/** The types of the entries that a stopped node has stored, and how many bytes their payloads have. */
async function storedEntries(node: TestNode): Promise<{ types: Set<number>; payloadBytes: number }> {
  const dir = join(node.dir, 'logdb');
  await stat(dir);
  const logDB = await openLmdbLogDB({ dir, walDir: dir });
  try {
    const { entries } = await logDB.iterateEntries(CLUSTER, node.nodeID, 1, 1_000, 2 ** 30);
    return {
      types: new Set(entries.map(({ type }) => type)),
      payloadBytes: entries.reduce((sum, { cmdLength }) => sum + cmdLength, 0),
    };
  } finally {
    await logDB.close();
  }
}

describe('compressed entries', () => {
  it('come out of a real log as they were proposed, after a restart of all', async () => {
    const cluster = await TestCluster.start(workshop, 3, {}, SNAPPY);
    const lines = ['short', long('alpha'), long('beta'), long('gamma')];
    const leader = await cluster.readyLeader();
    for (const [i, line] of lines.entries())
      await cluster.write(i % 2 === 0 ? leader : cluster.other(leader), line);
    for (const node of cluster.nodes) expect(await cluster.read(node)).toBe(lines.join('\n'));
    await Promise.all(cluster.nodes.map(({ host }) => host.stop()));
    for (const node of cluster.nodes) {
      const { types, payloadBytes } = await storedEntries(node);
      expect(types).toEqual(
        new Set([EntryType.ApplicationEntry, EntryType.ConfigChangeEntry, EntryType.EncodedEntry]),
      );
      expect(payloadBytes).toBeLessThan(lines.join('').length / 5);
    }
    for (const nodeID of cluster.members.keys()) await cluster.startNode(nodeID);
    for (const node of cluster.nodes) expect(await cluster.read(node)).toBe(lines.join('\n'));
  });

  it('are understood by members that do not compress, also after these restart with the other setting', async () => {
    const cluster = await TestCluster.start(workshop, 1);
    const address = await cluster.reserve(2);
    const first = await cluster.readyLeader();
    await first.host.syncRequestAddNode(CLUSTER, 2, address, 0, { timeoutMs: 60_000, force: true });
    const second = await cluster.startNode(2, SNAPPY);
    await cluster.write(second, long('compressed'));
    await cluster.write(first, long('plain'));
    for (const node of cluster.nodes)
      expect(await cluster.read(node)).toBe([long('compressed'), long('plain')].join('\n'));
    await Promise.all(cluster.nodes.map(({ host }) => host.stop()));
    const one = await cluster.startNode(1, SNAPPY);
    const two = await cluster.startNode(2, { entryCompression: 'none' });
    await cluster.write(one, 'the end');
    expect(await cluster.read(two)).toBe([long('compressed'), long('plain'), 'the end'].join('\n'));
    await Promise.all(cluster.nodes.map(({ host }) => host.stop()));
    expect((await storedEntries(one)).types).toContain(EntryType.EncodedEntry);
  });

  it('never enter the log by way of another host with a damaged or hostile payload', async () => {
    const cluster = await TestCluster.start(workshop, 1, {}, SNAPPY);
    const node = await cluster.readyLeader();
    await cluster.write(node, 'before');
    const address = await freeAddress();
    await node.host.syncRequestAddObserver(CLUSTER, 9, address, 0, { timeoutMs: 60_000 });
    const { applied, term } = progressOf(node);
    const proposal = (cmd: Uint8Array, type: EntryType): Message =>
      makeMessage({
        type: MessageType.Propose,
        clusterID: CLUSTER,
        from: 9,
        to: 1,
        entries: [makeEntry({ type, clientID: 77, seriesID: NOOP_SERIES_ID, key: 1, cmd })],
      });
    const fourGiB = Uint8Array.of(0x02, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00);
    const torn = Uint8Array.of(0x02, 0xe8, 0x07, 0x00, 0x41);
    const residentBytes = process.memoryUsage().rss;
    await withSender(address, node.address, async (send) => {
      for (const cmd of [fourGiB, torn, new Uint8Array(0)]) await send(proposal(cmd, EntryType.EncodedEntry));
      await send(proposal(Buffer.from('after'), EntryType.ApplicationEntry));
      await eventually('the last proposal to be applied', () =>
        node.journal.lines.includes('after') ? true : undefined,
      );
    });
    expect(node.journal.lines).toEqual(['before', 'after']);
    expect(progressOf(node)).toMatchObject({ applied: applied + 1, term });
    expect(process.memoryUsage().rss - residentBytes).toBeLessThan(1_000_000_000);
  });

  it('stop their replica, and no other group, when damaged in the log', async () => {
    const cluster = await TestCluster.start(workshop, 1, {}, SNAPPY);
    const node = await cluster.readyLeader();
    await cluster.write(node, 'before');
    const index = progressOf(node).applied + 1;
    const { term } = progressOf(node);
    await node.host.stop();
    const dir = join(node.dir, 'logdb');
    const logDB = await openLmdbLogDB({ dir, walDir: dir });
    const cmd = Uint8Array.of(0x02, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00);
    const damaged = makeEntry({ type: EntryType.EncodedEntry, term, index, clientID: 77, cmd });
    await logDB.saveRaftState([
      {
        clusterID: CLUSTER,
        nodeID: 1,
        state: { term, vote: 1, commit: index },
        entriesToSave: [damaged],
        snapshot: undefined,
      },
    ]);
    await logDB.close();
    const again = await cluster.openHost(1);
    const start = (clusterID: number): Promise<void> =>
      again.host.startCluster(cluster.members, false, () => again.journal, {
        clusterID,
        nodeID: 1,
        electionRTT: 10,
        heartbeatRTT: 1,
      });
    expect(await codeOf(() => start(CLUSTER))).toBe('ERR_RSM_INVARIANT');
    await start(CLUSTER + 1);
    await again.host.waitReady(CLUSTER + 1, { timeoutMs: 60_000 });
    const session = again.host.getNoOPSession(CLUSTER + 1);
    expect(await again.host.syncPropose(session, Buffer.from('fine'))).toBeGreaterThan(0);
  });
});
