import { describe, expect, it } from '@jest/globals';
import { checkLinearizable, keyValueHistory, keyValueModel } from '@drakkar/linearizability';
import {
  type ReplicaView,
  checkHashes,
  checkHistory,
  checkLedger,
  checkMembership,
  isSettled,
} from './checks.js';
import type { Group } from './groups.js';
import { GroupRecorder, toEDN } from './recorder.js';

const ADDRESSES: [number, string][] = [
  [1, 'a:1'],
  [2, 'b:1'],
  [4, 'c:1'],
];

const GROUP: Group = {
  clusterID: 3,
  members: new Map(
    ADDRESSES.map(([nodeID], i) => [
      i + 1,
      { clusterID: 3, nodeID, members: [], join: false, isObserver: false },
    ]),
  ),
  nextNodeID: 5,
};

interface Seen {
  applied?: number;
  hash?: string;
  checkpoints?: [number, number][];
  nodes?: [number, string][];
  observers?: [number, string][];
  /** One that does not run tells nothing more. */
  state?: 'running' | 'failed';
}

function views(...seen: Seen[]): ReplicaView[] {
  return seen.map(
    (
      { applied = 10, hash = 'aa', checkpoints = [], nodes = ADDRESSES, observers = [], state = 'running' },
      i,
    ) => ({
      hostID: i + 1,
      status: {
        clusterID: 3,
        nodeID: ADDRESSES[i]?.[0] ?? 0,
        state,
        error: undefined,
        applied,
        commit: applied,
        term: 1,
        leaderID: 1,
        membership:
          state === 'running' ? { nodes, observers, removed: [3], configChangeIndex: 4 } : undefined,
        digest: state === 'running' ? { writeCount: applied, hash, checkpoints } : undefined,
      },
    }),
  );
}

/** A client that wrote 1 and then 2, with what a last read of everything has shown. */
function history(lastSeen: number): GroupRecorder {
  const recorder = new GroupRecorder(3);
  for (const value of [1, 2]) {
    const call = recorder.invoked(9, { kind: 'write', key: '3/k', value });
    recorder.returned(call, {}, value);
  }
  const now = performance.now();
  recorder.observed(new Map([['3/k', lastSeen]]), now, now + 1);
  return recorder;
}

describe('histories', () => {
  it('are good when the last write is seen', () => {
    expect(checkHistory(history(2).calls)).toMatchObject({ verdict: 'ok', operationCount: 3 });
  });

  it('are caught when a write was lost', () => {
    const verdict = checkHistory(history(1).calls);
    expect(verdict.verdict).toBe('violation');
  });

  it('may show a write of unknown outcome or not', () => {
    for (const seen of [1, 2]) {
      const recorder = new GroupRecorder(3);
      recorder.returned(recorder.invoked(9, { kind: 'write', key: '3/k', value: 1 }), {}, 1);
      recorder.lost(recorder.invoked(9, { kind: 'write', key: '3/k', value: 2 }), 2);
      const now = performance.now();
      recorder.observed(new Map([['3/k', seen]]), now, now + 1);
      expect(checkHistory(recorder.calls).verdict).toBe('ok');
      expect(recorder.counts).toEqual({ acknowledged: 1, unknown: 1, reads: 0 });
    }
  });

  it('are caught when they show a write that was dropped', () => {
    const recorder = new GroupRecorder(3);
    recorder.returned(recorder.invoked(9, { kind: 'write', key: '3/k', value: 1 }), {}, 1);
    recorder.dropped(recorder.invoked(9, { kind: 'write', key: '3/k', value: 2 }));
    const now = performance.now();
    recorder.observed(new Map([['3/k', 2]]), now, now + 1);
    expect(checkHistory(recorder.calls).verdict).toBe('violation');
  });

  it.each([
    [2, 'ok'],
    [1, 'violation'],
  ])('are, with %d seen at the end, %s in the form for drakkar-history, too', (seen, expected) => {
    const read = keyValueHistory(toEDN(history(seen).calls));
    expect(read).toHaveLength(3);
    expect(checkLinearizable(keyValueModel(), read).verdict).toBe(expected);
  });

  it('can be read in the form for drakkar-history, with several keys and the last read of all', () => {
    const recorder = new GroupRecorder(3);
    recorder.returned(recorder.invoked(9, { kind: 'write', key: '3/k', value: 2 }), {}, 1);
    recorder.returned(recorder.invoked(8, { kind: 'write', key: '3/j', value: 5 }), {}, 1);
    const now = performance.now();
    recorder.observed(new Map(Object.entries({ '3/k': 2, '3/j': 5 })), now, now + 1);
    const read = keyValueHistory(toEDN(recorder.calls));
    expect(read).toHaveLength(4);
    expect(checkLinearizable(keyValueModel(), read).verdict).toBe('ok');
  });
});

describe('ledgers', () => {
  it('report the write of a client whose every attempt was said to have no effect', () => {
    const recorder = new GroupRecorder(3);
    recorder.dropped(recorder.invoked(9, { kind: 'write', key: '3/k', value: 1 }));
    const ledger = [{ client: 9, ranges: [[1, 1]] as [number, number][], duplicates: 0 }];
    expect(checkLedger(recorder, { values: [], ledger, writeCount: 1 })).toHaveLength(1);
  });

  it('report an acknowledged write that is missing', () => {
    const ledger = [{ client: 9, ranges: [[1, 1]] as [number, number][], duplicates: 0 }];
    expect(checkLedger(history(2), { values: [], ledger, writeCount: 1 })).toEqual([
      { kind: 'lost write', clusterID: 3, detail: 'client 9: acknowledged writes are lost: 2' },
    ]);
  });
});

describe('replicas', () => {
  it('pass when they are equal', () => {
    const seen = views({ checkpoints: [[5, 1]] }, { checkpoints: [[5, 1]] }, {});
    expect(checkHashes(3, seen)).toEqual([]);
    expect(checkMembership(GROUP, seen)).toEqual([]);
    expect(isSettled(GROUP, seen)).toBe(true);
  });

  it('are caught when their states differ at the same index', () => {
    const [problem, ...more] = checkHashes(3, views({}, { hash: 'bb' }, {}));
    expect(more).toEqual([]);
    expect(problem?.detail).toBe(
      'states differ at index 10: aa (10 writes) on host 1, 3; bb (10 writes) on host 2',
    );
  });

  it('are caught when they applied something else on the way', () => {
    const problems = checkHashes(3, views({ checkpoints: [[5, 1]] }, { checkpoints: [[5, 2]] }, {}));
    expect(problems).toHaveLength(1);
    expect(problems[0]?.detail).toContain('commands differ up to write 5');
  });

  it('have not settled when they are behind, missing or of another node', () => {
    expect(isSettled(GROUP, views({}, { applied: 9 }, {}))).toBe(false);
    expect(isSettled(GROUP, views({}, {}))).toBe(false);
    const strange = views({}, {}, {}).map((view, i) =>
      i === 2 ? { ...view, status: { ...view.status, nodeID: 3 } } : view,
    );
    expect(isSettled(GROUP, strange)).toBe(false);
    expect(isSettled(GROUP, views({}, {}, { state: 'failed' }))).toBe(false);
  });

  it('are caught with other members than there should be', () => {
    const problems = checkMembership(GROUP, views({}, { nodes: ADDRESSES.slice(0, 2) }, {}));
    expect(problems.map(({ detail }) => detail)).toEqual([
      'host 2 has [1,2], observers none, instead of [1,2,4]',
      expect.stringContaining('members differ'),
    ]);
  });

  it('are caught with an observer that was to be promoted, or without knowing any members', () => {
    const late = { observers: [[5, 'd:1']] as [number, string][] };
    expect(checkMembership(GROUP, views(late, late, late)).map(({ detail }) => detail)).toEqual([
      'host 1 has [1,2,4], observers 5, instead of [1,2,4]',
      'host 2 has [1,2,4], observers 5, instead of [1,2,4]',
      'host 3 has [1,2,4], observers 5, instead of [1,2,4]',
    ]);
    expect(checkMembership(GROUP, views({}, {}, { state: 'failed' })).map(({ detail }) => detail)).toEqual([
      'node 4 on host 3 is failed: no reason given',
    ]);
  });
});
