import { afterEach, describe, expect, it } from '@jest/globals';
import {
  type GroupOf,
  type StandardSchema,
  type TypedGroup,
  defineRefusal,
  defineStateMachine,
} from '@drakkar/framework';
import { MessageType } from '@drakkar/raftio';
import { TestGroup } from './group-support.js';
import { Workshop, codeOf, eventually } from './support.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

const LONG = { timeoutMs: 60_000 };
const Missing = defineRefusal<{ key: string }>('missing');

/** A positive amount. */
const addSchema: StandardSchema<unknown, { key: string; by: number }> = {
  '~standard': {
    version: 1,
    vendor: 'test',
    validate: async (value) => {
      const { key, by } = value as { key: string; by: unknown };
      if (typeof by === 'number' && by > 0) return { value: { key: key.trim(), by } };
      return { issues: [{ message: 'must be above 0', path: ['by'] }] };
    },
  },
};

const store = defineStateMachine({
  initial: () => ({ values: new Map<string, number>(), applied: 0 }),
  commands: {
    add: (state, { key, by }: { key: string; by: number }) => {
      state.applied++;
      const value = (state.values.get(key) ?? 0) + by;
      state.values.set(key, value);
      return { key, value, at: new Date(0), big: 2n ** 70n };
    },
    take: (state, { key }: { key: string }) => {
      state.applied++;
      const value = state.values.get(key);
      state.values.delete(key);
      if (value === undefined) throw new Missing({ key });
      return value;
    },
    crash: (_state, { message }: { message: string }) => {
      throw new Error(message);
    },
  },
  queries: {
    all: (state) => state,
    get: (state, key: string) => {
      const value = state.values.get(key);
      if (value === undefined) throw new Missing({ key });
      return value;
    },
  },
}).withSchemas({ add: addSchema });

type Store = GroupOf<typeof store>;

async function start(size = 3): Promise<{ test: TestGroup; groups: Store[] }> {
  const test = await TestGroup.start(workshop, size, { stateMachine: store as never });
  return { test, groups: test.groups as unknown as Store[] };
}

/** One that does not lead. */
async function follower(): Promise<{ test: TestGroup; group: Store; leader: Store; groups: Store[] }> {
  const { test, groups } = await start();
  for (const group of groups) await group.ready(LONG);
  const leader = groups.find(({ replicaID, leader }) => replicaID === leader);
  const group = groups.find((each) => each !== leader);
  if (leader === undefined || group === undefined) throw new Error('there is no leader');
  return { test, group, leader, groups };
}

const count = (messages: readonly { type: MessageType }[], type: MessageType): number =>
  messages.filter((message) => message.type === type).length;

describe('a typed group', () => {
  it('gives answers with data, to commands and queries, on every host', async () => {
    const { groups } = await start();
    for (const [i, group] of groups.entries()) {
      const answer = await group.commands.add({ key: ' a ', by: 2 }, LONG);
      expect(answer).toEqual({ key: 'a', value: 2 * (i + 1), at: new Date(0), big: 2n ** 70n });
    }
    for (const group of groups) expect(await group.queries.get('a', LONG)).toBe(6);
  });

  it('refuses with a reason and data, and keeps the state', async () => {
    const { groups } = await start(1);
    const [group] = groups as [Store];
    for (const call of [() => group.commands.take({ key: 'x' }, LONG), () => group.queries.get('x', LONG)]) {
      const error: unknown = await call().catch((thrown: unknown) => thrown);
      if (!Missing.is(error)) throw error;
      expect(error).toMatchObject({ code: 'ERR_REFUSED', effect: 'none', retry: 'never' });
      expect(error.details).toEqual({ reason: 'missing', data: { key: 'x' } });
    }
    expect(await group.queries.all(undefined, LONG)).toEqual({ values: new Map(), applied: 0 });
  });

  it('rejects invalid arguments before they enter the log', async () => {
    const { groups } = await start(1);
    const [group] = groups as [Store];
    await group.ready(LONG);
    const { applied } = group.status().progress ?? {};
    const call = group.commands.add({ key: 'a', by: -1 });
    await expect(call).rejects.toMatchObject({ code: 'ERR_INVALID_ARGUMENTS', effect: 'none' });
    await expect(call).rejects.toThrow('the arguments of add are invalid: by: must be above 0');
    expect(group.status().progress?.applied).toBe(applied);
  });

  it('applies a command once that timed out and was sent again', async () => {
    const { test, group, leader, groups } = await follower();
    let attempts = 0;
    test.cluster.loses = (nodeID, { requests }) => {
      if (nodeID === leader.replicaID) attempts += count(requests, MessageType.Propose);
      return nodeID === group.replicaID && attempts === 1 && count(requests, MessageType.Replicate) > 0;
    };
    expect(await group.commands.add({ key: 'a', by: 1 }, LONG)).toMatchObject({ value: 1 });
    expect(attempts).toBeGreaterThan(1);
    for (const each of groups) expect(await each.queries.all(undefined, LONG)).toMatchObject({ applied: 1 });
  });

  it('applies each of many concurrent commands once while the leader is lost', async () => {
    const { test, groups, leader } = await follower();
    const others = groups.filter((each) => each !== leader) as [Store, Store];
    const calls: Promise<unknown>[] = [];
    let stopped: Promise<void> | undefined;
    for (let i = 0; i < 200; i++) {
      const group = others[i % 2] as Store;
      calls.push(group.commands.add({ key: `key ${i % 7}`, by: 1 }, LONG));
      if (i === 100) {
        await Promise.all(calls.slice(0, 50));
        stopped = test.stop(leader.replicaID);
      }
    }
    await Promise.all(calls);
    await stopped;
    const all = await others[0].queries.all(undefined, LONG);
    expect([...all.values.values()].reduce((sum, value) => sum + value, 0)).toBe(200);
    expect(all.applied).toBe(200);
    expect(await others[1].queries.all(undefined, LONG)).toEqual(all);
  });

  it('recognises a key of the caller that another process sends again', async () => {
    const { groups } = await start();
    const [one, two] = groups as [Store, Store];
    const order = { ...LONG, key: 'order 17' };
    expect(await one.commands.add({ key: 'a', by: 5 }, order)).toMatchObject({ value: 5 });
    expect(await two.commands.add({ key: 'a', by: 5 }, order)).toMatchObject({ value: 5 });
    const next = { ...LONG, key: 'order 18' };
    const both = [one.commands.add({ key: 'a', by: 5 }, next), one.commands.add({ key: 'a', by: 5 }, next)];
    for (const answer of await Promise.all(both)) expect(answer).toMatchObject({ value: 10 });
    expect(await codeOf(() => two.commands.add({ key: 'a', by: 6 }, order))).toBe('ERR_KEY_IN_USE');
    expect(await codeOf(() => one.commands.add({ key: 'a', by: 5 }, { key: '' }))).toBe('ERR_INVALID_OPTION');
  });

  it('goes on after a restart from its snapshot, and remembers its answers', async () => {
    const { test, groups } = await start(1);
    const [group] = groups as [Store];
    await group.commands.add({ key: 'a', by: 5 }, { ...LONG, key: 'k' });
    await group.snapshot();
    await group.commands.add({ key: 'a', by: 1 }, LONG);
    await group.stop();
    const again = await test.cluster
      .node(1)
      .host.startGroup({ groupID: 1, replicaID: 1, stateMachine: store });
    expect(await again.commands.add({ key: 'a', by: 5 }, { ...LONG, key: 'k' })).toMatchObject({ value: 5 });
    expect(await again.queries.get('a', LONG)).toBe(6);
  });

  it('fails with an error of the program, which stops the replica', async () => {
    const { groups } = await start(1);
    const [group] = groups as [Store];
    await group.ready(LONG);
    const call = group.commands.crash({ message: 'a bug' }, LONG);
    await expect(call).rejects.toMatchObject({ code: 'ERR_REQUEST_TERMINATED', effect: 'unknown' });
    expect(await codeOf(() => group.queries.all())).toBe('ERR_REPLICA_FAILED');
    expect(await codeOf(() => group.commands.add({ key: 'a', by: 1 }))).toBe('ERR_REPLICA_FAILED');
    await group.stop();
  });

  it('says outcome unknown when an attempt is in doubt and the group can not answer any more', async () => {
    const { test, group, leader } = await follower();
    let attempts = 0;
    test.cluster.loses = (nodeID, { requests }) => {
      if (nodeID === leader.replicaID) attempts += count(requests, MessageType.Propose);
      return nodeID === group.replicaID && attempts > 0;
    };
    const call = group.commands.add({ key: 'a', by: 1 }, { timeoutMs: 2_500 });
    await expect(call).rejects.toMatchObject({ effect: 'unknown' });
    expect(attempts).toBeGreaterThan(0);
    const typed: TypedGroup<unknown, unknown> = leader;
    await eventually('the command', async () =>
      (await leader.queries.all(undefined, LONG)).applied > 0 ? true : undefined,
    );
    expect(typed.status().state).toBe('running');
  });
});
