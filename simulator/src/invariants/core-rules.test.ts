import { describe, expect, it } from '@jest/globals';
import type { RaftStatus } from '@drakkar/framework';
import {
  type ConfigChange,
  ConfigChangeType,
  EntryType,
  type Message,
  MessageType,
  REGISTER_SERIES_ID,
  encodeConfigChange,
  makeMessage,
} from '@drakkar/raftio';
import type { FullEntry } from './observation.js';
import {
  GROUP,
  type Seen,
  THREE,
  append,
  brokenBy,
  configure,
  entries,
  follow,
  handOut,
  lead,
  members,
  save,
  send,
  start,
} from './testing/made-up.js';

const T = 5;
const rules = { electionTimeoutTicks: T, checkQuorum: true, preVote: true };
const { Heartbeat, HeartbeatResp, Propose, ReplicateResp, RequestPreVoteResp, RequestVote, TimeoutNow } =
  MessageType;

function status(fields: Partial<RaftStatus> = {}): RaftStatus {
  const log = { commit: 0, applied: 0, stable: 0, firstIndex: 1, lastIndex: 0, inMemBytes: 0 };
  const state = { role: 'follower', term: 1, vote: 0, leaderID: 0 } as const;
  const rest = { quiesced: false, leaderTransferTarget: 0, level: 0, membership: THREE, remotes: new Map() };
  return { ...log, ...state, ...rest, ...fields };
}

const LEADER = { role: 'leader', leaderID: 1 } as const;
const leads = (fields: Partial<RaftStatus> = {}): RaftStatus => status({ ...LEADER, ...fields });
const change = (nodeID: number, before: RaftStatus, after: RaftStatus) => ({
  clusterID: GROUP,
  nodeID,
  before,
  after,
  rules,
});

function step(
  nodeID: number,
  fields: Partial<Message> & { type: MessageType },
  before = status(),
  after = before,
): Seen {
  const message = makeMessage({ clusterID: GROUP, to: nodeID, ...fields });
  return ['stepped', { ...change(nodeID, before, after), message }];
}
const tick = (nodeID: number, before = status(), after = before): Seen => [
  'ticked',
  change(nodeID, before, after),
];
const ticks = (count: number, nodeID: number, at: RaftStatus): Seen[] =>
  Array.from({ length: count }, () => tick(nodeID, at));

const transferAsked = (nodeID: number, before: RaftStatus, target: number): Seen => [
  'transferAsked',
  change(nodeID, before, { ...before, leaderTransferTarget: target }),
];

function entry(index: number, fields: Partial<FullEntry>): FullEntry {
  const none = { type: EntryType.ApplicationEntry, clientID: 8, seriesID: 0, respondedTo: 0, cmd: undefined };
  return { index, term: 1, ...none, ...fields };
}
/** Committed entries from 4 on, behind the three by which the group was made, and what a replica made of the last one. */
function committed(list: readonly Partial<FullEntry>[], effects: number): Seen[] {
  const full = list.map((fields, i) => entry(4 + i, fields));
  const seen = entries(
    4,
    full.map(() => 1),
  );
  return [
    start(1, { term: 1, vote: 0, commit: 3 }, [1, 1, 1]),
    append(1, seen),
    ['logged', { clusterID: GROUP, nodeID: 1, entries: full }],
    ...save(1, undefined, seen),
    handOut(1, 1, seen),
    ['applied', { clusterID: GROUP, nodeID: 1, index: 3 + list.length, hash: `${effects}.0.0` }],
  ];
}
const register = (clientID: number): Partial<FullEntry> => ({ clientID, seriesID: REGISTER_SERIES_ID });

function configChange(nodeID: number, configChangeID: number, isRemoval = false): Partial<FullEntry> {
  const type = isRemoval ? ConfigChangeType.RemoveNode : ConfigChangeType.AddNode;
  const cmd = encodeConfigChange({
    type,
    nodeID,
    address: `h${nodeID}:1`,
    configChangeID,
    initialize: false,
  });
  return { type: EntryType.ConfigChangeEntry, clientID: 0, cmd };
}

/** Observer 4 is added as `h4:1`, the level raised, if asked for, and the observer promoted under an address. */
function promoted(address: string, isRaised = false): Seen[] {
  const make = (fields: Partial<ConfigChange>): Partial<FullEntry> => {
    const none = { nodeID: 4, address: '', configChangeID: 0, initialize: false };
    const cmd = encodeConfigChange({ type: ConfigChangeType.AddNode, ...none, ...fields });
    return { type: EntryType.ConfigChangeEntry, clientID: 0, cmd };
  };
  const settings = { orderedConfigChange: true, lruMaxSessionCount: 2 };
  const raise = make({ type: ConfigChangeType.RaiseLevel, nodeID: 0, level: 1, settings });
  return committed(
    [
      make({ type: ConfigChangeType.AddObserver, address: 'h4:1', configChangeID: 3 }),
      ...(isRaised ? [raise] : []),
      make({ address, configChangeID: 4 }),
    ],
    0,
  );
}

type Case = [what: string, verdict: 'good' | 'bad', history: Seen[]];

const removed3 = { ...members(4, [1, 2]), removed: new Map([[3, true as const]]) };
const openChange = entries(4, [1]).map((each) => ({ ...each, isConfigChange: true }));

const CASES: Record<string, Case[]> = {
  'check quorum': [
    [
      'a leader hears of one of two others in time',
      'good',
      [
        ...ticks(2 * T, 1, leads()),
        step(1, { type: HeartbeatResp, from: 2 }, leads()),
        ...ticks(2 * T, 1, leads()),
      ],
    ],
    ['it leads on without hearing of anybody', 'bad', ticks(2 * T + 1, 1, leads())],
    ['it sleeps meanwhile', 'good', [...ticks(T, 1, leads()), ...ticks(3 * T, 1, leads({ quiesced: true }))]],
    [
      'it hears of an observer alone',
      'bad',
      Array.from({ length: 3 * T }, () => [
        step(1, { type: HeartbeatResp, from: 4 }, leads()),
        tick(1, leads()),
      ]).flat(),
    ],
  ],
  'lease of a live leader': [
    [
      'a vote long after the leader spoke',
      'good',
      [
        step(2, { type: Heartbeat, from: 1, term: 1 }, status({ leaderID: 1 })),
        ...ticks(T, 2, status({ leaderID: 1 })),
        step(
          2,
          { type: RequestVote, from: 3, term: 2 },
          status({ leaderID: 1 }),
          status({ term: 2, vote: 3 }),
        ),
      ],
    ],
    [
      'a vote for the leader itself, which was restarted',
      'good',
      [
        step(2, { type: Heartbeat, from: 1, term: 1 }, status({ leaderID: 1 })),
        step(
          2,
          { type: RequestVote, from: 1, term: 2 },
          status({ leaderID: 1 }),
          status({ term: 2, vote: 1 }),
        ),
      ],
    ],
    [
      'a vote just after it spoke',
      'bad',
      [
        step(2, { type: Heartbeat, from: 1, term: 1 }, status({ leaderID: 1 })),
        step(
          2,
          { type: RequestVote, from: 3, term: 2 },
          status({ leaderID: 1 }),
          status({ term: 2, vote: 3 }),
        ),
      ],
    ],
    [
      'a vote that the leader ordered',
      'good',
      [
        step(2, { type: Heartbeat, from: 1, term: 1 }, status({ leaderID: 1 })),
        step(
          2,
          { type: RequestVote, from: 3, term: 2, hint: 3 },
          status({ leaderID: 1 }),
          status({ term: 2, vote: 3 }),
        ),
      ],
    ],
  ],
  'removed nodes are not heard': [
    [
      'a member is heard',
      'good',
      [
        step(
          1,
          { type: RequestVote, from: 2, term: 2 },
          status({ membership: removed3 }),
          status({ term: 2 }),
        ),
      ],
    ],
    [
      'one that was removed is',
      'bad',
      [
        step(
          1,
          { type: HeartbeatResp, from: 3, term: 2 },
          status({ membership: removed3 }),
          status({ membership: removed3, term: 2 }),
        ),
      ],
    ],
  ],
  campaigns: [
    [
      'with a change that is committed and not applied',
      'bad',
      [
        append(2, openChange),
        tick(2, status({ commit: 4, applied: 3 }), status({ role: 'preCandidate', commit: 4, applied: 3 })),
      ],
    ],
    [
      'with one that is not committed',
      'good',
      [
        append(2, openChange),
        tick(2, status({ commit: 3, applied: 3 }), status({ role: 'preCandidate', commit: 3, applied: 3 })),
      ],
    ],
    [
      'with one that was refused',
      'good',
      [
        append(2, openChange),
        ['changeRefused', { clusterID: GROUP, nodeID: 2 }],
        tick(2, status({ commit: 4, applied: 3 }), status({ role: 'preCandidate', commit: 4, applied: 3 })),
      ],
    ],
    [
      'after a pre-vote that a quorum has granted',
      'good',
      [
        ...save(3, { term: 1, vote: 0, commit: 0 }),
        send(3, { type: RequestPreVoteResp, to: 2, term: 2 }),
        step(
          2,
          { type: RequestPreVoteResp, from: 3, term: 2 },
          status({ role: 'preCandidate' }),
          status({ role: 'candidate', term: 2 }),
        ),
      ],
    ],
    [
      'after one for another term',
      'bad',
      [
        ...save(3, { term: 1, vote: 0, commit: 0 }),
        send(3, { type: RequestPreVoteResp, to: 2, term: 2 }),
        step(
          2,
          { type: RequestPreVoteResp, from: 3, term: 2 },
          status({ role: 'preCandidate', term: 2 }),
          status({ role: 'candidate', term: 3 }),
        ),
      ],
    ],
  ],
  'sleep without work': [
    ['all is applied', 'good', [tick(1, leads(), leads({ quiesced: true }))]],
    ['an entry is not committed', 'bad', [tick(1, leads(), leads({ quiesced: true, lastIndex: 1 }))]],
  ],
  'leadership transfer': [
    [
      'a proposal while there is none',
      'good',
      [step(1, { type: Propose, from: 2 }, leads(), leads({ lastIndex: 1 }))],
    ],
    [
      'a proposal is taken meanwhile',
      'bad',
      [
        [
          'proposed',
          change(1, leads({ leaderTransferTarget: 2 }), leads({ leaderTransferTarget: 2, lastIndex: 1 })),
        ],
      ],
    ],
    [
      'to one that has everything',
      'good',
      [
        ...save(2, undefined, entries(1, [1])),
        ...save(1, { term: 1, vote: 1, commit: 0 }),
        tick(1, leads({ leaderTransferTarget: 2, lastIndex: 1 })),
        send(1, { type: TimeoutNow, to: 2, term: 1 }),
      ],
    ],
    [
      'to one whose disk was lost since, with everything',
      'good',
      [
        ...save(2, undefined, entries(1, [1])),
        tick(1, leads({ leaderTransferTarget: 2, lastIndex: 1 })),
        ['lost', { clusterID: GROUP, nodeID: 2 }],
        send(1, { type: TimeoutNow, to: 2, term: 1 }),
      ],
    ],
    [
      'to one that lacked an entry before its disk was lost',
      'bad',
      [
        ...save(2, undefined, entries(1, [1])),
        tick(1, leads({ leaderTransferTarget: 2, lastIndex: 2 })),
        ['lost', { clusterID: GROUP, nodeID: 2 }],
        send(1, { type: TimeoutNow, to: 2, term: 1 }),
      ],
    ],
    [
      'to one that has everything, by a leader whose log was longer in an earlier term',
      'good',
      [
        ...save(2, undefined, entries(1, [1])),
        tick(1, leads({ leaderTransferTarget: 2, lastIndex: 2 })),
        transferAsked(1, leads({ term: 2, lastIndex: 1 }), 2),
        send(1, { type: TimeoutNow, to: 2, term: 2 }),
      ],
    ],
    [
      'at once to one that lacks an entry',
      'bad',
      [transferAsked(1, leads({ lastIndex: 1 }), 2), send(1, { type: TimeoutNow, to: 2, term: 1 })],
    ],
    [
      'to one that lacks an entry',
      'bad',
      [
        ...save(1, { term: 1, vote: 1, commit: 0 }),
        tick(1, leads({ leaderTransferTarget: 2, lastIndex: 1 })),
        send(1, { type: TimeoutNow, to: 2, term: 1 }),
      ],
    ],
  ],
  'acknowledged entries': [
    [
      'the entry of the leader',
      'good',
      [
        append(1, entries(1, [2])),
        lead(1, 2, 0),
        append(2, entries(1, [2])),
        ...save(2, { term: 2, vote: 0, commit: 0 }, entries(1, [2])),
        send(2, { type: ReplicateResp, to: 1, term: 2, logIndex: 1 }),
      ],
    ],
    [
      'an entry of another term in its place',
      'bad',
      [
        append(1, entries(1, [2])),
        lead(1, 2, 0),
        ...save(2, { term: 2, vote: 0, commit: 0 }, entries(1, [1])),
        send(2, { type: ReplicateResp, to: 1, term: 2, logIndex: 1 }),
      ],
    ],
    [
      'to one that does not lead any more',
      'good',
      [
        append(1, entries(1, [2])),
        lead(1, 2, 0),
        follow(1, 3, 0),
        ...save(2, { term: 2, vote: 0, commit: 0 }, entries(1, [1])),
        send(2, { type: ReplicateResp, to: 1, term: 2, logIndex: 1 }),
      ],
    ],
  ],
  'sessions as in the model': [
    ['a proposal of a session', 'good', committed([register(8), { seriesID: 1 }], 1)],
    ['one without a session', 'good', committed([{ seriesID: 1 }], 0)],
    ['it takes effect all the same', 'bad', committed([{ seriesID: 1 }], 1)],
    ['one that is repeated', 'good', committed([register(8), { seriesID: 1 }, { seriesID: 1 }], 1)],
    [
      'a session that was used goes before one that was not',
      'bad',
      committed(
        [register(8), register(9), { seriesID: 1 }, register(10), { seriesID: 2, respondedTo: 1 }],
        1,
      ),
    ],
    ['the limit is not reached', 'good', committed([register(8), register(9), { seriesID: 1 }], 1)],
  ],
  'members as in the model': [
    [
      'a change in order',
      'good',
      [...committed([configChange(4, 3)], 0), configure(1, members(4, [1, 2, 3, 4]))],
    ],
    [
      'a change that is stale is made',
      'bad',
      [...committed([configChange(4, 2)], 0), configure(1, members(4, [1, 2, 3, 4]))],
    ],
    [
      'a node that was removed comes back',
      'bad',
      [
        ...committed([configChange(3, 3, true), configChange(3, 4)], 0),
        configure(1, removed3),
        configure(1, members(5, [1, 2, 3])),
      ],
    ],
    ['an observer is promoted', 'good', [...promoted('h4:1'), configure(1, members(5, [1, 2, 3, 4]))]],
    [
      'it is, under an address spelled otherwise, before the level is raised',
      'bad',
      [...promoted('H4.:01'), configure(1, members(5, [1, 2, 3, 4]))],
    ],
    [
      'the same when it is raised',
      'good',
      [...promoted('H4.:01', true), configure(1, members(6, [1, 2, 3, 4]))],
    ],
    ['it is refused then', 'bad', [...promoted('H4.:01', true), configure(1, members(6, [1, 2, 3], [4]))]],
    ['a replica goes by the members that it has', 'good', [configure(1, THREE), tick(1)]],
    ['a replica goes by members of before', 'bad', [configure(1, members(4, [1, 2, 3, 4])), tick(1)]],
  ],
};

describe.each(Object.entries(CASES))('%s', (invariant, cases) => {
  it.each(cases)('%s: %s', (_, verdict, history) => {
    expect(brokenBy(history, invariant)).toBe(verdict === 'good' ? undefined : invariant);
  });
});
