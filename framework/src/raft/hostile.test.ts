import { describe, expect, it } from '@jest/globals';
import {
  ConfigChangeType,
  type EntryType,
  type Membership,
  type Message,
  MessageType,
  encodeConfigChange,
  makeEntry,
  makeMessage,
} from '@drakkar/raftio';
import fc from 'fast-check';
import { MAX_TERM_CREDIT } from './state.js';
import { Solo, initWithTerms, membershipOf } from './testing/solo.js';
import type { RaftConfig } from './types.js';

/*
 * One replica among senders that say anything. Whatever they say, `step` does not throw, the term stays within
 * bounds, and when they have fallen silent the replica is elected, or follows, and commits.
 */

const START_TERM = 3;
const MAX_TICKS = 400;

interface Scene {
  name: string;
  config?: Partial<RaftConfig>;
  prepare: (solo: Solo) => void;
  isObserver?: boolean;
}

function lead(solo: Solo): void {
  solo.elect(2);
  for (const nodeID of [2, 3]) solo.ack(nodeID);
  solo.drain();
}

function fallAsleep(solo: Solo): void {
  lead(solo);
  for (let i = 0; i < 300 && !solo.raft.isQuiesced; i++) {
    solo.tick();
    for (const nodeID of [2, 3]) solo.ack(nodeID);
    solo.step(2, MessageType.HeartbeatResp);
    solo.drain();
  }
}

const scenes: Scene[] = [
  { name: 'a follower that hears nobody', prepare: () => undefined },
  {
    name: 'a follower of a live leader',
    prepare: (solo) => {
      solo.step(2, MessageType.Heartbeat, { term: START_TERM + 1 });
      solo.drain();
    },
  },
  {
    name: 'a candidate',
    prepare: (solo) => {
      const { term } = solo.raft;
      while (solo.raft.term === term) solo.tick();
      solo.drain();
    },
  },
  {
    name: 'a pre-candidate',
    config: { preVote: true },
    prepare: (solo) => {
      while (solo.raft.status().role !== 'preCandidate') solo.tick();
      solo.drain();
    },
  },
  { name: 'a leader', prepare: lead },
  { name: 'a leader with check quorum', config: { checkQuorum: true }, prepare: lead },
  { name: 'a leader that sleeps', config: { quiesce: true, checkQuorum: true }, prepare: fallAsleep },
  { name: 'an observer', config: { nodeID: 4 }, prepare: () => undefined, isObserver: true },
];

function start({ config = {}, prepare }: Scene): Solo {
  const nodeID = config.nodeID ?? 1;
  const log = [1, 1, 2, 3, 3].map((term, i) => makeEntry({ term, index: i + 1 }));
  const init = initWithTerms(log, { term: START_TERM, vote: 0, commit: 3 });
  const membership = membershipOf([1, 2, 3], [4]);
  const solo = new Solo({ nodeID, ...config }, { ...init, membership, applied: 3 });
  prepare(solo);
  return solo;
}

/** Numbers near those of the state, which reach deeper than any, and some that are far from it. */
const near = fc.oneof(
  { weight: 8, arbitrary: fc.nat(9) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      2 ** 31,
      MAX_TERM_CREDIT,
      MAX_TERM_CREDIT + START_TERM,
      2 ** 52,
      Number.MAX_SAFE_INTEGER - 1,
      Number.MAX_SAFE_INTEGER,
    ),
  },
);
const hint = fc.oneof({ weight: 8, arbitrary: near }, { weight: 1, arbitrary: fc.constant(2n ** 63n) });
/** Also types that are no message between replicas, and unknown ones. */
const type = fc.oneof(
  fc.constantFrom(...Object.values(MessageType)),
  fc.constantFrom(66, 67, 99).map((number) => number as MessageType),
);
const goodChange = encodeConfigChange({
  configChangeID: 0,
  type: ConfigChangeType.AddObserver,
  nodeID: 9,
  address: 'host9:1',
  initialize: false,
});
const entry = fc.record({
  term: near,
  index: near,
  type: fc.constantFrom(0, 0, 0, 1, 2, 3).map((number) => number as EntryType),
  cmd: fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.constant(goodChange)),
});

/** Pieces of a log in order, which get further than arbitrary ones. */
const run = fc
  .record({ first: fc.nat(8), terms: fc.array(fc.nat(6), { maxLength: 4 }) })
  .map(({ first, terms }) =>
    [...terms]
      .sort((a, b) => a - b)
      .map((term, i) => ({ term, index: first + i, type: 0, cmd: new Uint8Array() })),
  );

/** It may list anybody, but does not remove the replica itself: a member that says so can't be told from the truth. */
const membership: fc.Arbitrary<Membership> = fc
  .record({ id: near, others: fc.subarray([2, 3, 7]), isFull: fc.boolean(), removed: fc.subarray([2, 3, 7]) })
  .map(({ id, others, isFull, removed }) => {
    const members = membershipOf(isFull ? [1, 2, 3] : [1, ...others], [4]);
    for (const nodeID of removed) if (!members.addresses.has(nodeID)) members.removed.set(nodeID, true);
    return { ...members, configChangeID: id };
  });

const message: fc.Arbitrary<Partial<Message> & { type: MessageType; from: number }> = fc
  .record({
    type,
    from: fc.constantFrom(1, 2, 2, 2, 3, 4, 7, 99),
    term: near,
    logTerm: near,
    logIndex: near,
    commit: near,
    reject: fc.boolean(),
    hint,
    hintHigh: hint,
    entries: fc.oneof(fc.array(entry, { maxLength: 3 }), run) as fc.Arbitrary<
      Parameters<typeof makeEntry>[0][]
    >,
    snapshot: fc.option(fc.record({ index: near, term: near, membership }), { nil: undefined, freq: 3 }),
  })
  .map(({ entries, snapshot, ...fields }) => ({
    ...fields,
    // Most members that say it can't be told from the truth; see removal.ts.
    from: fields.type === MessageType.NotMember ? 2 : fields.from,
    entries: entries.map((each) => makeEntry(each)),
    snapshot: snapshot && { ...snapshot, filepath: '', fileSize: 0, files: [] },
  }));

type Step = ReturnType<typeof message.generate>['value'] | 'tick' | 'drain';
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: message },
    { weight: 2, arbitrary: fc.constant('tick' as const) },
    { weight: 2, arbitrary: fc.constant('drain' as const) },
  ),
  { minLength: 1, maxLength: 40 },
);

function suffer(solo: Solo, attack: readonly Step[]): void {
  for (const each of attack) {
    if (each === 'tick') solo.tick();
    else if (each === 'drain') solo.drain();
    else solo.raft.step(makeMessage({ ...each, to: solo.nodeID, clusterID: 1 }));
  }
  solo.drain();
}

/** The voters that the replica knows play their part: it is elected, and commits what it has. */
function electAndCommit(solo: Solo): void {
  const others = (): number[] =>
    [...solo.raft.status().membership.addresses.keys()].filter((nodeID) => nodeID !== solo.nodeID);
  solo.raft.propose([makeEntry({ cmd: new Uint8Array(1) })]);
  for (let i = 0; i < MAX_TICKS; i++) {
    solo.tick();
    solo.drain();
    const { role, term } = solo.raft.status();
    for (const from of others()) {
      if (role === 'preCandidate') solo.step(from, MessageType.RequestPreVoteResp, { term: term + 1 });
      else if (role === 'candidate') solo.step(from, MessageType.RequestVoteResp);
      else if (role === 'leader') solo.ack(from);
    }
    solo.drain();
    const { role: now, commit, lastIndex } = solo.raft.status();
    if (now === 'leader' && commit === lastIndex) return;
  }
  throw new Error(`not elected: ${JSON.stringify(solo.raft.status())}`);
}

/** A voter leads in a later term: the observer takes its entry and learns that it is committed. */
function follow(solo: Solo): void {
  const { term, commit, lastIndex } = solo.raft.status();
  const [from] = solo.raft.status().membership.addresses.keys();
  if (from === undefined) throw new Error('no voter is known');
  const later = makeEntry({ term: term + 1, index: lastIndex + 1 });
  const logTerm = solo.lastTerm;
  solo.tick(30);
  solo.step(from, MessageType.Replicate, {
    term: term + 1,
    logIndex: lastIndex,
    logTerm,
    entries: [later],
    commit: lastIndex + 1,
  });
  solo.drain();
  expect(solo.raft.status()).toMatchObject({ commit: lastIndex + 1, leaderID: from });
  expect(commit).toBeLessThanOrEqual(lastIndex);
}

describe('a replica among senders that say anything', () => {
  for (const scene of scenes) {
    it(`never throws and works afterwards: ${scene.name}`, () => {
      fc.assert(
        fc.property(steps, (attack) => {
          const solo = start(scene);
          suffer(solo, attack);
          const ticks = attack.filter((each) => each === 'tick').length;
          expect(solo.raft.term).toBeLessThan(START_TERM + 10 + MAX_TERM_CREDIT + (ticks + 300) * 1_025);
          if (scene.isObserver === true) follow(solo);
          else electAndCommit(solo);
        }),
        { numRuns: 300 },
      );
    });
  }

  it('is elected after two senders have claimed in one term, once each, that it has lost entries', () => {
    const solo = start({ name: '', prepare: () => undefined });
    for (const from of [7, 2]) {
      solo.step(from, MessageType.Heartbeat, { term: START_TERM + 1, commit: 6 });
      solo.tick();
    }
    electAndCommit(solo);
  });

  it('is not moved by unlisted senders but to hear a leader or to vote', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 20 }), (messages) => {
        const solo = start(scenes[0] as Scene);
        const before = solo.raft.status();
        for (const each of messages) {
          if (each.type === MessageType.Replicate || each.type === MessageType.Heartbeat) continue;
          if (each.type === MessageType.InstallSnapshot || each.type === MessageType.RequestVote) continue;
          if (each.type === MessageType.RequestPreVote) continue;
          solo.raft.step(makeMessage({ ...each, from: 77, to: 1, clusterID: 1 }));
        }
        expect(solo.raft.status()).toEqual(before);
        expect(solo.raft.hasUpdate()).toBe(false);
      }),
    );
  });

  it('hears no unlisted sender at all while a listed leader is heard, or leads here', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 5), fc.array(message, { maxLength: 20 }), (which, messages) => {
        const solo = start(scenes[which] as Scene);
        const before = solo.raft.status();
        for (const each of messages) {
          solo.raft.step(makeMessage({ ...each, from: 77, to: 1, clusterID: 1 }));
        }
        expect(solo.raft.status()).toEqual(before);
      }),
    );
  });
});
