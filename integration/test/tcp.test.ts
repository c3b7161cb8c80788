import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CertificateFolder, TestCA } from '@drakkar/raftio/transport/testing';
import { createTcpRaftRPC } from '@drakkar/transport-tcp';
import { TestCluster, Workshop, freeAddress } from './support.js';

const workshop = new Workshop(createTcpRaftRPC);
const dragonboats = new Workshop((config, handler, sinks) =>
  createTcpRaftRPC(config, handler, sinks, { peers: 'dragonboat' }),
);
let folder: CertificateFolder;
let ca: TestCA;

beforeAll(async () => {
  folder = await CertificateFolder.create();
  ca = await TestCA.create('deployment');
});
afterEach(async () => {
  await workshop.clear();
  await dragonboats.clear();
});
afterAll(() => folder.remove());

const lines = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `line ${i}`.padEnd(100_000, '.'));

/** The leader leaves, the member that was away is brought up to date by a snapshot, and nothing is lost. */
async function exercise(cluster: TestCluster): Promise<void> {
  const leader = await cluster.readyLeader();
  const away = cluster.other(leader);
  await cluster.write(leader, 'before');
  await away.host.stop();
  const many = lines(30);
  for (const line of many) await cluster.write(leader, line);
  const present = cluster.others(away);
  for (const node of present) await node.host.requestSnapshot(1);
  await cluster.write(leader, 'after');
  const back = await cluster.startNode(away.nodeID);
  expect(await cluster.read(back)).toBe(['before', ...many, 'after'].join('\n'));
  expect(back.journal.recoveries).toBe(1);
  await leader.host.stop();
  const left = cluster.others(leader);
  const successor = await cluster.readyLeader(left);
  await cluster.write(successor, 'without the old leader');
  for (const node of left) expect(await cluster.read(node)).toMatch(/\nafter\nwithout the old leader$/);
}

const GROUP = { compactionOverhead: 1, maxInMemLogSize: 1_048_576 };

describe('a group on LMDB and TCP', () => {
  it('writes, reads, changes its leader, and sends a snapshot, with mutual TLS', async () => {
    const files = await folder.write(ca.pem, await ca.issue());
    await exercise(await TestCluster.start(workshop, 3, { mutualTls: true, ...files }, GROUP));
  }, 60_000);

  it('does so among hosts that speak as those of Dragonboat do', async () => {
    const config = { ...GROUP, compatibility: 'dragonboat-2.1' } as const;
    await exercise(await TestCluster.start(dragonboats, 3, {}, config));
  }, 60_000);

  it('is chosen by its short name, options and all', async () => {
    const address = await freeAddress();
    await workshop.open({
      raftAddress: address,
      nodeHostDir: await workshop.dir(),
      transport: { module: 'tcp', options: { peers: 'dragonboat' } },
    });
    const [host, port] = address.split(':');
    const socket = connect({ host, port: Number(port) });
    const heard = await new Promise<Buffer>((resolve) => {
      socket.on('data', resolve).on('connect', () => socket.write('GET / HTTP/1.1\r\n\r\n'));
    });
    socket.destroy();
    // A frame, by which it says why it ends the connection.
    expect(heard.subarray(0, 4).toString('hex')).toBe('ae7d025a');
  });
});
