import { afterEach, describe, expect, it } from '@jest/globals';
import { type Group, type GroupSession, hasErrorCode } from '@drakkar/framework';
import { MessageType } from '@drakkar/raftio';
import { TestGroup } from './group-support.js';
import { CLUSTER, Workshop, codeOf, eventually } from './support.js';

const workshop = new Workshop();
afterEach(() => workshop.clear());

const bytes = (text: string): Uint8Array => Buffer.from(text);
const count = (messages: readonly { type: MessageType }[], type: MessageType): number =>
  messages.filter((message) => message.type === type).length;
const LONG = { timeoutMs: 60_000 };

/** A group of three, and the handle of one that does not lead. */
async function follower(): Promise<{ test: TestGroup; group: Group; leader: Group }> {
  const test = await TestGroup.start(workshop, 3);
  for (const group of test.groups) await group.ready(LONG);
  const leader = test.groups.find(({ replicaID, leader }) => replicaID === leader);
  const group = test.groups.find((each) => each !== leader);
  if (leader === undefined || group === undefined) throw new Error('there is no leader');
  return { test, group, leader };
}

const lines = (test: TestGroup, replicaID: number): string[] => test.cluster.node(replicaID).journal.lines;

describe('a session of a group', () => {
  it('proposes concurrent calls one at a time, in their order', async () => {
    const { test, group } = await follower();
    const session = await group.openSession(LONG);
    const all = Array.from({ length: 20 }, (_, i) => session.propose(bytes(`line ${i}`), LONG));
    expect(await Promise.all(all)).toEqual(all.map((_, i) => i + 1));
    expect(lines(test, group.replicaID)).toEqual(all.map((_, i) => `line ${i}`));
    await session.close();
  });

  it('sends a command again after a time-out, which is applied once', async () => {
    const { test, group, leader } = await follower();
    const session = await group.openSession(LONG);
    let attempts = 0;
    // The first attempt reaches the leader; until there is another, the follower learns nothing of it.
    test.cluster.loses = (nodeID, { requests }) => {
      if (nodeID === leader.replicaID) attempts += count(requests, MessageType.Propose);
      return nodeID === group.replicaID && attempts === 1 && count(requests, MessageType.Replicate) > 0;
    };
    expect(await session.propose(bytes('once'), LONG)).toBe(1);
    expect(attempts).toBeGreaterThan(1);
    expect(await session.propose(bytes('next'), LONG)).toBe(2);
    for (const { replicaID } of test.groups) {
      await eventually('both lines', () => (lines(test, replicaID).length === 2 ? true : undefined));
      expect(lines(test, replicaID)).toEqual(['once', 'next']);
    }
  });

  it('survives the loss of the leader without an error, each command applied once', async () => {
    const { test, group, leader } = await follower();
    const session = await group.openSession(LONG);
    let stopped: Promise<void> | undefined;
    for (let i = 0; i < 30; i++) {
      if (i === 10) stopped = test.stop(leader.replicaID);
      await session.propose(bytes(`line ${i}`), LONG);
    }
    await stopped;
    expect(lines(test, group.replicaID)).toEqual(Array.from({ length: 30 }, (_, i) => `line ${i}`));
  });

  it('ends when it is evicted, with an outcome that is unknown only if an attempt is in doubt', async () => {
    const test = await TestGroup.start(workshop, 3);
    const [group] = test.groups as [Group];
    await group.ready(LONG);
    await eventually('the feature level', () =>
      (group.status().progress?.featureLevel ?? 0) > 0 ? true : undefined,
    );
    await test.cluster.node(1).host.syncRequestSetGroupSettings(CLUSTER, { lruMaxSessionCount: 1 });
    const evicted = await group.openSession(LONG);
    const current = await group.openSession(LONG);
    await expect(evicted.propose(bytes('x'), LONG)).rejects.toMatchObject({
      code: 'ERR_REJECTED',
      effect: 'none',
    });
    expect(await codeOf(() => evicted.propose(bytes('y')))).toBe('ERR_INVALID_SESSION');
    await evicted.close();
    expect(await current.propose(bytes('z'), LONG)).toBe(1);
  });

  it('says outcome unknown when it was evicted between two attempts', async () => {
    const { test, group, leader } = await follower();
    await eventually('the feature level', () =>
      (group.status().progress?.featureLevel ?? 0) > 0 ? true : undefined,
    );
    const other = test.cluster.node(leader.replicaID).host;
    await other.syncRequestSetGroupSettings(CLUSTER, { lruMaxSessionCount: 1 });
    const session = await group.openSession(LONG);
    let attempts = 0;
    // Of the attempts only the first reaches the leader, and the follower learns nothing of it.
    test.cluster.loses = (nodeID, { requests }) => {
      const proposed = nodeID === leader.replicaID ? count(requests, MessageType.Propose) : 0;
      attempts += proposed;
      if (proposed > 0) return attempts > 1;
      return nodeID === group.replicaID && attempts > 0 && count(requests, MessageType.Replicate) > 0;
    };
    const call = session.propose(bytes('in doubt'), LONG).catch((error: unknown) => error);
    await eventually('the second attempt', () => (attempts > 1 ? true : undefined));
    expect(lines(test, leader.replicaID)).toEqual(['in doubt']);
    await leader.openSession(LONG); // evicts the other one
    test.cluster.loses = undefined;
    expect(await call).toMatchObject({ code: 'ERR_REJECTED', effect: 'unknown' });
  });

  it('ends the waiting when its signal aborts, and goes on with the next command', async () => {
    const { test, group } = await follower();
    const session = await group.openSession(LONG);
    const controller = new AbortController();
    test.cluster.loses = (nodeID) => nodeID === group.replicaID;
    const call = session.propose(bytes('canceled'), { ...LONG, signal: controller.signal });
    const next = session.propose(bytes('next'), LONG);
    controller.abort(new Error('enough'));
    await expect(call).rejects.toMatchObject({ code: 'ERR_CANCELED', cause: new Error('enough') });
    test.cluster.loses = undefined;
    await next;
    expect(lines(test, group.replicaID).filter((line) => line === 'next')).toHaveLength(1);
  });

  it('is closed at the end of its scope, also when the group is gone', async () => {
    const { group } = await follower();
    let kept: GroupSession;
    {
      await using session = await group.openSession(LONG);
      kept = session;
      await session.propose(bytes('a'), LONG);
    }
    expect(await codeOf(() => kept.propose(bytes('b')))).toBe('ERR_INVALID_SESSION');
    await kept.close();
    {
      await using session = await group.openSession(LONG);
      kept = session;
      await group.stop();
    }
    const error: unknown = await group.openSession().catch((thrown: unknown) => thrown);
    expect(hasErrorCode(error, 'ERR_CLUSTER_CLOSED')).toBe(true);
  });
});
