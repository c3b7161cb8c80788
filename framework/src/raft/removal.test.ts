import { describe, expect, it } from '@jest/globals';
import { ConfigChangeType, Feature, MessageType } from '@drakkar/raftio';
import { expectGolden } from './testing/golden.js';
import { Solo, emptyInit, ofType } from './testing/solo.js';
import { Story } from './testing/story.js';
import type { CoreReport, RaftConfig, RaftInit } from './types.js';

const { Heartbeat, NoOP, NotMember, RequestPreVote, RequestVote } = MessageType;
const LATER = { term: 0, logIndex: 9 };
const ELECTION_TICKS = 10;

/** Of voters 1 to `voters`, of which this is 1, with a membership of the change at 5. */
function member(voters: number[], config: Partial<RaftConfig> = {}, observers: number[] = []): Solo {
  const init: RaftInit = emptyInit(voters, observers);
  init.membership.configChangeID = 5;
  return new Solo({ preVote: true, ...config }, init);
}

function removals(solo: Solo): CoreReport[] {
  return solo.drain().updates.flatMap(({ reports }) => reports.filter(({ type }) => type === 'removed'));
}

describe('a member that has removed the sender', () => {
  const init = emptyInit([1, 2]);
  init.membership.configChangeID = 7;
  init.membership.removed.set(3, true);

  it('answers its questions with the change that its membership is of, and nothing else', () => {
    const solo = new Solo({ featuresOf: () => Feature.NotMember }, init);
    for (const [type, fields] of [
      [RequestVote, { term: 9 }],
      [RequestPreVote, { term: 9 }],
      [NoOP, { term: 0 }],
    ] as const) {
      solo.step(3, type, fields);
      const [answer] = ofType(solo.drain().messages, NotMember);
      expect(answer).toMatchObject({ to: 3, term: 0, logIndex: 7 });
    }
    solo.step(3, Heartbeat, { term: 9 });
    solo.step(3, NotMember, LATER);
    expect(solo.drain().messages).toEqual([]);
    expect(solo.raft.term).toBe(0);
  });

  it('does not answer a host that does not know the message', () => {
    const solo = new Solo({}, init);
    solo.step(3, RequestVote, { term: 9 });
    expect(solo.raft.hasUpdate()).toBe(false);
  });
});

describe('a replica that is told that it was removed', () => {
  it('believes most of the other voting members when they repeat it, ends, and stands for no election', () => {
    const solo = member([1, 2, 3, 4]);
    solo.tick(3 * ELECTION_TICKS);
    solo.drain();
    for (const nodeID of [2, 3, 4]) solo.step(nodeID, NotMember, LATER);
    solo.tick(ELECTION_TICKS);
    solo.step(2, NotMember, LATER);
    expect(removals(solo)).toEqual([]);
    solo.step(3, NotMember, LATER);
    expect(removals(solo)).toEqual([{ type: 'removed', saidBy: [2, 3, 4] }]);
    solo.tick(10 * ELECTION_TICKS);
    solo.step(4, NotMember, LATER);
    const { messages, updates } = solo.drain();
    expect(ofType(messages, RequestPreVote)).toEqual([]);
    expect(updates.flatMap(({ reports }) => reports)).toEqual([]);
  });

  it('believes one member that repeats it for ten election timeouts without a leader', () => {
    const solo = member([1, 2, 3], {}, [4]);
    solo.tick(3 * ELECTION_TICKS);
    for (let i = 0; i < 10; i++) {
      solo.step(4, NotMember, LATER);
      expect(removals(solo)).toEqual([]);
      solo.tick(ELECTION_TICKS);
    }
    solo.step(4, NotMember, LATER);
    expect(removals(solo)).toEqual([{ type: 'removed', saidBy: [4] }]);
  });

  it('takes no notice while it hears its leader, and counts from the beginning afterwards', () => {
    const solo = member([1, 2, 3]);
    for (let i = 0; i < 40; i++) {
      solo.step(2, Heartbeat, { term: 1 });
      for (const nodeID of [2, 3]) solo.step(nodeID, NotMember, LATER);
      solo.tick(ELECTION_TICKS / 2);
    }
    solo.tick(3 * ELECTION_TICKS);
    solo.step(3, NotMember, LATER);
    solo.step(2, Heartbeat, { term: solo.raft.term });
    for (const [isLed, count] of [
      [true, 0],
      [false, 0],
      [false, 1],
    ] as const) {
      solo.tick(2 * ELECTION_TICKS);
      for (const nodeID of [2, 3]) solo.step(nodeID, NotMember, LATER);
      expect(removals(solo)).toHaveLength(count);
      if (isLed) solo.step(2, Heartbeat, { term: solo.raft.term });
    }
  });

  it('takes no notice as the leader, of no member, of no later membership, nor of what is not repeated', () => {
    const leader = new Solo();
    leader.lead();
    for (const nodeID of [2, 3]) leader.step(nodeID, NotMember, LATER);
    const solo = member([1, 2, 3]);
    solo.tick(3 * ELECTION_TICKS);
    expect(solo.step(9, NotMember, LATER)).toBe('unlistedSender');
    for (const nodeID of [2, 3]) solo.step(nodeID, NotMember, { term: 0, logIndex: 5 });
    for (let i = 0; i < 5; i++) {
      solo.step(2, NotMember, LATER);
      solo.tick(5 * ELECTION_TICKS);
    }
    for (const each of [leader, solo]) expect(removals(each)).toEqual([]);
  });
});

describe('a member that was cut off while it was removed', () => {
  it('learns it from one that it knows', () => {
    const story = new Story({ voters: 3, config: { featuresOf: () => Feature.NotMember } });
    story.timeout(1);
    story.isolate(3);
    story.change(1, ConfigChangeType.RemoveNode, 3);
    story.tickAll(2);
    const before = story.transcript.length;
    story.heal();
    story.say('it asks for votes, and hears that it is none of them any more');
    story.tickAll(40);
    expect(story.transcript.slice(before)).toMatch(/3: .*removed, says 1 2/);
    expectGolden('removed-while-away', story.transcript.slice(before));
  });
});
