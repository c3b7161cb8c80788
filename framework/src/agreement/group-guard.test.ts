import { describe, expect, it } from '@jest/globals';
import {
  type GroupSettings,
  type Membership,
  type Message,
  MessageType,
  emptyMembership,
  makeEntry,
  makeMessage,
} from '@drakkar/raftio';
import { type ErrGroupMismatch } from '../errors/index.js';
import { settingsFingerprint } from './apply-settings.js';
import { type GroupDifference, GroupGuard } from './group-guard.js';
import { type SelfDescription, describingEntry } from './self-description.js';

const GROUP = 41;
const OTHER_GROUP = 42;
const THREE = new Map([1, 2, 3].map((id) => [id, `host-${id}:1`]));
const SETTINGS = { orderedConfigChange: false, lruMaxSessionCount: 4096, membershipRules: 'strict' } as const;
const SELF: SelfDescription = { initialMembers: THREE, settings: SETTINGS, level: 0 };
const OWN_SETTINGS = settingsFingerprint(SETTINGS);
const ORDERED = settingsFingerprint({ ...SETTINGS, orderedConfigChange: true });

interface SetUp {
  nodeID?: number;
  groupID?: number;
  members?: ReadonlyMap<number, string>;
  observers?: ReadonlyMap<number, string>;
  isNew?: boolean;
}

class Bench {
  readonly sent: Message[] = [];
  readonly found: GroupDifference[] = [];
  readonly refusals: (string | undefined)[] = [];
  readonly recorded: number[] = [];
  readonly adopted: (GroupSettings | undefined)[] = [];
  readonly host = { nowTick: 100, hasLeader: false, level: 0, isNew: false };
  readonly guard: GroupGuard;
  membership: Membership;
  finishRecord: () => void = () => undefined;

  constructor({
    nodeID = 3,
    groupID = GROUP,
    members = THREE,
    observers = new Map(),
    isNew = false,
  }: SetUp = {}) {
    this.host.isNew = isNew;
    this.membership = {
      ...emptyMembership(),
      addresses: new Map(members),
      observers: new Map(observers),
    };
    const { host } = this;
    this.guard = new GroupGuard(
      { clusterID: 7, nodeID, groupID, self: SELF, areSettingsFinal: false, electionTimeoutTicks: 10 },
      {
        get nowTick() {
          return host.nowTick;
        },
        get hasLeader() {
          return host.hasLeader;
        },
        membership: () => this.membership,
        send: (message) => void this.sent.push(message),
        get level() {
          return host.level;
        },
        get isNew() {
          return host.isNew;
        },
        record: (id, settings) => {
          this.recorded.push(id);
          this.adopted.push(settings);
          return new Promise((resolve) => (this.finishRecord = resolve));
        },
        differs: (difference) => void this.found.push(difference),
        refusalChanged: (refusal: ErrGroupMismatch | undefined) => void this.refusals.push(refusal?.code),
        recordFailed: () => undefined,
      },
    );
  }

  /** Whether a message of `from` is taken. */
  takes(from: number, fields: Partial<Message> = {}, source = `host-${from}:1`): boolean {
    const type = fields.type ?? MessageType.RequestVote;
    const message = makeMessage({
      from,
      to: 3,
      clusterID: 7,
      groupID: GROUP,
      settings: OWN_SETTINGS,
      ...fields,
      type,
    });
    return this.guard.admits(message, source);
  }

  get code(): string | undefined {
    return this.guard.refusal?.code;
  }
}

describe('GroupGuard', () => {
  it('takes messages of its group, and those that do not say which group they are of', () => {
    const bench = new Bench();
    expect(bench.takes(1)).toBe(true);
    expect(bench.takes(2, { groupID: 0, settings: 0 })).toBe(true);
    expect(bench.takes(2, { groupID: 0 })).toBe(true);
    expect(bench.guard.droppedCount).toBe(0);
    expect(bench.code).toBeUndefined();
  });

  it.each<[string, Partial<Message>]>([
    ['another group', { groupID: OTHER_GROUP }],
    ['other settings', { settings: ORDERED }],
  ])('drops messages of a member with %s, and answers now and then', (_what, fields) => {
    const bench = new Bench();
    for (let i = 0; i < 5; i++) expect(bench.takes(1, fields)).toBe(false);
    expect(bench.sent).toHaveLength(1);
    expect(bench.sent[0]).toMatchObject({ type: MessageType.GroupMismatch, from: 3, to: 1 });
    expect(bench.guard.droppedCount).toBe(5);
    for (let tick = 0; tick < 100; tick++) {
      bench.host.nowTick++;
      expect(bench.takes(1, fields)).toBe(false);
    }
    expect(bench.sent.length).toBeGreaterThanOrEqual(10);
    expect(bench.sent.length).toBeLessThanOrEqual(15);
  });

  it('takes nothing of a member on a host of Dragonboat, and names the option that a group with it needs', () => {
    const bench = new Bench();
    const message = makeMessage({ type: MessageType.Replicate, from: 1, to: 3, clusterID: 7 });
    bench.guard.refuseDragonboat(message, 'host-1:1');
    bench.guard.refuseDragonboat(message, 'host-1:1');
    expect(bench.guard.droppedCount).toBe(2);
    expect(bench.found).toHaveLength(1);
    expect(bench.found[0]).toMatchObject({ nodeID: 1, isMember: true });
    expect(bench.guard.refusal?.message).toContain("compatibility: 'dragonboat-2.1'");
    expect(bench.takes(1)).toBe(true);
    expect(bench.guard.refusal).toBeUndefined();
  });

  it('names a member as refused until it agrees again', () => {
    const bench = new Bench();
    bench.takes(1, { settings: ORDERED });
    bench.takes(2, { settings: ORDERED }, 'elsewhere:1');
    expect([1, 2].map((nodeID) => bench.guard.refuses(nodeID))).toEqual([true, false]);
    expect(bench.takes(1)).toBe(true);
    expect(bench.guard.refuses(1)).toBe(false);
  });

  it('is not refused while a quorum of the members may agree with it', () => {
    const bench = new Bench();
    bench.takes(1, { settings: ORDERED });
    expect(bench.code).toBeUndefined();
    expect(bench.takes(2)).toBe(true);
  });

  it('knows a host that spells its address otherwise than before', () => {
    const bench = new Bench();
    expect(bench.takes(1, { settings: ORDERED })).toBe(false);
    expect(bench.guard.differences()).toHaveLength(1);
    expect(bench.takes(1, {}, 'HOST-1.:01')).toBe(true);
    expect(bench.guard.differences()).toEqual([]);
  });

  it('is refused when a quorum of the members differs, and not any more when they agree', () => {
    const bench = new Bench();
    bench.takes(1, { settings: ORDERED });
    bench.takes(2, { settings: ORDERED });
    expect(bench.code).toBe('ERR_GROUP_MISMATCH');
    expect(bench.refusals).toEqual([]);
    bench.takes(2, { settings: ORDERED, type: MessageType.GroupMismatch });
    expect(bench.guard.refusal?.message).toContain('most members agree with each other');
    expect(bench.takes(1)).toBe(true);
    expect(bench.code).toBeUndefined();
    expect(bench.refusals).toEqual(['ERR_GROUP_MISMATCH', undefined]);
  });

  it('reports it when no majority agrees', () => {
    const bench = new Bench();
    bench.takes(1, { settings: ORDERED });
    bench.takes(2, { groupID: OTHER_GROUP });
    expect(bench.guard.refusal?.message).toContain('no majority of the members is known to agree');
  });

  it('is refused when its leader differs, unless it has another one', () => {
    const bench = new Bench({ nodeID: 9, observers: new Map([[9, 'host-9:1']]) });
    bench.takes(1, { type: MessageType.Heartbeat, settings: ORDERED });
    expect(bench.code).toBe('ERR_GROUP_MISMATCH');
    bench.host.hasLeader = true;
    expect(bench.code).toBeUndefined();
    bench.host.hasLeader = false;
    bench.host.nowTick += 20;
    expect(bench.code).toBeUndefined();
  });

  it('is refused when more others take it for a member of their group than its own has', () => {
    const bench = new Bench({ members: new Map([[3, 'host-3:1']]) });
    bench.takes(1, { groupID: OTHER_GROUP });
    expect(bench.code).toBeUndefined();
    bench.takes(2, { groupID: OTHER_GROUP });
    expect(bench.code).toBe('ERR_GROUP_MISMATCH');
    bench.host.nowTick += 200;
    expect(bench.code).toBeUndefined();
    bench.takes(1, { groupID: OTHER_GROUP, type: MessageType.Heartbeat });
    expect(bench.code).toBe('ERR_GROUP_MISMATCH');
  });

  it('is not refused for unknown hosts that bear the ids of its members', () => {
    const bench = new Bench();
    for (const id of [1, 2]) {
      expect(bench.takes(id, { groupID: OTHER_GROUP, type: MessageType.Heartbeat }, `stranger-${id}:1`)).toBe(
        false,
      );
    }
    expect(bench.code).toBeUndefined();
    expect(bench.guard.differences().map(({ isMember }) => isMember)).toEqual([false, false]);
  });

  it('remembers a bounded number of unknown hosts', () => {
    const bench = new Bench();
    bench.takes(1, { groupID: OTHER_GROUP });
    for (let i = 0; i < 1000; i++) bench.takes(100 + i, { groupID: OTHER_GROUP }, `stranger-${i}:1`);
    const known = bench.guard.differences();
    expect(known.length).toBeLessThanOrEqual(64);
    expect(known.filter(({ isMember }) => isMember)).toHaveLength(1);
  });

  it('reports in what another one differs, once', () => {
    const bench = new Bench();
    const theirs: SelfDescription = {
      initialMembers: new Map([[1, 'HOST-1:1']]),
      settings: { ...SETTINGS, orderedConfigChange: true },
      level: 0,
    };
    const fields = { groupID: OTHER_GROUP, settings: ORDERED };
    bench.takes(1, fields);
    expect(bench.found).toEqual([]);
    const answer = { ...fields, type: MessageType.GroupMismatch, entries: [describingEntry(theirs)] };
    for (let i = 0; i < 3; i++) bench.takes(1, answer);
    expect(bench.found).toEqual([
      {
        nodeID: 1,
        address: 'host-1:1',
        isMember: true,
        differences: [
          'the group began with the members 1=host-1:1, 2=host-2:1, 3=host-3:1 here, and with the members 1=host-1:1 on node 1',
          'orderedConfigChange is false here, and true on node 1',
        ],
      },
    ]);
  });

  it('reports one that does not say in what it differs, too', () => {
    const bench = new Bench();
    bench.takes(1, { groupID: OTHER_GROUP });
    bench.host.nowTick += 30;
    bench.takes(1, { groupID: OTHER_GROUP });
    expect(bench.found.map(({ differences }) => differences)).toEqual([
      ['node 1 is of a group that began with other members'],
    ]);
  });

  it.each([
    ['no JSON', Buffer.from('no JSON')],
    ['an array', Buffer.from('[1]')],
    ['nothing', new Uint8Array(0)],
    ['null', Buffer.from('null')],
    [
      'members of the wrong type',
      Buffer.from('{"initialMembers":[1,[2],["a","b"],[3,4]],"orderedConfigChange":{}}'),
    ],
    ['a megabyte', Buffer.alloc(1 << 20, 0x20)],
  ])('takes a description that is %s', (_what, cmd) => {
    const bench = new Bench();
    const fields = { groupID: OTHER_GROUP, settings: ORDERED, type: MessageType.GroupMismatch };
    expect(bench.takes(1, { ...fields, entries: [makeEntry({ cmd })] })).toBe(false);
    expect(bench.found).toHaveLength(1);
    expect(bench.found[0]?.differences.join().length).toBeLessThan(2000);
  });

  it('does not believe a GroupMismatch message of one that does not differ', () => {
    const bench = new Bench();
    expect(bench.takes(1, { type: MessageType.GroupMismatch })).toBe(false);
    expect(bench.takes(2, { type: MessageType.GroupMismatch, groupID: 0, settings: 0 })).toBe(false);
    expect(bench.found).toEqual([]);
    expect(bench.code).toBeUndefined();
  });

  it('drops snapshots of another group', () => {
    const bench = new Bench();
    expect(bench.guard.admitsSnapshot(1, GROUP, OWN_SETTINGS)).toBe(true);
    expect(bench.guard.admitsSnapshot(1, 0, 0)).toBe(true);
    expect(bench.guard.admitsSnapshot(1, OTHER_GROUP, OWN_SETTINGS)).toBe(false);
    expect(bench.guard.admitsSnapshot(1, GROUP, ORDERED)).toBe(false);
    expect(bench.guard.droppedCount).toBe(2);
  });
});

describe('GroupGuard of a replica that joins', () => {
  const joining = (): Bench => new Bench({ groupID: 0, members: new Map() });
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  const leads = (bench: Bench, from: number, groupID = GROUP, fields: Partial<Message> = {}): boolean =>
    bench.takes(from, { type: MessageType.Heartbeat, groupID, ...fields });
  const replicates = (bench: Bench, from: number, groupID = GROUP): boolean =>
    bench.takes(from, { type: MessageType.Replicate, groupID, entries: [makeEntry({ index: 1, term: 1 })] });

  it('records the identity of its leader before it takes entries of it', async () => {
    const bench = joining();
    expect(bench.takes(1, { type: MessageType.RequestVote })).toBe(true);
    expect(leads(bench, 1)).toBe(false);
    bench.host.nowTick++;
    expect(leads(bench, 1)).toBe(true);
    expect(bench.recorded).toEqual([]);
    expect(replicates(bench, 1)).toBe(false);
    expect(replicates(bench, 1)).toBe(false);
    expect(bench.guard.groupID).toBe(0);
    bench.finishRecord();
    await settled();
    expect(bench.recorded).toEqual([GROUP]);
    expect(bench.guard.groupID).toBe(GROUP);
    expect(replicates(bench, 1)).toBe(true);
    expect(leads(bench, 2, OTHER_GROUP)).toBe(false);
  });

  it('takes nothing over from messages of a single tick, whatever they are', async () => {
    const bench = joining();
    for (let i = 0; i < 10; i++) {
      expect(leads(bench, 77, OTHER_GROUP)).toBe(false);
      expect(replicates(bench, 77, OTHER_GROUP)).toBe(false);
      expect(bench.guard.admitsSnapshot(77, OTHER_GROUP, 0)).toBe(false);
    }
    bench.host.nowTick++;
    expect(replicates(bench, 1)).toBe(false);
    bench.host.nowTick++;
    expect(leads(bench, 1)).toBe(true);
    expect(replicates(bench, 1)).toBe(false);
    bench.finishRecord();
    await settled();
    expect(bench.recorded).toEqual([GROUP]);
    expect(bench.code).toBeUndefined();
  });

  it('takes the identity of a leader in place of that of an unknown host that sends no entries', async () => {
    const bench = joining();
    for (let i = 0; i < 100; i++, bench.host.nowTick++) leads(bench, 77, OTHER_GROUP);
    expect(bench.recorded).toEqual([]);
    bench.host.nowTick += 20;
    leads(bench, 1);
    bench.host.nowTick++;
    replicates(bench, 1);
    bench.finishRecord();
    await settled();
    expect(bench.guard.groupID).toBe(GROUP);
  });

  it('is refused while leaders of two groups speak to it, and joins when one of them is silent', () => {
    const bench = joining();
    for (let i = 0; i < 50; i++, bench.host.nowTick++) {
      leads(bench, 77, OTHER_GROUP);
      leads(bench, 1);
      replicates(bench, 1);
    }
    expect(bench.recorded).toEqual([]);
    expect(bench.code).toBe('ERR_GROUP_MISMATCH');
    expect(bench.found.map(({ nodeID }) => nodeID)).toContain(77);
    for (let i = 0; i < 101; i++, bench.host.nowTick++) leads(bench, 1);
    replicates(bench, 1);
    expect(bench.recorded).toEqual([GROUP]);
    expect(bench.code).toBeUndefined();
  });

  it('records the identity of its group while a snapshot of it arrives', async () => {
    const bench = joining();
    leads(bench, 1);
    bench.host.nowTick++;
    expect(bench.guard.admitsSnapshot(1, GROUP, OWN_SETTINGS)).toBe(true);
    let isRecorded = false;
    const recorded = bench.guard.recorded().then(() => (isRecorded = true));
    await settled();
    expect(isRecorded).toBe(false);
    bench.finishRecord();
    await recorded;
    expect(bench.guard.groupID).toBe(GROUP);
  });

  it('is refused by a leader with other settings, and takes nothing over from it', () => {
    const bench = joining();
    expect(bench.takes(1, { type: MessageType.Heartbeat, settings: ORDERED })).toBe(false);
    expect(bench.recorded).toEqual([]);
    expect(bench.code).toBe('ERR_GROUP_MISMATCH');
  });

  it('takes nothing over from who is no member, once it knows the members', () => {
    const bench = new Bench({ groupID: 0 });
    expect(bench.takes(1, { type: MessageType.Heartbeat }, 'stranger:1')).toBe(true);
    expect(bench.takes(1, { type: MessageType.Heartbeat, groupID: 0, settings: 0 })).toBe(true);
    expect(bench.recorded).toEqual([]);
    bench.takes(1, { type: MessageType.Heartbeat });
    expect(bench.recorded).toEqual([GROUP]);
  });
});

describe('GroupGuard of a replica that joins with other settings in its configuration', () => {
  const GROUPS = { orderedConfigChange: true, lruMaxSessionCount: 4096 };
  const joining = (): Bench => new Bench({ groupID: 0, members: new Map(), isNew: true });

  /** What the leader answers. */
  const description = (level: number, settings: object = GROUPS): Partial<Message> => ({
    type: MessageType.GroupMismatch,
    settings: ORDERED,
    entries: [describingEntry({ initialMembers: THREE, settings: { ...SETTINGS, ...settings }, level })],
  });
  const heartbeat = { type: MessageType.Heartbeat, settings: ORDERED };

  const replicate = {
    ...heartbeat,
    type: MessageType.Replicate,
    entries: [makeEntry({ index: 1, term: 1 })],
  };

  it('asks its leader, and records the settings of a group at level 1 with its identity', async () => {
    const bench = joining();
    expect(bench.takes(1, heartbeat)).toBe(false);
    for (const message of bench.sent) bench.guard.stamp(message);
    expect(bench.sent.map(({ type, to, settings }) => [type, to, settings])).toEqual([
      [MessageType.GroupMismatch, 1, 0],
    ]);
    expect(bench.takes(1, description(1))).toBe(false);
    bench.takes(1, heartbeat);
    bench.host.nowTick += 1;
    expect(bench.takes(1, heartbeat)).toBe(true);
    expect(bench.recorded).toEqual([]); // provisional, as the identity is
    expect(bench.takes(1, replicate)).toBe(false); // nothing is taken before it is durable
    expect(bench.recorded).toEqual([GROUP]);
    expect(bench.adopted).toEqual([GROUPS]);
    bench.finishRecord();
    await new Promise(setImmediate);
    expect(bench.takes(1, replicate)).toBe(true);
    expect(bench.guard.settings).toBe(ORDERED);
    expect(bench.code).toBeUndefined();
    expect(bench.found).toEqual([]);
  });

  it('records them at once when it knows its group', async () => {
    const bench = new Bench({ members: new Map(), isNew: true });
    bench.takes(1, heartbeat);
    bench.takes(1, description(1));
    expect(bench.adopted).toEqual([GROUPS]);
    for (let i = 0; i < 2; i++) {
      expect(bench.takes(1, heartbeat)).toBe(false);
      bench.host.nowTick += 1_000; // a slow disk
    }
    expect(bench.code).toBeUndefined();
    bench.finishRecord();
    await new Promise(setImmediate);
    expect(bench.takes(1, replicate)).toBe(true);
  });

  it('goes back to its own settings when a leader has those', () => {
    const bench = joining();
    bench.takes(1, heartbeat);
    bench.takes(1, description(1));
    for (let i = 0; i < 2; i++) {
      bench.takes(2, { type: MessageType.Heartbeat });
      bench.host.nowTick += 1;
    }
    expect(bench.guard.settings).toBe(OWN_SETTINGS);
    bench.takes(2, { ...replicate, settings: OWN_SETTINGS });
    expect(bench.adopted).toEqual([undefined]);
  });

  it.each<[string, Partial<Message>]>([
    ['of a group at level 0', description(0)],
    ['that are not those of its messages', description(1, { lruMaxSessionCount: 8 })],
    ['that no group can have', description(1, { lruMaxSessionCount: 0.5 })],
  ])('does not take settings %s, and is refused', (_what, answer) => {
    const bench = joining();
    bench.takes(1, heartbeat);
    bench.takes(1, answer);
    expect(bench.recorded).toEqual([]);
    expect(bench.code).toBeUndefined(); // the group may be about to raise its level
    bench.host.nowTick += 100;
    bench.takes(1, answer);
    expect(bench.recorded).toEqual([]);
    expect(bench.code).toBe('ERR_GROUP_MISMATCH');
    expect(bench.found).toHaveLength(1);
    const message = makeMessage({ type: MessageType.RequestVote });
    bench.guard.stamp(message);
    expect(message.settings).toBe(OWN_SETTINGS);
  });

  it('takes settings from nobody but who sends as a leader, and not when it has applied anything', () => {
    const bench = joining();
    bench.takes(2, { type: MessageType.Propose, settings: ORDERED });
    bench.takes(2, description(1));
    expect(bench.recorded).toEqual([]);
    bench.host.isNew = false;
    bench.takes(1, heartbeat);
    bench.takes(1, description(1));
    expect(bench.recorded).toEqual([]);
  });

  it('gives its vote to any host that may lead it, before it knows the settings', () => {
    const bench = joining();
    for (const type of [MessageType.RequestVote, MessageType.RequestPreVote])
      expect(bench.takes(1, { type, settings: ORDERED })).toBe(true);
    expect(bench.takes(1, { type: MessageType.Propose, settings: ORDERED })).toBe(false);
    bench.host.isNew = false;
    expect(bench.takes(1, { settings: ORDERED })).toBe(false);
  });

  it('is answered by a member, once in a tick', () => {
    const bench = new Bench();
    const question = { type: MessageType.GroupMismatch, groupID: 0, settings: 0 };
    for (let i = 0; i < 3; i++) expect(bench.takes(4, question)).toBe(false);
    expect(bench.sent.map(({ type, to }) => [type, to])).toEqual([[MessageType.GroupMismatch, 4]]);
    bench.host.nowTick += 1;
    bench.takes(4, question);
    expect(bench.sent).toHaveLength(2);
    expect(bench.found).toEqual([]);
  });

  it('asks a member that differed and is silent, and forgets the difference when it answers', () => {
    const bench = new Bench({ nodeID: 2 });
    expect(bench.takes(3, { settings: ORDERED })).toBe(false);
    bench.sent.length = 0;
    const passTicks = (count: number): void => {
      for (let i = 0; i < count; i++) {
        bench.host.nowTick++;
        bench.guard.tick();
      }
    };
    passTicks(9);
    expect(bench.sent).toEqual([]);
    passTicks(11);
    expect(bench.sent.map(({ type, to }) => [type, to])).toEqual([
      [MessageType.GroupMismatch, 3],
      [MessageType.GroupMismatch, 3],
    ]);
    expect(bench.takes(3, { type: MessageType.GroupMismatch })).toBe(false);
    expect(bench.guard.differences()).toEqual([]);
    expect(bench.sent).toHaveLength(2); // a replica that has asked answers nothing
    passTicks(50);
    expect(bench.sent).toHaveLength(2);
  });

  it('does not answer an answer, though what it is about was settled meanwhile', () => {
    const one = new Bench({ nodeID: 1 });
    const other = new Bench({ nodeID: 2 });
    expect(one.takes(2, { settings: ORDERED })).toBe(false);
    expect(one.takes(2)).toBe(true); // settled, while the question is on its way
    for (let i = 0; i < 20; i++) {
      for (const [from, to] of [[one, other] as const, [other, one] as const]) {
        from.host.nowTick++;
        for (const message of from.sent.splice(0)) {
          from.guard.stamp(message);
          to.guard.admits(message, `host-${message.from}:1`);
        }
      }
    }
    expect([...one.sent, ...other.sent]).toEqual([]);
  });

  it('answers a member that takes it for one that differs, once in a tick', () => {
    const bench = new Bench();
    for (let i = 0; i < 3; i++) expect(bench.takes(2, { type: MessageType.GroupMismatch })).toBe(false);
    expect(bench.sent.map(({ type, to }) => [type, to])).toEqual([[MessageType.GroupMismatch, 2]]);
  });

  it('is refused no more when the only one that differed agrees', () => {
    const bench = new Bench({
      members: new Map([
        [1, 'host-1:1'],
        [3, 'host-3:1'],
      ]),
    });
    bench.takes(1, { settings: ORDERED });
    expect(bench.code).toBe('ERR_GROUP_MISMATCH');
    expect(bench.takes(1)).toBe(true);
    expect(bench.code).toBeUndefined();
  });
});
