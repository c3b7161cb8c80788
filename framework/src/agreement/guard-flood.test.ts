import { describe, expect, it } from '@jest/globals';
import { type Message, MessageType, emptyMembership, makeMessage } from '@drakkar/raftio';
import { type GroupDifference, GroupGuard } from './group-guard.js';

const GROUP = 41;
const OTHER_GROUP = 42;
const MEMBERS = new Map([1, 2, 3].map((id) => [id, `host-${id}:1`]));
const SETTINGS = { orderedConfigChange: false, lruMaxSessionCount: 4096, membershipRules: 'strict' } as const;

function setUp() {
  const found: GroupDifference[] = [];
  const sent: Message[] = [];
  const host = {
    nowTick: 100,
    hasLeader: true,
    level: 0,
    isNew: false,
    membership: () => ({ ...emptyMembership(), addresses: MEMBERS }),
    send: (message: Message) => void sent.push(message),
    record: () => Promise.resolve(),
    differs: (difference: GroupDifference) => void found.push(difference),
    refusalChanged: () => undefined,
    recordFailed: () => undefined,
  };
  const self = { initialMembers: MEMBERS, settings: SETTINGS };
  const guard = new GroupGuard(
    { clusterID: 7, nodeID: 3, groupID: GROUP, self, areSettingsFinal: false, electionTimeoutTicks: 10 },
    host,
  );
  const hear = (from: number, source: string, groupID: number): boolean =>
    guard.admits(
      makeMessage({ type: MessageType.GroupMismatch, from, to: 3, clusterID: 7, groupID }),
      source,
    );
  return { host, hear, found, sent };
}

describe('GroupGuard under a flood', () => {
  it('reports and answers a bounded number of senders that make up node ids', () => {
    const { hear, found, sent } = setUp();
    for (let i = 0; i < 10_000; i++) hear(100 + i, `stranger-${i}:1`, OTHER_GROUP);
    expect(found.length).toBeGreaterThan(0);
    expect(found.length).toBeLessThanOrEqual(8);
    expect(sent.length).toBeLessThanOrEqual(64);
  });

  it('reports a member that differs in the midst of them, and those left out once they are heard later', () => {
    const { host, hear, found } = setUp();
    for (let i = 0; i < 1000; i++) hear(100 + i, `stranger-${i}:1`, OTHER_GROUP);
    hear(1, 'host-1:1', OTHER_GROUP);
    expect(found.filter(({ isMember }) => isMember)).toMatchObject([{ nodeID: 1 }]);
    host.nowTick += 100;
    hear(5000, 'stranger:1', OTHER_GROUP);
    expect(found.at(-1)).toMatchObject({ nodeID: 5000, isMember: false });
  });

  it('reports a member a bounded number of times that claims another group with each message', () => {
    const { hear, found } = setUp();
    for (let i = 0; i < 1000; i++) hear(1, 'host-1:1', OTHER_GROUP + i);
    expect(found.length).toBeLessThanOrEqual(32);
  });
});
