import {
  BIN_VER,
  type IRaftRPC,
  type Message,
  MessageType,
  NOOP_SERIES_ID,
  type RaftRPCFactory,
  emptyMembership,
  makeEntry,
  makeMessage,
} from '@drakkar/raftio';
import { CertificateFolder, TestCA } from '@drakkar/raftio/transport/testing';
import { createGrpcRaftRPC } from '@drakkar/transport-grpc';
import { createQuicRaftRPC } from '@drakkar/transport-quic';
import { createWsRaftRPC } from '@drakkar/transport-ws';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  CLUSTER,
  TestCluster,
  type TestNode,
  Workshop,
  eventually,
  freeAddress,
  progressOf,
  retrying,
} from './support.js';

const never = new AbortController().signal;
let folder: CertificateFolder;
let ca: TestCA;

beforeAll(async () => {
  folder = await CertificateFolder.create();
  ca = await TestCA.create('deployment');
});
afterAll(() => folder.remove());

const TRANSPORTS: [string, RaftRPCFactory][] = [
  ['WebSocket', createWsRaftRPC],
  ['gRPC', createGrpcRaftRPC],
  [
    'QUIC',
    (config, handler, sinks) => createQuicRaftRPC(config, handler, sinks, { engine: 'webtransport-h2' }),
  ],
];

/** Somebody with a certificate of the deployment's CA, for a name that is no member's. */
async function outsider(create: RaftRPCFactory): Promise<IRaftRPC> {
  const mutualTLS = await folder.write(ca.pem, await ca.issue({ ip: [], dns: ['printer.example'] }));
  return create(
    {
      raftAddress: 'printer.example:1',
      listenAddress: await freeAddress(),
      mutualTLS,
      sendBufferBytes: 1_000_000,
      onWarning: () => undefined,
    },
    () => undefined,
    () => ({ addChunk: () => Promise.resolve(false), close: () => undefined }),
  );
}

async function send(rpc: IRaftRPC, to: TestNode, sourceAddress: string, requests: Message[]): Promise<void> {
  const connection = await rpc.getConnection(to.address, never);
  await connection.sendMessageBatch({ requests, deploymentID: 1, sourceAddress, binVer: BIN_VER });
  connection.close();
}

function rejectedBy({ host }: TestNode): number {
  return host.getNodeHostInfo().transport.rejectedSenders ?? 0;
}

function forged(from: number, to: number): Message[] {
  const cmd = Buffer.from('forged');
  const entry = makeEntry({ clientID: 12_345n, seriesID: NOOP_SERIES_ID, key: 7n, cmd });
  const base = { clusterID: CLUSTER, from, to };
  return [
    makeMessage({ ...base, type: MessageType.Propose, entries: [entry] }),
    makeMessage({ ...base, type: MessageType.Heartbeat, term: 1_000 }),
    makeMessage({ ...base, type: MessageType.RequestVote, term: 1_001, logTerm: 1_000, logIndex: 1_000_000 }),
  ];
}

for (const [name, create] of TRANSPORTS) {
  const workshop = new Workshop(create);
  let rpc: IRaftRPC | undefined;
  const startCluster = async (): Promise<TestCluster> => {
    const { caFile, certFile, keyFile } = await folder.write(ca.pem, await ca.issue());
    return TestCluster.start(workshop, 3, { mutualTls: true, caFile, certFile, keyFile });
  };

  describe(`a group over ${name} with mutual TLS`, () => {
    afterEach(async () => {
      await rpc?.stop();
      rpc = undefined;
      await workshop.clear();
    });

    it("does not hear who has a certificate of its CA for another host, and speaks in a member's name", async () => {
      rpc = await outsider(create);
      const cluster = await startCluster();
      const leader = await cluster.readyLeader();
      const other = cluster.other(leader);
      await cluster.write(leader, 'before');
      const { term } = progressOf(leader);
      await send(rpc, leader, other.address, forged(other.nodeID, leader.nodeID));
      await send(rpc, leader, 'printer.example:1', forged(other.nodeID, leader.nodeID));
      await eventually('all of it to be dropped', () => (rejectedBy(leader) >= 4 ? true : undefined));
      await cluster.write(leader, 'after');
      expect(await cluster.read(leader)).toBe('before\nafter');
      expect(progressOf(leader)).toMatchObject({
        term,
        rejectedMessages: {},
      });
    }, 60_000);

    it('takes no snapshot of such a host in the name of a member', async () => {
      rpc = await outsider(create);
      const cluster = await startCluster();
      const leader = await cluster.readyLeader();
      const follower = cluster.other(leader);
      const connection = await rpc.getSnapshotConnection(follower.address, never);
      const chunk = {
        clusterID: CLUSTER,
        nodeID: follower.nodeID,
        from: leader.nodeID,
        chunkID: 0,
        chunkSize: 10,
        chunkCount: 1,
        data: new Uint8Array(10),
        index: 1_000_000,
        term: 5_000,
        membership: { ...emptyMembership(), addresses: cluster.members },
        filepath: 'snapshot',
        fileSize: 10,
        deploymentID: 1,
        fileChunkID: 0,
        fileChunkCount: 1,
        hasFileInfo: false,
        fileInfo: undefined,
        binVer: BIN_VER,
      };
      await expect(connection.sendSnapshotChunk(chunk).then(() => connection.finish())).rejects.toMatchObject(
        { code: 'ERR_CONNECTION_CLOSED' },
      );
      expect(rejectedBy(follower)).toBe(1);
    }, 60_000);

    it('hears a member that was added while it was away', async () => {
      const cluster = await startCluster();
      const leader = await cluster.readyLeader();
      const away = cluster.other(leader);
      await away.host.stop();
      const address = await cluster.reserve(4);
      await retrying(() =>
        leader.host.syncRequestAddNode(CLUSTER, 4, address, 0, { timeoutMs: 60_000, force: true }),
      );
      await cluster.startNode(4);
      await cluster.write(leader, 'while it was away');
      const back = await cluster.startNode(away.nodeID);
      expect(await cluster.read(back)).toBe('while it was away');
      expect(rejectedBy(back)).toBe(0);
    }, 60_000);
  });
}
