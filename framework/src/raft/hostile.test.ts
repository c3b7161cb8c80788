import { describe, expect, it } from '@jest/globals';
import { type Message, MessageType, isDrakkarError, makeEntry, makeMessage } from '@drakkar/raftio';
import fc from 'fast-check';
import { createRaft } from './raft.js';
import { SeededRandom } from './testing/random.js';
import type { IRaft, RaftUpdate } from './types.js';

const LOG_LENGTH = 5;

function start(preVote: boolean): IRaft {
  const addresses = new Map([1, 2, 3].map((nodeID) => [nodeID, `host${nodeID}:1`]));
  return createRaft(
    {
      clusterID: 9,
      nodeID: 1,
      electionTimeoutTicks: 10,
      heartbeatTicks: 2,
      checkQuorum: true,
      preVote,
      quiesce: true,
      isObserver: false,
      maxInMemLogBytes: 1 << 20,
      maxReplicateBytes: 4_096,
      maxInflightBytes: 1 << 16,
      maxInflightMessages: 8,
      random: new SeededRandom(1),
    },
    {
      state: { term: 2, vote: 0, commit: 3 },
      snapshotIndex: 0,
      snapshotTerm: 0,
      firstIndex: 1,
      lastIndex: LOG_LENGTH,
      termRuns: [{ index: 1, term: 1 }],
      tail: Array.from({ length: LOG_LENGTH }, (_, i) => makeEntry({ term: 1, index: i + 1 })),
      applied: 3,
      membership: { configChangeID: 1, addresses, removed: new Map(), observers: new Map([[4, 'host4:1']]) },
    },
  );
}

/** Numbers near those of the state, which reach deeper than any, and some that are far from it. */
const near = fc.oneof(
  { weight: 6, arbitrary: fc.nat(8) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER),
  },
);
const hint = fc.oneof({ weight: 8, arbitrary: near }, { weight: 1, arbitrary: fc.constant(2n ** 63n) });
const types = Object.values(MessageType).filter((type): type is MessageType => typeof type === 'number');

const message: fc.Arbitrary<Message> = fc
  .record({
    type: fc.constantFrom(...types),
    from: fc.constantFrom(2, 2, 2, 3, 4, 7),
    term: near,
    logTerm: near,
    logIndex: near,
    commit: near,
    reject: fc.boolean(),
    hint,
    hintHigh: hint,
    entries: fc.array(
      fc.record({
        term: near,
        index: near,
        type: fc.constantFrom(0 as const, 1 as const),
        cmd: fc.uint8Array({ maxLength: 20 }),
      }),
      { maxLength: 3 },
    ),
    snapshot: fc.option(fc.record({ index: near, term: near }), { nil: undefined, freq: 3 }),
  })
  .map(({ entries, snapshot, ...fields }) =>
    makeMessage({
      ...fields,
      to: 1,
      clusterID: 9,
      entries: entries.map((entry) => makeEntry(entry)),
      snapshot: snapshot && {
        ...snapshot,
        filepath: '',
        fileSize: 0,
        files: [],
        membership: {
          configChangeID: 1,
          addresses: new Map([[1, 'host1:1']]),
          removed: new Map(),
          observers: new Map(),
        },
      },
    }),
  );

type Step = { kind: 'message'; message: Message } | { kind: 'tick' } | { kind: 'save' };
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: message.map((each) => ({ kind: 'message' as const, message: each })) },
  { weight: 3, arbitrary: fc.constant({ kind: 'tick' as const }) },
  { weight: 2, arbitrary: fc.constant({ kind: 'save' as const }) },
);

/** Drives a core as an engine does, until it sees that somebody lies. Returns what it gave to be saved. */
function live(core: IRaft, steps: readonly Step[]): { terms: number[]; sawThrough: boolean } {
  const unsaved: RaftUpdate[] = [];
  const terms: number[] = [core.term];
  try {
    for (const each of steps) {
      if (each.kind === 'message') core.step(each.message);
      else if (each.kind === 'tick') core.tick();
      else {
        const update = unsaved.shift();
        if (update !== undefined) core.saved(update);
      }
      if (!core.hasUpdate()) continue;
      const update = core.getUpdate();
      if (update.mustSave) unsaved.push(update);
      terms.push(core.term);
    }
    return { terms, sawThrough: false };
  } catch (error) {
    if (isDrakkarError(error) && error.code === 'ERR_RAFT_INVARIANT') return { terms, sawThrough: true };
    throw error;
  }
}

describe('a core among hostile members', () => {
  it.each([true, false])('does its work or stops for a broken invariant; pre-vote %s', (preVote) => {
    let stopped = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
        const { terms, sawThrough } = live(start(preVote), steps);
        if (sawThrough) stopped++;
        expect([...terms].sort((a, b) => a - b)).toEqual(terms);
      }),
    );
    expect(stopped).toBeGreaterThan(0);
  });

  it('is not moved by messages of replicas that were never members, but for votes and snapshots', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 20 }), (messages) => {
        const core = start(true);
        for (const each of messages) {
          if (each.type === MessageType.Replicate || each.type === MessageType.Heartbeat) continue;
          if (each.type === MessageType.InstallSnapshot) continue;
          core.step({ ...each, from: 77, term: 0 });
        }
        expect({ term: core.term, leader: core.leaderID, hasUpdate: core.hasUpdate() }).toEqual({
          term: 2,
          leader: 0,
          hasUpdate: false,
        });
      }),
    );
  });
});
