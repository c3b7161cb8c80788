import { afterEach, describe, expect, it } from '@jest/globals';
import { type Group, NodeHost, type StartGroupOptions } from '@drakkar/framework';
import { Journal, Workshop, freeAddress, codeOf, eventually, quietly } from './support.js';
import { MemoryPlace } from '@drakkar/conformance';
import { MEMORY_ADDRESS, openMemoryHost } from './memory-host.js';
import { TestGroup } from './group-support.js';

const workshop = new Workshop();
const hosts: NodeHost[] = [];
afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.stop()));
  await workshop.clear();
});

const bytes = (text: string): Uint8Array => Buffer.from(text);
const textOf = async (read: Promise<Uint8Array>): Promise<string> => Buffer.from(await read).toString();

async function single(more: Partial<StartGroupOptions> = {}): Promise<{ host: NodeHost; group: Group }> {
  const { host } = await openMemoryHost(workshop, new MemoryPlace());
  hosts.push(host);
  const group = await host.startGroup({
    groupID: 7,
    replicaID: 1,
    members: { 1: MEMORY_ADDRESS },
    stateMachine: () => new Journal(),
    ...more,
  });
  return { host, group };
}

describe('a group handle', () => {
  it('proposes and reads on every host, waiting for the first leader by itself', async () => {
    const { groups } = await TestGroup.start(workshop, 3);
    for (const [i, group] of groups.entries()) expect(await group.propose(bytes(`line ${i}`))).toBe(i + 1);
    for (const group of groups) expect(await textOf(group.read(bytes('')))).toBe('line 0\nline 1\nline 2');
  });

  it('makes one attempt with retry: false', async () => {
    const { groups, stop } = await TestGroup.start(workshop, 3);
    const [group] = groups as [Group];
    await stop(2, 3);
    await eventually('the loss of the leader', () => (group.leader === undefined ? true : undefined));
    const alone = { retry: false, timeoutMs: 60_000 };
    expect(await codeOf(() => group.propose(bytes('x'), alone))).toBe('ERR_CLUSTER_NOT_READY');
    expect(await codeOf(() => group.read(bytes(''), alone))).toBe('ERR_CLUSTER_NOT_READY');
    expect(await codeOf(() => group.propose(bytes('x'), { timeoutMs: 300 }))).toBe('ERR_CLUSTER_NOT_READY');
  });

  it('survives the loss of the leader without an error', async () => {
    const { groups, stop } = await TestGroup.start(workshop, 3);
    const [first] = groups as [Group];
    await first.propose(bytes('before'));
    const leader = first.leader ?? 0;
    const others = groups.filter(({ replicaID }) => replicaID !== leader);
    await stop(leader);
    const [one, two] = others as [Group, Group];
    await one.propose(bytes('after'), { timeoutMs: 60_000 });
    expect(await textOf(two.read(bytes(''), { timeoutMs: 60_000 }))).toBe('before\nafter');
  });

  it('ends the waiting of a call when its signal aborts, with the reason as the cause', async () => {
    const { groups, stop } = await TestGroup.start(workshop, 3);
    const [group] = groups as [Group];
    await stop(2, 3);
    await eventually('the loss of the leader', () => (group.leader === undefined ? true : undefined));
    const controller = new AbortController();
    const reason = new Error('enough');
    const call = group.propose(bytes('x'), { timeoutMs: 60_000, signal: controller.signal });
    controller.abort(reason);
    await expect(call).rejects.toMatchObject({ code: 'ERR_CANCELED', cause: reason });
  });

  it('reports its leader, its status, and a snapshot', async () => {
    const { host, group } = await single();
    await group.ready();
    expect(group.leader).toBe(1);
    await group.propose(bytes('a'));
    const index = await group.snapshot();
    expect(index).toBeGreaterThan(0);
    expect(group.status()).toMatchObject({ groupID: 7, replicaID: 1, state: 'running' });
    expect(group.status().progress?.applied).toBeGreaterThanOrEqual(index);
    await group.stop();
    expect(group.status()).toMatchObject({ state: 'stopped', progress: undefined });
    await host.stop();
  });

  it('throws ERR_CLUSTER_CLOSED when it is stopped, and leaves a successor alone', async () => {
    const { host, group } = await single();
    await group.propose(bytes('a'));
    await Promise.all([group.stop(), group.stop()]);
    expect(await codeOf(() => group.propose(bytes('b')))).toBe('ERR_CLUSTER_CLOSED');
    expect(await codeOf(() => group.read(bytes('')))).toBe('ERR_CLUSTER_CLOSED');
    expect(await codeOf(() => group.leader)).toBe('ERR_CLUSTER_CLOSED');
    const again = await host.startGroup({ groupID: 7, replicaID: 1, stateMachine: () => new Journal() });
    await group.stop();
    expect(group.status().state).toBe('stopped');
    expect(await textOf(again.read(bytes('')))).toBe('a');
  });

  it('moves leadership, and refuses a target that is no voter', async () => {
    const { groups } = await TestGroup.start(workshop, 3);
    const [first] = groups as [Group];
    await first.ready();
    const target = ((first.leader ?? 0) % 3) + 1;
    await first.transferLeadership(target, { timeoutMs: 60_000 });
    expect(first.leader).toBe(target);
    expect(await codeOf(() => first.transferLeadership(9))).toBe('ERR_INVALID_TARGET');
  });

  it('fails with what its state machine threw', async () => {
    const { group } = await single();
    const failed = group.next('replicaFailed');
    expect(await codeOf(() => group.propose(bytes('throw')))).toBe('ERR_REQUEST_TERMINATED');
    const event = await failed;
    expect((event.error as Error).message).toContain('the state machine refuses');
    expect(await codeOf(() => group.read(bytes('')))).toBe('ERR_REPLICA_FAILED');
    expect(group.status()).toMatchObject({ state: 'failed', error: event.error });
    await group.stop();
    expect(group.status().state).toBe('stopped');
  });
});

describe('startGroup', () => {
  it.each<[string, object, string]>([
    ['a class as the factory', { stateMachine: Journal }, '() => new Journal()'],
    ['no factory', { stateMachine: undefined }, 'stateMachine must be a function'],
    ['an old name', { clusterID: 1 }, 'startGroup calls clusterID groupID'],
    ['an id that is no number', { replicaID: '1' }, 'replicaID must be a number'],
    ['a join that is no boolean', { join: 'yes' }, 'join must be true or false'],
  ])('rejects %s', async (_what, more, message) => {
    const failure = single(more as Partial<StartGroupOptions>).catch((error: unknown) => error);
    expect(await failure).toMatchObject({ code: 'ERR_INVALID_OPTION' });
    expect(String(await failure)).toContain(message);
  });

  it('rejects a key that no group has', async () => {
    const wrong = { electionRtt: 10 } as Partial<StartGroupOptions>;
    await expect(single(wrong)).rejects.toMatchObject({ code: 'ERR_INVALID_CONFIG' });
  });
});

describe('members', () => {
  it('are listed, added, promoted, and removed', async () => {
    const test = await TestGroup.start(workshop, 3);
    const [group] = test.groups as [Group];
    const address = await test.cluster.reserve(4);
    await group.members.add({ replicaID: 4, address });
    expect(await group.members.list()).toContainEqual({ replicaID: 4, address, role: 'observer' });
    const joined = await test.join(4);
    await group.members.promote(4, { timeoutMs: 60_000 });
    expect(await joined.members.list()).toContainEqual({ replicaID: 4, address, role: 'voter' });
    await group.members.remove(4, { timeoutMs: 60_000 });
    expect((await group.members.list()).map(({ replicaID }) => replicaID)).toEqual([1, 2, 3]);
    await eventually('the removal', () => (joined.status().state === 'removed' ? true : undefined));
    expect(await codeOf(() => joined.propose(bytes('x')))).toBe('ERR_CLUSTER_CLOSED');
    expect(await codeOf(() => group.members.add({ replicaID: 4, address }))).toBe('ERR_REJECTED');
    expect(await codeOf(() => group.members.promote(5))).toBe('ERR_INVALID_TARGET');
    const wrongRole = { replicaID: 5, address, role: 'king' as 'voter' };
    expect(await codeOf(() => group.members.add(wrongRole))).toBe('ERR_INVALID_OPTION');
  });

  it('are replaced one by another', async () => {
    const test = await TestGroup.start(workshop, 3);
    const [group] = test.groups as [Group];
    const address = await test.cluster.reserve(4);
    await group.propose(bytes('a'));
    let joining: Promise<Group> | undefined; // a step is told again when it is tried again
    await group.members.replace({
      replicaID: 3,
      newReplicaID: 4,
      address,
      timeoutMs: 100_000,
      onProgress: ({ step }) => {
        if (step === 'promote') joining ??= test.join(4);
      },
    });
    await joining;
    expect((await group.members.list()).map(({ replicaID }) => replicaID)).toEqual([1, 2, 4]);
  });

  it('change in ordered mode without an index of the caller, and not with an old one', async () => {
    const test = await TestGroup.start(workshop, 1, { orderedConfigChange: true });
    const [group] = test.groups as [Group];
    const add = (replicaID: number, more: object = {}): Promise<void> =>
      group.members.add({ replicaID, address: `127.0.0.1:${1000 + replicaID}` }, more);
    await add(2);
    await add(3);
    expect(await codeOf(() => add(4, { configChangeIndex: 1 }))).toBe('ERR_REJECTED');
  });
});

describe('events', () => {
  it('reach any number of listeners, added and removed at any time', async () => {
    const { host, group } = await single();
    const heard: string[] = [];
    const listener = (): void => void heard.push('on');
    group.on('snapshotCreated', listener).on('snapshotCreated', listener);
    group.once('snapshotCreated', () => heard.push('once'));
    host.on('snapshotCreated', ({ clusterID }) => heard.push(`host ${clusterID}`));
    const snapshot = async (line: string): Promise<void> => {
      const created = host.next('snapshotCreated');
      await group.propose(bytes(line));
      await group.snapshot();
      await created;
    };
    await snapshot('a');
    expect(heard.splice(0).sort()).toEqual(['host 7', 'on', 'on', 'once']);
    group.off('snapshotCreated', listener);
    await snapshot('b');
    expect(heard.splice(0).sort()).toEqual(['host 7', 'on']);
  });

  it('are those of the group alone, also when a listener throws', async () => {
    const { host, group } = await single();
    const other = await host.startGroup({
      groupID: 8,
      replicaID: 1,
      members: { 1: MEMORY_ADDRESS },
      stateMachine: () => new Journal(),
    });
    const heard: number[] = [];
    group.on('snapshotCreated', () => {
      throw new Error('a bug of the listener');
    });
    group.on('snapshotCreated', ({ clusterID }) => heard.push(clusterID));
    for (const each of [other, group]) {
      await each.propose(bytes('a'));
      await each.snapshot();
    }
    await eventually('the event', () => (heard.length > 0 ? true : undefined));
    expect(heard).toEqual([7]);
  });

  it('end with the replica, its unloading being the last', async () => {
    const { host, group } = await single();
    const heard: string[] = [];
    for (const name of ['nodeUnloaded', 'nodeReady'] as const) group.on(name, () => heard.push(name));
    await group.stop();
    await eventually('the event', () => (heard.length > 0 ? true : undefined));
    const ready = host.next('nodeReady');
    await host.startGroup({ groupID: 7, replicaID: 1, stateMachine: () => new Journal() });
    await ready;
    expect(heard).toEqual(['nodeUnloaded']);
  });
});

describe('await using', () => {
  it('stops group and host at the end of the scope', async () => {
    let kept: Group;
    const seen: string[] = [];
    {
      await using host = await NodeHost.create(
        { raftAddress: await freeAddress(), nodeHostDir: await workshop.dir() },
        { overrides: quietly },
      );
      await using group = await host.startGroup({
        groupID: 1,
        replicaID: 1,
        members: { 1: host.raftAddress },
        stateMachine: () => new Journal(),
      });
      host.on('nodeUnloaded', () => seen.push('unloaded'));
      await group.propose(bytes('a'), { timeoutMs: 60_000 });
      kept = group;
    }
    expect(await codeOf(() => kept.propose(bytes('b')))).toBe('ERR_CLUSTER_CLOSED');
    expect(seen).toEqual(['unloaded']);
  });
});
