import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CertificateFolder, TestCA } from '@drakkar/raftio/transport/testing';
import { createTcpRaftRPC } from '@drakkar/transport-tcp';
import { TestCluster, Workshop, freeAddress } from './support.js';

const workshop = new Workshop(createTcpRaftRPC);
let folder: CertificateFolder;
let ca: TestCA;

beforeAll(async () => {
  folder = await CertificateFolder.create();
  ca = await TestCA.create('deployment');
});
afterEach(() => workshop.clear());
afterAll(() => folder.remove());

const lines = (count: number): string[] =>
  Array.from({ length: count }, (_, i) => `line ${i}`.padEnd(100_000, '.'));

describe('a group on LMDB and TCP with mutual TLS', () => {
  it('writes, reads, changes its leader, and brings a node that was away up to date by a snapshot', async () => {
    const files = await folder.write(ca.pem, await ca.issue());
    const cluster = await TestCluster.start(
      workshop,
      3,
      { mutualTls: true, ...files },
      { compactionOverhead: 1, maxInMemLogSize: 1_048_576 },
    );
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
