import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeTestCertificates } from '@drakkar/conformance';
import type { NodeHostConfigInput } from '@drakkar/framework';
import { createQuicRaftRPC } from '@drakkar/transport-quic';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CLUSTER, EventLog, Journal, TestCluster, Workshop, clusterConfig, eventually } from './support.js';

let folder: string;
let certificates: Awaited<ReturnType<typeof writeTestCertificates>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drakkar-'));
  certificates = await writeTestCertificates(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

for (const engine of ['quic', 'webtransport-h2'] as const) {
  const options = { engine, deadPeerTimeoutMs: 2000 };
  const workshop = new Workshop((config, handler, sinks) =>
    createQuicRaftRPC(config, handler, sinks, options),
  );
  afterEach(() => workshop.clear());
  const withTLS = (): Partial<NodeHostConfigInput> => ({ mutualTls: true, ...certificates.good[0] });

  describe(`three NodeHosts on LMDB and QUIC (${engine}) with mutual TLS`, () => {
    it('write and read, lose their leader and get it back', async () => {
      const cluster = await TestCluster.start(workshop, 3, withTLS());
      const leader = await cluster.leader();
      await Promise.all(cluster.nodes.map((node) => cluster.write(node, `of ${node.nodeID}`)));
      await leader.host.stop();
      const others = cluster.others(leader);
      const next = await cluster.leader(others);
      expect(next.nodeID).not.toBe(leader.nodeID);
      await cluster.write(next, 'without it');
      const back = await cluster.startNode(leader.nodeID);
      const read = await cluster.read(back);
      expect(read.split('\n').sort()).toEqual(['of 1', 'of 2', 'of 3', 'without it']);
      for (const node of others) expect(await cluster.read(node)).toBe(read);
    }, 90_000);

    it('bring one that has fallen behind up to date by a snapshot', async () => {
      const group = { compactionOverhead: 1, maxInMemLogSize: 65_536 };
      const cluster = await TestCluster.start(workshop, 3, withTLS(), group);
      const leader = await cluster.readyLeader();
      const lagging = cluster.other(leader);
      await lagging.host.stop();
      const many = Array.from({ length: 30 }, (_, i) => `line ${i}`.padEnd(10_000, '.'));
      for (const line of many) await cluster.write(leader, line);
      for (const node of cluster.others(lagging)) await node.host.requestSnapshot(CLUSTER);
      await cluster.write(leader, 'after');
      const back = await cluster.startNode(lagging.nodeID);
      expect(await cluster.read(back)).toBe([...many, 'after'].join('\n'));
      expect(back.journal.recoveries).toBe(1);
    }, 90_000);

    it('let nobody in who is of another deployment', async () => {
      const cluster = await TestCluster.start(workshop, 1, withTLS());
      const raftAddress = await cluster.reserve(2);
      const events = new EventLog();
      const foreign = await workshop.open(
        {
          // By configuration, short name and all, as a user would.
          transport: { module: 'quic', options },
          mutualTls: true,
          ...certificates.foreign,
          raftAddress,
          nodeHostDir: join(await workshop.dir(), 'foreign'),
        },
        { events: events.listener },
      );
      const members = new Map([...cluster.members, [2, raftAddress]]);
      await foreign.startCluster(members, false, () => new Journal(), clusterConfig(2));
      const [failure] = await eventually('a refusal', () => {
        const failures = events.of('connectionFailed');
        return failures.length > 0 ? failures : undefined;
      });
      expect(failure).toMatchObject({ address: cluster.addressOf(1), error: { code: 'ERR_TLS' } });
    }, 60_000);
  });
}
