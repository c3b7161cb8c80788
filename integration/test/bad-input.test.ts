import { createServer } from 'node:net';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { NodeHost, newNoOPSession } from '@drakkar/framework';
import { MAX_PROPOSAL_PAYLOAD_BYTES, isDrakkarError } from '@drakkar/raftio';
import {
  CLUSTER,
  Journal,
  TestCluster,
  Workshop,
  clusterConfig,
  codeOf,
  eventually,
  folderHash,
  freeAddress,
} from './support.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

async function single(): Promise<{ cluster: TestCluster; host: NodeHost; dir: string; address: string }> {
  const cluster = await TestCluster.start(workshop, 1);
  const { host, dir, address } = cluster.node(1);
  await cluster.write(cluster.node(1), 'kept');
  return { cluster, host, dir, address };
}

describe('a NodeHost that can not be created', () => {
  it('reports every mistake of a configuration file at once', async () => {
    const file = join(await workshop.dir(), 'host.yaml');
    await writeFile(
      file,
      'raftAddress: nowhere\nnodeHostDirectory: ./data\nrttMillisecond: 0\nlogdb:\n  module: lmbd\n',
    );
    const error = await NodeHost.create(file).then(
      () => undefined,
      (cause: unknown) => cause,
    );
    expect(isDrakkarError(error) && error.code).toBe('ERR_INVALID_CONFIG');
    const { message } = error as Error;
    for (const part of [
      'raftAddress',
      'nodeHostDirectory',
      'nodeHostDir',
      'rttMillisecond',
      'logdb.module',
      'lmdb',
    ]) {
      expect(message).toContain(part);
    }
  });

  it('names the npm command for an adapter that is not installed', async () => {
    const error = await NodeHost.create({
      raftAddress: '127.0.0.1:1',
      nodeHostDir: join(await workshop.dir(), 'x'),
      transport: { module: 'transport-by-carrier-pigeon' },
    }).then(
      () => undefined,
      (cause: unknown) => cause,
    );
    expect(isDrakkarError(error) && error.code).toBe('ERR_MODULE_NOT_FOUND');
    expect((error as Error).message).toContain('npm install transport-by-carrier-pigeon');
  });

  it('reports that its port is taken, and releases the directory', async () => {
    const address = await freeAddress();
    const squatter = createServer();
    await new Promise<void>((resolve) =>
      squatter.listen(Number(address.split(':')[1]), '127.0.0.1', resolve),
    );
    const nodeHostDir = join(await workshop.dir(), 'host');
    try {
      expect(await codeOf(() => workshop.open({ raftAddress: address, nodeHostDir }))).toBe(
        'ERR_ADDRESS_IN_USE',
      );
    } finally {
      await new Promise((resolve) => squatter.close(resolve));
    }
    const host = await workshop.open({ raftAddress: address, nodeHostDir });
    expect(host.raftAddress).toBe(address);
  });

  it.each([
    ['another address', 'ERR_NOT_OWNER', async () => ({ raftAddress: await freeAddress() })],
    ['another deployment', 'ERR_DEPLOYMENT_ID_CHANGED', () => Promise.resolve({ deploymentId: 77 })],
    [
      'other hard settings',
      'ERR_HARD_SETTINGS_CHANGED',
      () => Promise.resolve({ hardSettings: { lruMaxSessionCount: 17 } }),
    ],
  ])('refuses the data directory of %s and leaves it as it was', async (_name, code, change) => {
    const { host, dir, address, cluster } = await single();
    await host.stop();
    const before = await folderHash(dir);
    const config = { raftAddress: address, nodeHostDir: dir, ...(await change()) };
    expect(await codeOf(() => workshop.open(config))).toBe(code);
    expect(await folderHash(dir)).toBe(before);
    const again = await cluster.startNode(1);
    expect(await cluster.read(again)).toBe('kept');
  });

  it('refuses a data directory that is in use', async () => {
    const { dir, address, cluster } = await single();
    expect(await codeOf(() => workshop.open({ raftAddress: address, nodeHostDir: dir }))).toBe(
      'ERR_LOCK_DIRECTORY',
    );
    expect(await cluster.read(cluster.node(1))).toBe('kept');
  });
});

describe('a group that can not be started', () => {
  const start = (host: NodeHost, members: Map<number, string>, join = false, more = {}): Promise<string> =>
    codeOf(() => host.startCluster(members, join, () => new Journal(), { ...clusterConfig(1), ...more }));

  it('distinguishes first start, restart and join', async () => {
    const { cluster, host } = await single();
    const other = await freeAddress();
    expect(await start(host, cluster.members)).toBe('ERR_CLUSTER_ALREADY_EXIST');
    await host.stopCluster(CLUSTER);
    expect(await start(host, new Map(), true)).toBe('ERR_INVALID_CLUSTER_SETTINGS');
    expect(await start(host, new Map([[1, other]]))).toBe('ERR_INVALID_CLUSTER_SETTINGS');
    expect(await start(host, new Map(), false, { clusterID: 9 })).toBe('ERR_CLUSTER_NOT_BOOTSTRAPPED');
    expect(await start(host, new Map([[1, other]]), false, { clusterID: 9 })).toBe(
      'ERR_INVALID_CLUSTER_SETTINGS',
    );
    expect(await start(host, cluster.members, true, { clusterID: 9 })).toBe('ERR_INVALID_CLUSTER_SETTINGS');
    expect(await start(host, new Map([[1, 'nonsense']]), false, { clusterID: 9 })).toBe(
      'ERR_INVALID_ADDRESS',
    );
    expect(await start(host, cluster.members, false, { electionRTT: 1, heartbeatRTT: 1 })).toBe(
      'ERR_INVALID_CONFIG',
    );
    expect(await start(host, new Map())).toBe('no error');
    expect(await cluster.read(cluster.node(1))).toBe('kept');
  });

  it('gives the error of its state machine factory, and can be started again', async () => {
    const { cluster, host } = await single();
    await host.stopCluster(CLUSTER);
    const broken = host.startCluster(
      cluster.members,
      false,
      () => {
        throw new Error('no licence');
      },
      clusterConfig(1),
    );
    await expect(broken).rejects.toThrow('no licence');
    expect(await start(host, cluster.members)).toBe('no error');
  });
});

describe('a request that is wrong', () => {
  it('gets its own error, and leaves the data as it was', async () => {
    const { cluster, host } = await single();
    const session = host.getNoOPSession(CLUSTER);
    const cmd = Buffer.from('x');
    const propose = (
      options: { timeoutMs?: number; signal?: AbortSignal },
      bytes: Uint8Array = cmd,
    ): Promise<string> => codeOf(() => host.syncPropose(session, bytes, options));
    expect(await propose({ timeoutMs: 0 })).toBe('ERR_TIMEOUT_TOO_SMALL');
    expect(await propose({ timeoutMs: 19 })).toBe('ERR_TIMEOUT_TOO_SMALL');
    expect(await propose({ timeoutMs: -1 })).toBe('ERR_INVALID_DEADLINE');
    expect(await propose({ timeoutMs: NaN })).toBe('ERR_INVALID_DEADLINE');
    expect(await propose({ signal: AbortSignal.abort() })).toBe('ERR_CANCELED');
    expect(await propose({}, new Uint8Array(MAX_PROPOSAL_PAYLOAD_BYTES + 1))).toBe('ERR_PAYLOAD_TOO_BIG');
    expect(await codeOf(() => host.syncRead(5, cmd))).toBe('ERR_CLUSTER_NOT_FOUND');
    expect(await codeOf(() => host.stopCluster(5))).toBe('ERR_CLUSTER_NOT_FOUND');
    expect(await codeOf(() => host.stopNode(CLUSTER, 2))).toBe('ERR_CLUSTER_NOT_FOUND');
    expect(await codeOf(() => host.getNodeUser(CLUSTER).propose(host.getNoOPSession(5), cmd))).toBe(
      'ERR_INVALID_SESSION',
    );
    const pending = host.readIndex(CLUSTER);
    expect(await codeOf(() => host.readLocalNode(pending, cmd))).toBe('ERR_INVALID_OPERATION');
    expect((await pending.result).completed()).toBe(true);
    expect(Buffer.from(await host.readLocalNode(pending, cmd)).toString()).toBe('kept');
    expect(await cluster.read(cluster.node(1))).toBe('kept');
  });

  it('gets an error of ours from a program without types, and nothing is started', async () => {
    const { cluster, host } = await single();
    const session = host.getNoOPSession(CLUSTER);
    const cmd = Buffer.from('x');
    const wrong = <T>(value: unknown): T => value as T;
    for (const none of [undefined, null, {}, session.toRecord()]) {
      expect(await codeOf(() => host.syncPropose(wrong(none), cmd))).toBe('ERR_INVALID_SESSION');
      expect(await codeOf(() => host.propose(wrong(none), cmd))).toBe('ERR_INVALID_SESSION');
      expect(await codeOf(() => host.getNodeUser(CLUSTER).propose(wrong(none), cmd))).toBe(
        'ERR_INVALID_SESSION',
      );
      expect(await codeOf(() => host.closeSession(wrong(none)))).toBe('ERR_INVALID_SESSION');
    }
    expect(await codeOf(() => host.syncPropose(session, wrong('text')))).toBe('ERR_INVALID_OPERATION');
    expect(await codeOf(() => host.syncPropose(session, cmd, { signal: wrong({}) }))).toBe(
      'ERR_INVALID_OPERATION',
    );
    const config = clusterConfig(1, { clusterID: 9 });
    const create = (): Journal => new Journal();
    expect(await codeOf(() => host.startCluster(wrong(undefined), false, create, config))).toBe(
      'ERR_INVALID_OPERATION',
    );
    expect(await codeOf(() => host.startCluster(cluster.members, false, wrong(undefined), config))).toBe(
      'ERR_INVALID_OPERATION',
    );
    expect(await host.hasNodeInfo(9, 1)).toBe(false);
    expect(
      await codeOf(() => host.startCluster(cluster.members, false, () => wrong({ update: 1 }), config)),
    ).toBe('ERR_INVALID_OPERATION');
    expect(await cluster.read(cluster.node(1))).toBe('kept');
  });

  it('takes the largest payload that is allowed', async () => {
    const { host } = await single();
    const session = host.getNoOPSession(CLUSTER);
    const value = await host.syncPropose(session, new Uint8Array(MAX_PROPOSAL_PAYLOAD_BYTES), {
      timeoutMs: 20_000,
    });
    expect(value).toBe(2);
  });

  it('fails with that reason on a stopped host or group', async () => {
    const { cluster, host } = await single();
    const user = host.getNodeUser(CLUSTER);
    const session = host.getNoOPSession(CLUSTER);
    await host.stopNode(CLUSTER, 1);
    expect(await codeOf(() => user.propose(session, Buffer.from('x')))).toBe('ERR_CLUSTER_CLOSED');
    expect(await codeOf(() => host.syncPropose(session, Buffer.from('x')))).toBe('ERR_CLUSTER_NOT_FOUND');
    expect(await host.hasNodeInfo(CLUSTER, 1)).toBe(true);
    expect(await host.hasNodeInfo(CLUSTER, 2)).toBe(false);
    await host.stop();
    await host.stop();
    for (const call of [
      () => host.syncPropose(session, Buffer.from('x')),
      () => host.syncRead(CLUSTER, Buffer.from('x')),
      () => host.startCluster(cluster.members, false, () => new Journal(), clusterConfig(1)),
      () => host.getLeaderID(CLUSTER),
      () => host.stopCluster(CLUSTER),
    ]) {
      expect(await codeOf(call)).toBe('ERR_CLOSED');
    }
  });

  it('ends when the host stops while it is under way', async () => {
    const cluster = await TestCluster.start(workshop, 3);
    const leader = await cluster.leader();
    await cluster.write(leader, 'a');
    for (const node of cluster.nodes) if (node !== leader) await node.host.stop();
    const request = leader.host.propose(newNoOPSession(CLUSTER, { uint64: () => 42 }), Buffer.from('b'));
    await leader.host.stop();
    const { outcome } = await eventually('the request to end', () => request.result);
    expect(['terminated', 'dropped']).toContain(outcome);
  });
});
