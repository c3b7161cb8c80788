import { describe, expect, it } from '@jest/globals';
import { MessageType } from '@drakkar/raftio';
import type { SeenEntry } from './observation.js';
import {
  GROUP,
  type Seen,
  append,
  brokenBy,
  commit,
  configure,
  durable,
  elect,
  entries,
  follow,
  handOut,
  lead,
  members,
  save,
  saving,
  send,
  start,
  update,
} from './testing/made-up.js';

const { Heartbeat, ReplicateResp, RequestVote, RequestVoteResp, RequestPreVote } = MessageType;
const T1 = { term: 1, vote: 1, commit: 0 };

/** A made-up history, and whether it may be. */
type Case = [what: string, verdict: 'good' | 'bad', history: Seen[]];

const CASES: Record<string, Case[]> = {
  'election safety': [
    ['one leader in each term', 'good', [...elect(1, 1), ...elect(2, 2)]],
    [
      'two leaders in a term',
      'bad',
      [
        ...elect(1, 1, [1, 2]),
        ...save(3, { term: 1, vote: 3, commit: 0 }),
        ['elected', { clusterID: GROUP, nodeID: 3, term: 1, membership: members(3, [3]) }],
      ],
    ],
    [
      'somebody speaks as the leader of a term that another leads',
      'bad',
      [...elect(1, 1), send(2, { type: Heartbeat, to: 3, term: 1 })],
    ],
  ],
  'log matching': [
    [
      'a conflicting tail is replaced',
      'good',
      [append(1, entries(1, [1, 1, 2])), append(2, entries(1, [1, 1, 1])), append(2, entries(3, [2]))],
    ],
    [
      'equal index and term, other content',
      'bad',
      [append(1, entries(1, [1])), append(2, entries(1, [1], 5))],
    ],
    [
      'equal entries that follow on others',
      'bad',
      [append(1, entries(1, [1, 2, 3])), append(2, entries(1, [1, 1, 3]))],
    ],
    ['terms that go back', 'bad', [append(1, entries(1, [2, 1]))]],
  ],
  'leader completeness': [
    [
      'the next leader has what was committed',
      'good',
      [
        append(1, entries(1, [1])),
        append(2, entries(1, [1])),
        ...commit(1, 1, entries(1, [1])),
        ...elect(2, 2),
      ],
    ],
    ['it lacks it', 'bad', [append(1, entries(1, [1])), ...commit(1, 1, entries(1, [1])), ...elect(2, 2)]],
    [
      'it has another in its place',
      'bad',
      [
        append(1, entries(1, [1, 1])),
        append(2, entries(1, [1, 2])),
        ...commit(1, 1, entries(1, [1, 1])),
        ...elect(2, 3),
      ],
    ],
    [
      'committed behind the back of the leader of a later term',
      'bad',
      [...elect(2, 2), ...commit(1, 1, entries(1, [1]))],
    ],
  ],
  'state machine safety': [
    [
      'the same entries',
      'good',
      [
        ...commit(1, 1, entries(1, [1, 1])),
        ...commit(2, 1, entries(1, [1])),
        ...commit(2, 1, entries(2, [1])),
      ],
    ],
    ['another entry', 'bad', [...commit(1, 1, entries(1, [1])), ...commit(2, 2, entries(1, [2]))]],
    ['an entry left out', 'bad', [...commit(1, 1, entries(1, [1])), ...commit(1, 1, entries(3, [1]))]],
    ['an entry given twice', 'bad', [...commit(1, 1, entries(1, [1])), ...commit(1, 1, entries(1, [1]))]],
    ['another command at a position', 'bad', [update(1, 1, 'a'), update(2, 1, 'b')]],
  ],
  'committed never changes': [
    [
      'what is not committed is replaced',
      'good',
      [append(1, entries(1, [1, 1])), ...commit(1, 1, entries(1, [1])), append(1, entries(2, [2]))],
    ],
    [
      'what is committed is replaced',
      'bad',
      [append(1, entries(1, [1, 1])), ...commit(1, 1, entries(1, [1, 1])), append(1, entries(2, [2]))],
    ],
    [
      'it is another after a restart',
      'bad',
      [
        ...save(1, { term: 2, vote: 0, commit: 1 }, entries(1, [2])),
        ...commit(2, 1, entries(1, [1])),
        start(1, { term: 2, vote: 0, commit: 1 }, [2]),
      ],
    ],
  ],
  'at most once': [
    ['each once, on every replica', 'good', [update(1, 1, 'a'), update(2, 1, 'a'), update(1, 2, 'b')]],
    ['twice', 'bad', [update(1, 1, 'a'), update(1, 2, 'a')]],
    [
      'after its client was told that it would not',
      'bad',
      [['refused', { clusterID: GROUP, command: 'a' }], update(1, 1, 'a')],
    ],
    [
      'before its client is told that it has not',
      'bad',
      [update(1, 1, 'a'), ['refused', { clusterID: GROUP, command: 'a' }]],
    ],
    ['its client is told where', 'good', [update(1, 1, 'b'), update(1, 2, 'a'), answered(2)]],
    ["its client gets another's answer", 'bad', [update(1, 1, 'b'), update(1, 2, 'a'), answered(1)]],
    ['its client gets an answer although it had no effect', 'bad', [update(1, 1, 'b'), answered(1)]],
  ],
  'term and vote never forgotten': [
    ['it starts with what was durable', 'good', [...save(1, T1, entries(1, [1, 1])), start(1, T1, [1, 1])]],
    [
      'it starts with a save that was not reported',
      'good',
      [
        ...save(1, T1),
        saving(1, { term: 2, vote: 0, commit: 0 }, entries(1, [1])),
        start(1, { term: 2, vote: 0, commit: 0 }, [1]),
      ],
    ],
    ['it forgets its vote', 'bad', [...save(1, T1), start(1, { term: 1, vote: 0, commit: 0 }, [])]],
    ['it forgets its term', 'bad', [...save(1, { term: 2, vote: 0, commit: 0 }), start(1, T1, [])]],
    ['it forgets an entry', 'bad', [...save(1, T1, entries(1, [1, 1])), start(1, T1, [1])]],
    [
      'an entry comes back that was replaced',
      'bad',
      [...save(1, T1, entries(1, [1, 1])), ...save(1, undefined, entries(1, [1])), start(1, T1, [1, 1])],
    ],
    [
      'half of a save is there',
      'bad',
      [...save(1, T1), saving(1, { term: 2, vote: 0, commit: 0 }, entries(1, [1])), start(1, T1, [1])],
    ],
    ['a second vote in a term', 'bad', [...save(1, T1), ...save(1, { ...T1, vote: 2 })]],
    ['a term that goes back', 'bad', [...save(1, { term: 2, vote: 0, commit: 0 }), ...save(1, T1)]],
    ['a snapshot, and the log behind it', 'good', [saving(1, T1, entries(5, [1, 1]), { index: 4, term: 1 })]],
    ['a snapshot, and the log before it', 'bad', [saving(1, T1, entries(3, [1]), { index: 4, term: 1 })]],
    ['a save with a gap', 'bad', [saving(1, T1, [...entries(1, [1]), ...entries(3, [1])])]],
  ],
  'one change at a time': [
    [
      'the first of a term, behind an entry of that term that is committed',
      'good',
      [append(1, [...entries(1, [1]), ...change(2)]), lead(1, 1, 1)],
    ],
    [
      'the next, when the one before is committed',
      'good',
      [
        append(1, [...entries(1, [1]), ...change(2)]),
        lead(1, 1, 1),
        append(1, change(3)),
        lead(1, 1, 2),
        append(2, [...entries(1, [1]), ...change(2), ...change(3)]),
        follow(2, 1, 1),
      ],
    ],
    [
      'those that a group is made with, as one that joins gets them',
      'good',
      [saving(1, T1, [...change(1), ...change(2)]), append(4, [...change(1), ...change(2)]), follow(4, 2, 1)],
    ],
    [
      'the next, before that',
      'bad',
      [append(1, [...entries(1, [1]), ...change(2)]), lead(1, 1, 1), append(1, change(3)), lead(1, 1, 1)],
    ],
    ['two in one turn', 'bad', [append(1, [...entries(1, [1]), ...change(2), ...change(3)]), lead(1, 1, 1)]],
    [
      'one before the leader has committed in its term',
      'bad',
      [append(1, [...entries(1, [1, 2]), ...change(3, 2)]), lead(1, 2, 1)],
    ],
  ],
  'membership overlap': [
    [
      'one voter at a time',
      'good',
      [
        configure(1, members(3, [1, 2, 3])),
        configure(1, members(5, [1, 2, 3, 4])),
        configure(2, members(5, [1, 2, 3, 4])),
        configure(1, members(6, [1, 2, 4], [5, 6])),
      ],
    ],
    [
      'the first log of one that joins is replayed',
      'good',
      [configure(1, members(3, [1, 2, 3])), configure(4, members(1, [1])), configure(4, members(2, [1, 2]))],
    ],
    [
      'a change is applied when it is durable that it is committed',
      'good',
      [...save(1, { term: 1, vote: 0, commit: 1 }), ...commit(1, 1, change(1))],
    ],
    ['before that', 'bad', [...save(1, { term: 1, vote: 0, commit: 0 }), ...commit(1, 1, change(1))]],
    ['two at once', 'bad', [configure(1, members(3, [1, 2, 3])), configure(1, members(5, [1, 4, 5]))]],
    [
      'different ones at an index',
      'bad',
      [
        configure(1, members(3, [1, 2, 3])),
        configure(1, members(5, [1, 2, 3, 4])),
        configure(2, members(5, [1, 2, 3, 5])),
      ],
    ],
  ],
  'observers never counted': [
    [
      'a quorum of voters has it',
      'good',
      [configure(1, members(3, [1, 2, 3])), ...stored(1), ...stored(2), lead(1, 1, 1)],
    ],
    [
      'an observer makes the quorum of a commit',
      'bad',
      [configure(1, members(4, [1, 2, 3], [4])), ...stored(1), ...stored(4), lead(1, 1, 1)],
    ],
    [
      'one whose disk was lost since has acknowledged it',
      'good',
      [
        configure(1, members(3, [1, 2, 3])),
        ...stored(1),
        ...stored(2),
        ['lost', { clusterID: GROUP, nodeID: 2 }],
        lead(1, 1, 1),
      ],
    ],
    [
      'one whose disk was lost before it had it is counted',
      'bad',
      [
        configure(1, members(3, [1, 2, 3])),
        ...stored(1),
        ['lost', { clusterID: GROUP, nodeID: 2 }],
        lead(1, 1, 1),
      ],
    ],
    [
      'what was not durable is counted',
      'bad',
      [
        configure(1, members(3, [1, 2, 3])),
        ...stored(1),
        saving(2, undefined, entries(1, [1])),
        lead(1, 1, 1),
      ],
    ],
    ['an observer makes the quorum of an election', 'bad', elect(1, 1, [1, 4], members(4, [1, 2, 3], [4]))],
    [
      'a vote is counted before it is durable',
      'bad',
      [
        ...save(1, T1),
        saving(2, T1),
        ['elected', { clusterID: GROUP, nodeID: 1, term: 1, membership: members(3, [1, 2, 3]) }],
      ],
    ],
  ],
  'commit rule': [
    ['an entry of its own term', 'good', [append(1, entries(1, [1, 2])), lead(1, 2, 2)]],
    [
      'an old one that others had committed',
      'good',
      [append(1, entries(1, [1, 1])), lead(1, 1, 2), lead(1, 2, 2)],
    ],
    ['an old one by itself', 'bad', [append(1, entries(1, [1, 1])), lead(1, 2, 2)]],
  ],
  'no acknowledgement before durability': [
    [
      'after it',
      'good',
      [...save(1, T1, entries(1, [1])), send(1, { type: ReplicateResp, to: 2, term: 1, logIndex: 1 })],
    ],
    [
      'a pre-vote tells a term that nobody has',
      'good',
      [...save(1, T1), send(1, { type: RequestPreVote, to: 2, term: 2 })],
    ],
    [
      'an entry',
      'bad',
      [
        ...save(1, T1),
        saving(1, undefined, entries(1, [1])),
        send(1, { type: ReplicateResp, to: 2, term: 1, logIndex: 1 }),
      ],
    ],
    ['a term', 'bad', [saving(1, T1), send(1, { type: RequestVote, to: 2, term: 1 })]],
    [
      'a vote',
      'bad',
      [
        ...save(1, { term: 1, vote: 0, commit: 0 }),
        saving(1, { term: 1, vote: 2, commit: 0 }),
        send(1, { type: RequestVoteResp, to: 2, term: 1 }),
      ],
    ],
  ],
  'applied only when durable': [
    ['after it', 'good', [...stored(1), handOut(1, 1, entries(1, [1]))]],
    [
      'what is in a snapshot',
      'good',
      [saving(1, T1, [], { index: 4, term: 1 }), durable(1), handOut(1, 1, entries(4, [1]))],
    ],
    [
      'before the save is done',
      'bad',
      [append(1, entries(1, [1])), saving(1, T1, entries(1, [1])), handOut(1, 1, entries(1, [1]))],
    ],
    [
      'when another is durable in its place',
      'bad',
      [...stored(1), append(1, entries(1, [2])), handOut(1, 2, entries(1, [2]))],
    ],
  ],
  'reads never go back': [
    [
      'it sees what was known',
      'good',
      [written(1, 'x', 'a'), update(1, 1, 'a'), answered(1), asked(1), read(1, 1, 'x', 'a')],
    ],
    [
      'it sees less than was answered',
      'bad',
      [written(1, 'x', 'a'), update(1, 1, 'a'), answered(1), asked(1), read(1, 0, 'x', undefined)],
    ],
    [
      'it sees less than a read before it',
      'bad',
      [written(1, 'x', 'a'), asked(1), read(1, 1, 'x', 'a'), asked(2), read(2, 0, 'x', undefined)],
    ],
    [
      'it sees another value',
      'bad',
      [written(1, 'x', 'a'), written(2, 'x', 'b'), asked(1), read(1, 2, 'x', 'a')],
    ],
  ],
  'equal hashes': [
    ['equal', 'good', [applied(1, 5, 'h'), applied(2, 5, 'h'), applied(2, 6, 'i')]],
    ['different', 'bad', [applied(1, 5, 'h'), applied(2, 5, 'g')]],
  ],
  'bounded queues and memory': [
    ['within', 'good', [['gauge', { what: 'a queue', value: 3, bound: 3 }]]],
    ['beyond', 'bad', [['gauge', { what: 'a queue', value: 4, bound: 3 }]]],
  ],
};

function stored(nodeID: number): Seen[] {
  const list = entries(1, [1]);
  return [append(nodeID, list), ...save(nodeID, undefined, list)];
}
function change(index: number, term = 1): SeenEntry[] {
  return entries(index, [term]).map((entry) => ({ ...entry, isConfigChange: true }));
}
function written(position: number, key: string, value: string): Seen {
  return ['written', { clusterID: GROUP, position, key, value }];
}
function answered(position: number, command = 'a'): Seen {
  return ['writeAnswered', { clusterID: GROUP, position, command }];
}
function asked(readID: number): Seen {
  return ['readAsked', { clusterID: GROUP, readID }];
}
function read(readID: number, position: number, key: string, value: string | undefined): Seen {
  return ['readAnswered', { clusterID: GROUP, readID, position, key, value }];
}
function applied(nodeID: number, index: number, hash: string): Seen {
  return ['applied', { clusterID: GROUP, nodeID, index, hash }];
}

it('alone is checked when it is asked for', () => {
  const [[, , twice] = [], [, , leaders] = []] = [CASES['at most once']?.[1], CASES['election safety']?.[1]];
  const history = [...(twice ?? []), ...(leaders ?? [])];
  expect(brokenBy(history)).toBe('at most once');
  expect(brokenBy(history, 'election safety')).toBe('election safety');
  expect(brokenBy(history, 'log matching')).toBeUndefined();
});

describe.each(Object.entries(CASES))('%s', (invariant, cases) => {
  it.each(cases)('%s: %s', (_, verdict, history) => {
    expect(brokenBy(history)).toBe(verdict === 'good' ? undefined : invariant);
  });
});
